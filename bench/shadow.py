"""Shadow: what it costs the other requests that one sees a share of them, while it misbehaves.

    uv run --frozen python bench/shadow.py [--rounds 5] [--seconds 6] [--percent 10]

Classify with two workers, called at its own port by one caller, one call after the other, with a
photo for `objects`. Its version 2 answers as version 1 does, fails, hangs or wants more memory than
it may have. Calls with and without the shadow alternate, and each round gives ratios of its own.
Writes build/shadow.json.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import grpc
from dapr.proto import appcallback_service_v1, common_v1
from overload import Caller, Seen, Service, quantile

from meshlens.classify.models import shipped_models

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from unit.classify.graphs import build_brooding  # noqa: E402 - found by the line above

PICTURE = ROOT / "services/classify/samples/coffee.jpg"
RESULT = ROOT / "build/shadow.json"
CARD = "{model: {path: model.tflite}, output: {type: probabilities}}"
# As often as a service looks at the file of rollouts, and the time of a load.
SETTLE = 3.0


def write_models(folder: Path, case: str) -> None:
    """Write version 1 of objects, and a version 2 that behaves so."""
    shutil.copytree(shipped_models() / "objects/1", folder / "objects/1")
    if case == "answers":
        shutil.copytree(shipped_models() / "objects/1", folder / "objects/2")
        return
    (folder / "objects/2").mkdir()
    (folder / "objects/2/model.tflite").write_bytes(build_brooding(case))
    (folder / "objects/2/card.yaml").write_text(CARD)


def share(folder: Path, percent: float) -> None:
    """Give version 2 a share, none if it is 0."""
    shadow = f', shadow: {{version: "2", percent: {percent}}}' if percent else ""
    (folder / "rollouts.yaml").write_text(f'objects: {{weights: {{"1": 100}}{shadow}}}\n')
    time.sleep(SETTLE)


def read_report(port: int) -> dict[str, object]:
    """Return the report of the shadow."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = appcallback_service_v1.AppCallbackStub(channel)
        extension = common_v1.HTTPExtension(verb=common_v1.HTTPExtension.GET)
        message = common_v1.InvokeRequest(
            method=quote("models/objects/shadow"), http_extension=extension
        )
        reports = json.loads(stub.OnInvoke(message).data.value)["reports"]
    names = ("offered", "compared", "agreed", "dropped", "failed")
    return {name: reports[0][name] for name in names} if reports else {}


def measure(case: str, rounds: int, seconds: float, percent: float) -> dict[str, object]:
    """Return the ratios of one case."""
    ratios: dict[str, list[float]] = {"p50": [], "p99": []}
    failed, calls, with_, without = 0, 0, Seen(0), Seen(0)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_models(folder, case)
        share(folder, 0)
        with Service("fixed", folder, "objects") as service:
            caller = Caller(service.port, "objects", "bench", PICTURE.read_bytes())
            caller.repeat(1, 2.0)
            for number in range(rounds):
                seen: dict[bool, Seen] = {}
                for shadowed in (True, False) if number % 2 else (False, True):
                    share(folder, percent if shadowed else 0)
                    seen[shadowed] = caller.repeat(1, seconds)
                    failed += len(seen[shadowed].others) + len(seen[shadowed].refused)
                    calls += seen[shadowed].sent
                with_.answered += seen[True].answered
                without.answered += seen[False].answered
                for name, at in (("p50", 0.5), ("p99", 0.99)):
                    both = [quantile(seen[it].answered, at) for it in (True, False)]
                    ratios[name].append(both[0] / both[1])
            report = read_report(service.port)
    return {
        "case": case,
        "calls": calls,
        "failed": failed,
        **{
            name: f"{statistics.median(each):.3f} ({min(each):.2f} to {max(each):.2f})"
            for name, each in ratios.items()
        },
        "p99, all rounds": round(
            quantile(with_.answered, 0.99) / quantile(without.answered, 0.99), 3
        ),
        "p99 without, ms": round(quantile(without.answered, 0.99), 1),
        "report": report,
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--percent", type=float, default=10.0)
    parser.add_argument("--case", action="append", choices=["answers", "fails", "hangs", "eats"])
    given = parser.parse_args()
    rows = []
    for case in given.case or ["answers", "fails", "hangs", "eats"]:
        rows.append(measure(case, given.rounds, given.seconds, given.percent))
        print(json.dumps(rows[-1]), flush=True)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
