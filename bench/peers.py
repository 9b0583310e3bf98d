"""classify beside MLServer, KServe and a plain server of gRPC, and how throughput grows.

    make performance
    make performance TABLES="peers points"

Every server gets the same picture as a file, decodes it by Pillow and runs the same model by
LiteRT. The others are run from their packages, in environments that uv makes by the locks in
bench/peers. Everything takes turns; docs/performance.md is written from it. Without --page it is
only printed.
"""

import argparse
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx
import numpy as np
from growth import (
    PATIENCE,
    SMALL,
    Rows,
    Work,
    calling_plainly,
    describe,
    describe_latency,
    grow_callers,
    grow_cores,
    grow_models,
    grow_points,
)
from litert_model import LiteRtModel
from load import Call, Samples, by_grpc, by_http, by_invoke_service, by_message, by_path, take_turns
from mesh import ROOT, Mesh, Profile
from performance import (
    BARE,
    CONCURRENCIES,
    FAR,
    INVOKE,
    OTHERS,
    PLAIN,
    SELF,
    SELF_HTTP,
    SIDECAR,
    WAYS,
    Table,
    keep,
    list_tables,
    tell,
    tell_apart,
    wrap,
    write,
)
from processes import Process, free_ports
from servers import PROGRAMS, seconds_of_cpu, serving_plainly, serving_v2
from v2 import INFER, best_of_body, best_of_message, v2_body, v2_json, v2_request

from meshlens.classify.models import shipped_models

CORES = len(os.sched_getaffinity(0))
# Less than twice as large as the model's input, so that classify, too, decodes all of it.
PICTURE = ROOT / "services/classify/samples/coffee.jpg"
KINDS = ("peers", "cores", "callers", "models", "points")

VERDICT = """\
The other servers beside classify itself, calls per second by the same protocol:

{others}

{between}"""


@dataclass(frozen=True)
class Way:
    """How a picture gets to a server.

    Attributes:
        call: sends it once.
        server: the process that answers.
        sidecars: those on the way.
    """

    call: Call
    server: Process
    sidecars: Sequence[Process] = ()


def find_version(program: str, package: str) -> str:
    """Return the version of a package that a program of bench/peers asks for."""
    found = re.search(rf'"{package}==([\d.]+)"', (PROGRAMS / f"{program}.py").read_text())
    if found is None:
        raise ValueError(f"{program} names no version of {package}")
    return found[1]


def find_input(mesh: Mesh, model: str) -> str:
    """Return the name of a model's input."""
    address = f"http://127.0.0.1:{mesh.listener_port('classify')}/v2/models/{model}"
    told = httpx.get(address).raise_for_status().json()
    name: str = told["inputs"][0]["name"]
    return name


def open_own(stack: ExitStack, mesh: Mesh, work: Work) -> dict[str, Way]:
    """Return the ways to classify's own methods."""
    server = mesh.process("classify")
    near, far = mesh.process("classify-daprd"), mesh.process("pca-daprd")
    rpc, through = mesh.grpc_port("classify"), mesh.grpc_port("pca")
    body = work.body
    ways = (
        (INVOKE, by_grpc(mesh.app_port("classify"), body), ()),
        (SIDECAR, by_grpc(rpc, body), (near,)),
        ("classify, sidecar, Dapr's invoke", by_invoke_service(rpc, body), (near,)),
        ("classify, sidecar, HTTP", by_http(mesh.http_port("classify"), body), (near,)),
        (FAR, by_grpc(through, body), (far, near)),
        ("classify, two sidecars, Dapr's invoke", by_invoke_service(through, body), (far, near)),
    )
    return {name: Way(stack.enter_context(call), server, them) for name, call, them in ways}


def open_v2(
    stack: ExitStack, work: Work, server: Process, ports: Sequence[int], entry: str = ""
) -> tuple[Way, Way]:
    """Return the ways to a server of V2, by gRPC and by HTTP, once both have found one class.

    Args:
        stack: closes them.
        work: the picture and the model.
        server: the server's process.
        ports: that of HTTP and that of gRPC.
        entry: the name of the model's input in classify; the others have none, and take no picture
            behind the JSON.
    """
    picture = work.picture.read_bytes()
    name, make_body = (entry, v2_body) if entry else ("picture", v2_json)
    message = v2_request(work.model, name, picture)
    rpc = stack.enter_context(by_message(ports[1], INFER, message))
    path = f"/v2/models/{work.model}/infer"
    rest = stack.enter_context(by_path(ports[0], path, *make_body(name, picture)))
    own = int(LiteRtModel(str(work.file)).see(picture).argmax())
    found = best_of_message(rpc()), best_of_body(*rest())
    if found != (own, own):
        raise RuntimeError(f"{server.name} finds the classes {found}, the bare loop {own}")
    return Way(rpc, server), Way(rest, server)


@contextmanager
def opening_ways(work: Work) -> Iterator[dict[str, Way]]:
    """Start all servers, and return every way by its name."""
    free = free_ports()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # Room for all callers, so that none is refused.
        room = {"QUEUE_PER_WORKER": str(max(CONCURRENCIES))}
        env = {"classify": {**work.settings, **room, "EVENTS": "off"}}
        mesh = stack.enter_context(Mesh(Profile.EMBEDDED, folder, env=env, listens=True))
        ways = open_own(stack, mesh, work)
        ports = [mesh.listener_port("classify"), mesh.app_port("classify")]
        entry = find_input(mesh, work.model)
        server = mesh.process("classify")
        ways[SELF], ways[SELF_HTTP] = open_v2(stack, work, server, ports, entry)
        port = next(free)
        server = stack.enter_context(serving_plainly(work.file, port, folder))
        call = stack.enter_context(calling_plainly(port, work.picture.read_bytes()))
        ways[PLAIN] = Way(call, server)
        for name, program, count in (
            ("MLServer", "mlserver_litert", 3),
            ("KServe", "kserve_litert", 2),
        ):
            ports = [next(free) for _ in range(count)]
            server = stack.enter_context(serving_v2(program, work.model, work.file, ports, folder))
            ways[f"{name}, gRPC"], ways[f"{name}, HTTP"] = open_v2(stack, work, server, ports)
        yield {name: ways[name] for name in WAYS if name != BARE}


