"""The page: it offers what the service accepts."""

import json
import re
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris

from meshlens.pca.options import FitOptions, PlotOptions
from meshlens.pca.web import build

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "points"


def read_data(name: str) -> str:
    page = build().body
    (data,) = re.findall(
        f'<script type="application/json" id="{name}">(.*?)</script>', page.decode()
    )
    return str(data)


def test_the_form_has_every_option_of_the_service_with_the_methods_that_take_it() -> None:
    fields = {field["name"]: field for field in json.loads(read_data("option-data"))}
    expected = {*PlotOptions.model_fields, *FitOptions.model_fields} - {"fit"}
    assert expected <= {*fields}
    assert fields["width"]["methods"] == ["plot"]
    assert fields["missing"]["choices"] == ["refuse", "drop", "mean", "iterative"]


def test_the_samples_are_the_flowers_they_say_to_be() -> None:
    samples = json.loads(read_data("sample-data"))
    rows = [row.split(",") for row in samples["iris"].splitlines()[1:]]
    flowers = load_iris()
    assert np.array_equal(np.array([row[:4] for row in rows], float), flowers.data)
    assert [row[4] for row in rows] == [flowers.target_names[index] for index in flowers.target]
    assert samples["line"] == (EXAMPLES / "iris.csv").read_text()
