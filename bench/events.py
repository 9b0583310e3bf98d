"""What events cost: EVENTS=outbox and confirmed relative to off, in the same minute.

Each mode has a mesh of its own, with a real broker; all run side by side, and are called in turn by
the caller's sidecar proxy.
"""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from load import Body, by_grpc, compare
from mesh import ROOT, Mesh, Profile

SHARED = ROOT.parent / "shared"
POINTS = ROOT / "examples" / "points" / "iris.csv"
MODES = ("off", "outbox", "confirmed")
CALLERS = 8


def main() -> None:
    """Print a table for each service."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--seconds", type=float, default=2.0)
    arguments.add_argument("--model", default="mobilenet_v2")
    arguments.add_argument("--picture", type=Path, default=SHARED / "images/grace_hopper.jpg")
    options = arguments.parse_args()
    bodies = {"pca": Body("pca", "plot", POINTS.read_bytes(), "text/csv")}
    if (SHARED / "models" / options.model).is_dir() and options.picture.is_file():
        bodies["classify"] = Body(
            "classify",
            f"classify?model={options.model}",
            options.picture.read_bytes(),
            "image/jpeg",
        )
    for service, body in bodies.items():
        with ExitStack() as stack:
            ways = {}
            for mode in MODES:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                models = SHARED / "models" if service == "classify" else None
                env = {service: {"EVENTS": mode, "QUEUE_PER_WORKER": "32"}}
                mesh = Mesh(Profile.EMBEDDED, folder, services=[service], models=models, env=env)
                stack.enter_context(mesh)
                ways[mode] = stack.enter_context(by_grpc(mesh.grpc_port(service), body))
            print(f"\n{service} {body.method}, one sidecar, proxied; ratio to EVENTS=off")
            for callers in (1, CALLERS):
                compare(
                    {f"EVENTS={mode}": ways[mode] for mode in MODES[1:]},
                    concurrencies=(callers,),
                    reference=("EVENTS=off", ways["off"], callers),
                    rounds=options.rounds,
                    seconds=options.seconds,
                )


if __name__ == "__main__":
    main()
