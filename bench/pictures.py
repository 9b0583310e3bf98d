"""The job of many pictures, relative to a plain loop over the same lens, in the same process.

The plain loop is what somebody writes who needs neither resumption nor a summary: read a file,
answer it, write a line. Both decode and compute the same, so what differs is what the job costs.
CPU is that of the whole process, and so the fairer of the two on a busy machine.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from meshlens.batch.job import encode
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.classify.batch.job import PictureJob
from meshlens.classify.batch.local_model import LocalModel
from meshlens.classify.batch.places.folder import FolderPictures
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.formats.card import Task
from meshlens.classify.methods import lease_lens
from meshlens.classify.models import shipped_models
from meshlens.classify.serving.repository import Repository
from meshlens.classify.tasks.classification.classifier import ClassifyOptions
from meshlens.classify.tasks.images.pixels import MAX_PIXELS
from meshlens.classify.tasks.lens import Payload

ROOT = Path(__file__).resolve().parent.parent
WORKERS = (1, 2, 4)


def link_pictures(folder: Path, samples: list[Path], count: int) -> None:
    """Fill a folder with links to samples, in turn."""
    folder.mkdir()
    for number in range(count):
        sample = samples[number % len(samples)]
        (folder / f"{number:07d}{sample.suffix}").symlink_to(sample)


def loop_plainly(repository: Repository, folder: Path, into: Path) -> None:
    """Answer the pictures one after another."""
    options = ClassifyOptions(model=repository.default)
    with (
        lease_lens(repository, Task.CLASSIFY, options) as (_, lens),
        into.open("wb") as file,
    ):
        for path in sorted(folder.iterdir()):
            answer = lens.answer(Payload(path.read_bytes(), MAX_PIXELS), options)
            file.write(encode({"picture": path.name, **answer.to_fields()}) + b"\n")


def do_job(repository: Repository, folder: Path, into: Path, *, workers: int) -> None:
    """Answer the pictures as a job."""
    model = LocalModel(repository, repository.default, max_pixels=MAX_PIXELS)
    job = PictureJob(FolderPictures.open, model)
    identity = job.identify({"place": FolderPictures(folder).identify()})
    run(job, identity, FolderObjects(into), workers=workers)


def measure(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds of wall and of CPU that something takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Print the ratios of the best of some rounds."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pictures", type=int, default=20_000)
    arguments.add_argument("--model", default="digits")
    arguments.add_argument("--samples", default="digit-*.png", help="of services/classify/samples")
    arguments.add_argument("--rounds", type=int, default=2)
    options = arguments.parse_args()
    samples = sorted((ROOT / "services/classify/samples").glob(options.samples))
    engine = partial(open_engine, workers=max(WORKERS))
    repository = Repository(shipped_models(), engine, default=options.model)
    repository.load(options.model)
    with tempfile.TemporaryDirectory() as temporary:
        folder, kept = Path(temporary) / "pictures", Path(temporary) / "kept"
        kept.mkdir()
        link_pictures(folder, samples, options.pictures)
        ways: dict[str, Callable[[Path], None]] = {
            "plain loop": partial(loop_plainly, repository, folder)
        }
        for workers in WORKERS:
            name = f"job, {workers} workers"
            ways[name] = partial(do_job, repository, folder, workers=workers)
        best = {name: (float("inf"), float("inf")) for name in ways}
        for number in range(options.rounds):
            for name, way in ways.items():
                taken = measure(partial(way, kept / f"{name}-{number}"))
                best[name] = (min(best[name][0], taken[0]), min(best[name][1], taken[1]))
        rows = sorted((kept / f"job, {WORKERS[-1]} workers-0" / "results").iterdir())
        lines = [json.loads(line) for path in rows for line in path.read_bytes().splitlines()]
        plain = (kept / "plain loop-0").read_bytes().splitlines()
        assert lines == [json.loads(line) for line in plain], "the answers are the same"  # noqa: S101 - a bench of wrong answers is none
    print(f"{options.pictures} pictures, {options.model}; ratios to the plain loop")
    print(f"{'':16}{'a second':>10}{'wall':>8}{'CPU':>8}")
    wall, cpu = best["plain loop"]
    for name, (w, c) in best.items():
        print(f"{name:16}{options.pictures / w:10.0f}{w / wall:8.2f}{c / cpu:8.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
