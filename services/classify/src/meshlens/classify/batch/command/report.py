"""What a job has come to, for people."""

from collections.abc import Iterator
from pathlib import Path

from meshlens.batch.job import Fields

_LABELS = 10


def report(summary: Fields, folder: Path) -> Iterator[str]:
    """Yield the lines about a job whose objects are in a folder."""
    model = summary["model"]
    yield (
        f"{summary['answered']} of {summary['pictures']} pictures answered by"
        f" {model['model']}@{model['version']}"
    )
    labels = sorted(summary["labels"].items(), key=lambda each: (-each[1], each[0]))
    for label, count in labels[:_LABELS]:
        yield f"{count:8} {label}"
    if others := labels[_LABELS:]:
        yield f"{sum(count for _, count in others):8} others, of {len(others)} labels"
    for reason, failures in sorted(summary["failures"].items()):
        yield f"{failures['count']:8} {reason}, such as"
        for failure in failures["first"]:
            yield f"         {failure['picture']}: {failure['message']}"
    yield f"Answers: {folder}/results/*.{summary['format']}; all counts: {folder}/summary.json"
