"""tritonclient's throughput: classify, through a sidecar and without, beside MLServer and KServe.

All serve the same .tflite file by LiteRT, and the same client, as it is, sends them the pixels of a
picture, in turn with all others. The other servers and the client have environments of their own,
which uv makes by the locks in bench/peers. The reference is classify through its sidecar, by gRPC.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mesh import Mesh, Profile
from processes import free_ports
from servers import prepare, serving_v2

from meshlens.classify.models import shipped_models

MODEL, INPUT, SHAPE = "objects", "picture", [1, 224, 224, 3]
FILE = shipped_models() / "objects/1/objects.tflite"
REFERENCE = "classify, sidecar, gRPC"


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
    free = free_ports()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peers = {}
        for name, program, count in (
            ("MLServer", "mlserver_litert", 3),
            ("KServe", "kserve_litert", 2),
        ):
            ports = [next(free) for _ in range(count)]
            stack.enter_context(serving_v2(program, MODEL, FILE, ports, folder))
            peers[name] = (ports[0], ports[1])
        env = {"classify": {"EVENTS": "off"}}
        mesh = stack.enter_context(Mesh(Profile.EMBEDDED, folder, env=env, listens=True))
        wanted = {"ways": find_ways(mesh, peers), **vars(options)}
        done = subprocess.run(  # noqa: S603 - our own program
            prepare("triton_load"),
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
