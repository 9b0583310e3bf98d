"""Models that LiteRT runs, for chains of them: what is found is fixed, colours are named."""

from collections.abc import Sequence
from pathlib import Path

from unit.classify.color_graphs import Graph
from unit.classify.graphs import answering, constant

NAMES = ("red", "green", "blue")
# x1, y1, x2, y2 as fractions, and the score.
LEFT, RIGHT = (0, 0, 0.5, 1, 0.75), (0.5, 0, 1, 1, 0.5)
EMPTY, OUTSIDE = (0.25, 0.25, 0.25, 0.75, 0.4375), (1.5, 0, 2, 1, 0.375)
DETECT = (
    "task: detect\nsubject: thing\n"
    "detection: {boxes: boxes, columns: [x1, y1, x2, y2, score], units: fractions}\n"
)


def add_detector(folder: Path, name: str, *rows: Sequence[float]) -> None:
    """Add a model that finds these rows in every picture."""
    found = rows or (LEFT, RIGHT)
    (folder / f"{name}.tflite").write_bytes(answering(constant("boxes", found)))
    (folder / f"{name}.yaml").write_text(f"model: {{path: {name}.tflite}}\n{DETECT}")


def add_namer(folder: Path, name: str, names: Sequence[str] = NAMES) -> None:
    """Add a model that names the brightest of red, green and blue."""
    graph = Graph()
    (folder / f"{name}.tflite").write_bytes(graph.finish(graph.softmax(graph.channels())))
    (folder / f"{name}.txt").write_text("\n".join(names))


def add_chain(folder: Path, name: str, chain: str, version: str = "1") -> None:
    """Add a chain as a folder with nothing but a card."""
    (folder / name / version).mkdir(parents=True)
    (folder / name / version / "card.yaml").write_text(f"task: chain\nchain: {{{chain}}}\n")
