"""classify, relative to a bare loop of two threads that decode and invoke, in the same minute.

The bare loop is what a Python program without a server would do: Pillow decodes the whole
picture and LiteRT runs it, with one interpreter per thread.
"""

import argparse
import io
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from load import Body, Call, by_grpc, by_http, compare
from mesh import ROOT, Mesh, Profile
from PIL import Image

SHARED = ROOT.parent / "shared"


def bare_loop(model: Path, picture: bytes) -> Call:
    """Return the reference: decode with Pillow, invoke with LiteRT."""
    local = threading.local()

    def call() -> None:
        if not hasattr(local, "interpreter"):
            local.interpreter = Interpreter(str(model), num_threads=1)
            local.interpreter.allocate_tensors()
        interpreter = local.interpreter
        (tensor,) = interpreter.get_input_details()
        height, width = tensor["shape"][1:3]
        with Image.open(io.BytesIO(picture)) as image:
            pixels = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
        interpreter.set_tensor(tensor["index"], np.asarray(pixels, tensor["dtype"])[np.newaxis])
        interpreter.invoke()
        interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return call


def main() -> None:
    """Print the table for each mode of events."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=2.0)
    arguments.add_argument("--models", type=Path, default=SHARED / "models")
    arguments.add_argument("--model", default="mobilenet_v2")
    arguments.add_argument("--picture", type=Path, default=SHARED / "images/grace_hopper.jpg")
    options = arguments.parse_args()
    if not (options.models / options.model).is_dir() or not options.picture.is_file():
        print(f"skipped: {options.models / options.model} or {options.picture} is missing")
        return
    (model,) = (options.models / options.model).glob("*.tflite")
    picture = options.picture.read_bytes()
    body = Body("classify", f"classify?model={options.model}", picture, "image/jpeg")
    for events in ("off", "confirmed"):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            # Room for all 32 callers, so that none is rejected.
            env = {"classify": {"EVENTS": events, "QUEUE_PER_WORKER": "32"}}
            mesh = stack.enter_context(
                Mesh(Profile.EMBEDDED, folder, models=options.models, env=env)
            )
            ways = {
                "direct gRPC": by_grpc(mesh.app_port("classify"), body),
                "one sidecar, proxied": by_grpc(mesh.grpc_port("classify"), body),
                "one sidecar, HTTP": by_http(mesh.http_port("classify"), body),
                "two sidecars, proxied": by_grpc(mesh.grpc_port("pca"), body),
                "two sidecars, HTTP": by_http(mesh.http_port("pca"), body),
            }
            print(f"\nclassify {options.model} {options.picture.name}, EVENTS={events}")
            compare(
                {name: stack.enter_context(way) for name, way in ways.items()},
                concurrencies=(1, 8, 32) if events == "off" else (8,),
                reference=("bare loop", bare_loop(model, picture), 2),
                rounds=options.rounds,
                seconds=options.seconds,
            )


if __name__ == "__main__":
    main()
