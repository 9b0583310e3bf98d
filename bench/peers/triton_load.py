# /// script
# requires-python = ">=3.11"
# dependencies = ["tritonclient[grpc,http]==2.73.0"]
# ///
"""Loads several servers in turn by tritonclient: it reads what to do as JSON, and prints figures.

{"ways": {name: {"protocol", "address", "headers", "model", "input", "datatype", "shape",
                 "sending"}},
 "rounds": 3, "seconds": 2, "callers": 4}
"""

import importlib
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from tritonclient.utils import triton_to_np_dtype


def open_way(way: dict[str, Any]) -> Callable[[], object]:
    """Return a call of one server, which each thread makes by a client of its own."""
    triton = importlib.import_module(f"tritonclient.{way['protocol']}")
    local = threading.local()
    generator = np.random.default_rng(1)
    numbers = generator.integers(0, 256, way["shape"]).astype(triton_to_np_dtype(way["datatype"]))

    def call() -> object:
        if not hasattr(local, "client"):
            local.client = triton.InferenceServerClient(way["address"])
            local.sent = triton.InferInput(way["input"], way["shape"], way["datatype"])
            # Its client for gRPC sends nothing but bytes.
            local.sent.set_data_from_numpy(numbers, **way["sending"])
        answer = local.client.infer(way["model"], [local.sent], headers=dict(way["headers"]))
        (output,) = (
            answer.get_response()["outputs"]
            if way["protocol"] == "http"
            else (answer.get_response().outputs)
        )
        name = output["name"] if way["protocol"] == "http" else output.name
        return answer.as_numpy(name)

    return call


def drive(
    pool: ThreadPoolExecutor, callers: int, call: Callable[[], object], seconds: float
) -> list[float]:
    """Call from so many threads; return the calls per second, and the median in seconds."""
    begin = time.perf_counter()
    end = begin + seconds

    def repeat(_: int) -> list[float]:
        taken = []
        while (started := time.perf_counter()) < end:
            call()
            taken.append(time.perf_counter() - started)
        return taken

    taken = sorted(it for each in pool.map(repeat, range(callers)) for it in each)
    return [len(taken) / (time.perf_counter() - begin), taken[len(taken) // 2]]


def main() -> None:
    """Print {name: [[calls per second, median seconds] of each round]}, and what each answered."""
    wanted = json.load(sys.stdin)
    ways = {name: open_way(way) for name, way in wanted["ways"].items()}
    figures: dict[str, list[list[float]]] = {name: [] for name in ways}
    best = {name: int(np.asarray(call()).argmax()) for name, call in ways.items()}
    with ThreadPoolExecutor(wanted["callers"]) as pool:
        for number in range(wanted["rounds"] + 1):
            for name, call in ways.items():
                figure = drive(pool, wanted["callers"], call, wanted["seconds"])
                if number:  # the first round warms up
                    figures[name].append(figure)
    print(json.dumps({"figures": figures, "best": best}))


if __name__ == "__main__":
    main()
