"""tritonclient's throughput: classify, through a sidecar and without, beside MLServer and KServe.

All serve the same .tflite file by LiteRT, and the same client, as it is, sends them the pixels of a
picture, in turn with all others. The other servers and the client have environments of their own,
which uv makes by the locks in bench/peers. The reference is classify through its sidecar, by gRPC.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mesh import ROOT, Mesh, Profile
from processes import Process, eventually, free_ports, is_listening

from meshlens.classify.models import shipped_models

PROGRAMS = ROOT / "bench/peers"
MODEL, INPUT, SHAPE = "objects", "picture", [1, 224, 224, 3]
FILE = shipped_models() / "objects/1/objects.tflite"
REFERENCE = "classify, sidecar, gRPC"
START_SECONDS = 120.0


def find_uv() -> str | None:
    """Return the program uv: the one that runs this, else an installed one."""
    return os.environ.get("UV") or shutil.which("uv")


def prepare(uv: str, program: str) -> list[str]:
    """Make the environment of a program and return the command that runs it there."""
    path = str(PROGRAMS / f"{program}.py")
    subprocess.run([uv, "sync", "--frozen", "--quiet", "--script", path], check=True)  # noqa: S603 - our own program
    return [uv, "run", "--frozen", "--quiet", "--script", path]


def is_ready(port: int) -> bool:
    """Return whether the server answers that it has loaded the model."""
    with suppress(OSError):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        connection.request("GET", f"/v2/models/{MODEL}/ready")
        return connection.getresponse().status == http.client.OK
    return False


@contextmanager
def running(uv: str, program: str, ports: list[int], folder: Path) -> Iterator[None]:
    """Run another server once it is ready on all ports, the first of which is HTTP's; end it."""
    command = [*prepare(uv, program), MODEL, str(FILE), *map(str, ports)]
    process = Process(program, command, folder=folder, env=os.environ)
    try:
        eventually(
            lambda: all(map(is_listening, ports)) and is_ready(ports[0]),
            f"{program} is ready",
            within=START_SECONDS,
        )
        yield
    finally:
        process.kill()


def describe_way(
    protocol: str,
    address: str,
    name: str = "input",
    *,
    binary: bool = True,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return how the client reaches a server, and sends the pixels: as bytes, or in JSON."""
    return {
        "protocol": protocol,
        "address": address,
        "headers": dict(headers),
        "model": MODEL,
        "input": name,
        "datatype": "UINT8",
        "shape": SHAPE,
        "sending": {} if binary else {"binary_data": False},
    }


def find_ways(mesh: Mesh, peers: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """Return each way by its name, the reference first."""
    own = {"dapr-app-id": "classify"}
    host = "127.0.0.1"
    prefix = f"{host}:{mesh.http_port('classify')}/v1.0/invoke/classify/method"
    ways = {
        REFERENCE: describe_way("grpc", f"{host}:{mesh.grpc_port('classify')}", INPUT, headers=own),
        "classify, two sidecars, gRPC": describe_way(
            "grpc", f"{host}:{mesh.grpc_port('pca')}", INPUT, headers=own
        ),
        "classify, itself, gRPC": describe_way(
            "grpc", f"{host}:{mesh.app_port('classify')}", INPUT
        ),
        "classify, sidecar, HTTP": describe_way("http", prefix, INPUT),
        "classify, itself, HTTP": describe_way(
            "http", f"{host}:{mesh.listener_port('classify')}", INPUT
        ),
    }
    for name, (rest, rpc) in peers.items():
        ways[f"{name}, gRPC"] = describe_way("grpc", f"{host}:{rpc}")
        # MLServer takes no tensors behind the JSON.
        binary = name != "MLServer"
        ways[f"{name}, HTTP{'' if binary else ', JSON'}"] = describe_way(
            "http", f"{host}:{rest}", binary=binary
        )
    return ways


def show(figures: Mapping[str, list[list[float]]]) -> None:
    """Print the median of each way's rounds, its spread, and how it compares with the reference.

    The ratio is that of each round, as what else the machine does changes between rounds.
    """
    print(f"{'way':30} {'calls/s':>8} {'ms':>7} {'ratio':>6} {'from':>6} {'to':>6}")
    for name, rounds in figures.items():
        pairs = zip(rounds, figures[REFERENCE], strict=True)
        ratios = [rate / ground for (rate, _), (ground, _) in pairs]
        rate = statistics.median(rate for rate, _ in rounds)
        seconds = statistics.median(seconds for _, seconds in rounds)
        print(
            f"{name:30} {rate:8.1f} {seconds * 1000:7.1f} {statistics.median(ratios):6.2f}"
            f" {min(ratios):6.2f} {max(ratios):6.2f}"
        )


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=2.0)
    arguments.add_argument("--callers", type=int, default=4)
    options = arguments.parse_args()
    uv = find_uv()
    if uv is None:
        print("skipped: uv is missing; run it by make")
        return
    free = free_ports()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peers = {}
        for name, program, count in (
            ("MLServer", "mlserver_litert", 3),
            ("KServe", "kserve_litert", 2),
        ):
            ports = [next(free) for _ in range(count)]
            stack.enter_context(running(uv, program, ports, folder))
            peers[name] = (ports[0], ports[1])
        env = {"classify": {"EVENTS": "off"}}
        mesh = stack.enter_context(Mesh(Profile.EMBEDDED, folder, env=env, listens=True))
        wanted = {"ways": find_ways(mesh, peers), **vars(options)}
        done = subprocess.run(  # noqa: S603 - our own program
            prepare(uv, "triton_load"),
            input=json.dumps(wanted).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
    found = json.loads(done.stdout)
    if len(set(found["best"].values())) != 1:
        raise RuntimeError(f"the servers find different classes: {found['best']}")
    print(f"tritonclient, {MODEL} by LiteRT, {options.callers} callers, EVENTS=off")
    show(found["figures"])


if __name__ == "__main__":
    main()
