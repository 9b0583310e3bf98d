"""pca's plot of 150 points, called in every way, relative to the same work in process.

For comparison, an app that echoes its input, through two sidecars.
"""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from load import Body, by_grpc, by_http, compare
from mesh import ROOT, Mesh, Profile

from meshlens.pca.drawing.plot import draw
from meshlens.pca.numbers import decomposition
from meshlens.pca.tables.table import decode_table

POINTS = ROOT / "examples" / "points" / "iris.csv"


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=2.0)
    options = arguments.parse_args()
    data = POINTS.read_bytes()
    body = Body("pca", "plot", data, "text/csv")

    def plot() -> bytes:
        table = decode_table(data, "text/csv")
        return draw(table, decomposition.fit(table.values)).svg

    sent_back = Body("echo", "echo", data, "text/csv")
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
            "two sidecars, proxied": by_grpc(mesh.grpc_port("classify"), body),
            "two sidecars, HTTP": by_http(mesh.http_port("classify"), body),
            "echo, proxied": by_grpc(mesh.grpc_port("classify"), sent_back),
            "echo, HTTP": by_http(mesh.http_port("classify"), sent_back),
        }
        calls = {name: stack.enter_context(way) for name, way in ways.items()}
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