def describe_cpu(samples: Samples) -> dict[str, str]:
    """Return the columns of CPU, in milliseconds for a call."""
    server, sidecars = (f"{it * 1000 / len(samples.seconds):.1f}" for it in samples.spent)
    return {"CPU ms": server, "sidecars' CPU ms": sidecars if float(sidecars) else "-"}


def describe_way(name: str, samples: Samples) -> dict[str, str]:
    """Return the row of a way."""
    latency = describe_latency(samples)
    tail = samples.quantile(0.99) / samples.quantile(0.5)
    return {
        "way": name,
        **describe(samples),
        **latency,
        "p99/p50": f"{tail:.1f}",
        **describe_cpu(samples),
    }


def compare_servers(work: Work) -> Iterator[tuple[str, Rows, str]]:
    """Yield the table of each number of callers: its name, its rows and what they say."""
    model, picture = LiteRtModel(str(work.file)), work.picture.read_bytes()
    with opening_ways(work) as ways:

        def count(name: str) -> Sequence[float]:
            if name == BARE:
                return time.process_time(), 0.0
            way = ways[name]
            return seconds_of_cpu([way.server]), seconds_of_cpu(way.sidecars)

        for callers in CONCURRENCIES:
            ground, samples = take_turns(
                {(name, callers): way.call for name, way in ways.items()},
                (lambda: model.see(picture), (BARE, CORES)),
                rounds=work.rounds,
                seconds=work.seconds,
                meters=count,
            )
            found = {BARE: ground, **{name: each for (name, _), each in samples.items()}}
            rates = {name: np.array(each.rates) for name, each in found.items()}
            others = {name: (rates[name] / rates[own]).tolist() for name, own in OTHERS.items()}
            between = {
                name: (rates[name] / rates[INVOKE]).tolist() for name in found if "sidecar" in name
            }
            verdict = VERDICT.format(
                others=tell_apart(others),
                between=wrap(
                    f"Through sidecars, relative to classify itself by gRPC: {tell(between)}."
                ),
            )
            rows = [describe_way(name, each) for name, each in found.items()]
            yield f"peers-{callers}", rows, verdict


def measure(kind: str, work: Work) -> Iterator[tuple[str, Rows, str]]:
    """Yield the tables of a kind: the name of each, its rows, and what they say."""
    grow: Mapping[str, Callable[[Work], Rows]] = {
        "cores": grow_cores,
        "callers": grow_callers,
        "models": grow_models,
    }
    if kind == "peers":
        yield from compare_servers(work)
    elif kind == "points":
        rows, ratios = grow_points(work.rounds)
        yield kind, rows, "pca beside numpy:\n\n" + tell_apart(ratios)
    else:
        yield kind, grow[kind](work), ""


def find_facts(work: Work, table: Table) -> dict[str, object]:
    """Return what the text of a table names."""
    versions = [
        f"{title} {find_version(f'{title.lower()}_litert', title.lower())}"
        for title in ("MLServer", "KServe")
    ]
    return {
        "callers": table.name.rpartition("-")[2],
        "cores": CORES,
        "patience": f"{PATIENCE:.0f}",
        "model": SMALL if table.name == "models" else work.model,
        "picture": work.picture.name,
        "size": f"{work.picture.stat().st_size:,}",
        "versions": f"{', '.join(versions)} and a server of grpc.aio {version('grpcio')}",
    }


def show(table: Table, rows: Rows, verdict: str) -> None:
    """Print a table."""
    columns = (*table.key, *table.figures)
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in columns]
    print(f"\n{table.title}")
    for line in ([*columns], *([row[name] for name in columns] for row in rows)):
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)))
    print(verdict, flush=True)


def main() -> None:
    """Measure, print and, if asked for, write the page."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--tables", nargs="+", choices=KINDS, default=KINDS)
    arguments.add_argument("--rounds", type=int, default=6)
    arguments.add_argument("--seconds", type=float, default=0.6, help="of each way, in a round")
    arguments.add_argument("--models", type=Path, default=shipped_models())
    arguments.add_argument("--model", default="objects")
    arguments.add_argument("--picture", type=Path, default=PICTURE)
    arguments.add_argument("--page", action="store_true", help="write docs/performance.md, too")
    options = arguments.parse_args()
    (file,) = (options.models / options.model).rglob("*.tflite")
    work = Work(
        options.models.resolve(),
        options.model,
        file.resolve(),
        options.picture.resolve(),
        options.rounds,
        options.seconds,
    )
    tables = list_tables(CORES)
    for kind in options.tables:
        load = os.getloadavg()[0]
        for name, rows, verdict in measure(kind, work):
            table = tables[name]
            show(table, rows, verdict)
            facts = find_facts(work, table)
            keep(table, rows, rounds=work.rounds, load=load, facts=facts, verdict=verdict)
            if options.page:
                write()


if __name__ == "__main__":
    main()
