"""pca's plot of 150 points, called in every way, relative to the same work in process.

For comparison, an app that echoes its input, through two sidecars.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from load import Body, Call, by_grpc, by_http, compare
from mesh import ROOT, Mesh, Profile

from meshlens.pca.drawing.plot import draw
from meshlens.pca.numbers import decomposition
from meshlens.pca.tables.table import decode_table

POINTS = (ROOT / "examples" / "points" / "iris.csv").read_bytes()
FAR = "two sidecars, proxied"


def plot() -> bytes:
    """Do in process what the service does for a call."""
    table = decode_table(POINTS, "text/csv")
    return draw(table, decomposition.fit(table.values)).svg


@contextmanager
def opening_ways() -> Iterator[Mapping[str, Call]]:
    """Run the mesh, and return every way by its name."""
    body = Body("pca", "plot", POINTS, "text/csv")
    sent_back = Body("echo", "echo", POINTS, "text/csv")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        env = {
            "pca": {"EVENTS": "off", "QUEUE_PER_WORKER": "32"},
            "echo": {"PYTHONPATH": str(Path(__file__).parent)},
        }
        services = ("pca", "classify", "echo")
        mesh = stack.enter_context(Mesh(Profile.EMBEDDED, folder, services=services, env=env))
        ways = {
            "direct gRPC": by_grpc(mesh.app_port("pca"), body),
            "one sidecar, proxied": by_grpc(mesh.grpc_port("pca"), body),
            "one sidecar, HTTP": by_http(mesh.http_port("pca"), body),
            FAR: by_grpc(mesh.grpc_port("classify"), body),
            "two sidecars, HTTP": by_http(mesh.http_port("classify"), body),
            "echo, proxied": by_grpc(mesh.grpc_port("classify"), sent_back),
            "echo, HTTP": by_http(mesh.http_port("classify"), sent_back),
        }
        yield {name: stack.enter_context(way) for name, way in ways.items()}


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=2.0)
    options = arguments.parse_args()
    with opening_ways() as calls:
        print("\nplot of 150 points, EVENTS=off")
        compare(
            calls,
            concurrencies=(1, 8, 32),
            reference=("in process", plot, 1),
            rounds=options.rounds,
            seconds=options.seconds,
        )


if __name__ == "__main__":
    main()
