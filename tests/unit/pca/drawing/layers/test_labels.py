"""The observations that are asked for are labelled, the outermost first."""

import numpy as np
from unit.pca.pictures import SVG, picture

from meshlens.pca.drawing.layers.labels import choose_labels
from meshlens.pca.tables.table import Table


def test_all_observations_are_labelled_if_asked_for_and_outliers_else() -> None:
    values = np.vstack([np.random.default_rng(0).normal(size=(70, 2)), [[20.0, -20.0]]])
    labels = tuple(f"n{i}" for i in range(71))

    def labelled(rule: object, count: int = 71) -> set[str]:
        drawn = picture(Table(values[-count:], labels=labels[-count:]), label=rule)
        texts = drawn.root.findall(f"{SVG}text")
        return {text.text or "" for text in texts if "label" in text.attrib["class"].split()}

    assert labelled("outliers") == {"n70"}
    assert labelled("auto") == {"n70"}
    assert labelled("none") == set()
    assert labelled("all") == set(labels)
    assert len(labelled(3)) == 3
    assert labelled("auto", count=51) == set(labels[-51:])


def test_the_outermost_are_labelled_first() -> None:
    assert choose_labels(np.array([3.0, 9.0, 1.0, 9.0]), 3).tolist() == [1, 3, 0]
    assert choose_labels(np.zeros(0), "all").tolist() == []
