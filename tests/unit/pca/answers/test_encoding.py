"""Every answer in JSON is of its type, and holds what is set and nothing else."""

import csv
import io
import json
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from pydantic import TypeAdapter
from sklearn.datasets import load_iris
from unit.pca.calls import POINTS, ask

from meshlens.daprkit.messages import Request
from meshlens.pca.answers.encoding import encode_model as encode_answer
from meshlens.pca.answers.encoding import summarize
from meshlens.pca.answers.schemas import (
    DeletedAnswer,
    ModelAnswer,
    PointsAnswer,
    ScoresAnswer,
    Summary,
)
from meshlens.pca.models import encode_model
from meshlens.pca.numbers.decomposition import fit
from meshlens.pca.service import Service
from meshlens.pca.tables.table import Table, decode_table

T = TypeVar("T")

# Fields of scores where numbers are missing.
_OF_MISSING = {"observations", "imputation"}

NAMED = b"who,a,b,kind\nann,1,2,u\nbob,3,5,v\ncy,4,4,u\ndee,9,1,v\n"


def read(kind: type[T], body: bytes) -> T:
    """Return an answer; an unknown field, a missing one or another type is refused."""
    return TypeAdapter(kind).validate_json(body)


def test_the_id_is_added_to_the_model() -> None:
    model = encode_model(fit(np.eye(3)))
    answer = json.loads(encode_answer(model, model_id="abc"))
    assert answer.pop("id") == "abc"
    assert answer == json.loads(model)


@pytest.mark.parametrize("body", [POINTS, NAMED])
def test_a_model_is_of_its_type_whether_fitted_or_kept(service: Service, body: bytes) -> None:
    fitted = read(ModelAnswer, service.fit(ask(body)).body)
    assert (fitted["format"], fitted["filled"], fitted["dropped"]) == (2, 0, 0)
    assert fitted["loadings"] is not None
    assert len(fitted["loadings"]) == len(fitted["components"]) == len(fitted["explained_variance"])
    kept = read(ModelAnswer, service.fits(ask(b"", id_=fitted["id"])).body)
    assert fitted["read"]["variables"] == fitted["names"]
    del fitted["filled"], fitted["dropped"], fitted["read"]
    assert kept == fitted


def test_scores_are_of_their_type_with_names_groups_and_diagnostics(service: Service) -> None:
    plain = read(ScoresAnswer, service.transform(ask()).body)
    assert set(plain) == {"n", "k", "scores", "filled", "dropped", "read"}
    fit_id = json.loads(service.fit(ask(NAMED)).body)["id"]
    reply = service.transform(ask(NAMED, fit=fit_id, diagnostics="true"))
    full = read(ScoresAnswer, reply.body)
    assert set(full) == set(ScoresAnswer.__annotations__) - _OF_MISSING
    assert (full["fit"], full["labels"]) == (fit_id, ["ann", "bob", "cy", "dee"])
    assert (full["n"], full["k"], full["groups"]) == (4, 2, ["u", "v", "u", "v"])
    assert full["limits"]["confidence"] == 0.95
    in_order = [name for name in ScoresAnswer.__annotations__ if name not in _OF_MISSING]
    assert [*json.loads(reply.body)] == in_order


def test_an_iterative_imputation_says_how_it_ended(service: Service) -> None:
    body = b"1,2,3\n2,4.1,5\n3,,7\n4,8,9.2\n5,9.9,11\n"
    for kind, method in ((ModelAnswer, service.fit), (ScoresAnswer, service.transform)):
        answer = read(kind, method(ask(body, missing="iterative")).body)
        imputation = answer["imputation"]
        assert (answer["filled"], imputation["components"]) == (1, 2)
        assert imputation["converged"] is True
        assert 1 < imputation["iterations"] < 1000
        assert "imputation" not in read(kind, method(ask(body, missing="mean")).body)


def test_a_rotated_fit_is_answered_as_rotated_in_every_type(service: Service) -> None:
    body = "\n".join(",".join(map(repr, row)) for row in load_iris().data.tolist()).encode()
    query = {"k": "2", "rotation": "varimax", "scaling": "standard"}
    fitted = read(ModelAnswer, service.fit(ask(body, **query)).body)
    rotation, loadings = fitted["rotation"], np.array(fitted["loadings"])
    assert rotation is not None
    np.testing.assert_allclose(
        np.square(loadings).sum(axis=1), rotation["explained_variance"], rtol=1e-12
    )
    table = decode_table(service.fit(accept_csv(ask(body, **query))).body, "text/csv")
    assert table.labels == ("RC1", "RC2")
    np.testing.assert_allclose(table.values[:, 0], rotation["explained_variance"], rtol=1e-12)
    np.testing.assert_allclose(table.values[:, 1], rotation["explained_variance_ratio"], rtol=1e-12)
    unit = loadings / np.linalg.norm(loadings, axis=1, keepdims=True)
    np.testing.assert_allclose(table.values[:, 2:], unit, rtol=1e-9)
    scores = service.transform(accept_csv(ask(body, fit=fitted["id"])))
    assert scores.body.startswith(b"RC1,RC2\n")
    answer = read(
        ScoresAnswer, service.transform(ask(body, fit=fitted["id"], diagnostics="true")).body
    )
    assert {"t2", "spe"} <= set(answer)
    assert not {"cos2", "contributions"} & set(answer)


def accept_csv(request: Request) -> Request:
    return replace(request, headers={"accept": "text/csv"})


def test_points_are_of_their_type(service: Service) -> None:
    fit_id = json.loads(service.fit(ask(NAMED)).body)["id"]
    answer = read(PointsAnswer, service.inverse(ask(b"1,2", fit=fit_id)).body)
    assert (answer["fit"], answer["n"], answer["p"], answer["names"]) == (fit_id, 1, 2, ["a", "b"])


FORMULAS = b""",-log10(p),=b,@c,kind
=1+1,1,-2,3,@SUM(A1)
"=cmd|' /C calc'!A0",2,5,-4,-x
+x,3,3,8,@SUM(A1)
-y,9,1,1,-x
"""


def test_a_csv_answer_holds_no_formula_and_its_numbers_stay_numbers(service: Service) -> None:
    reply = service.transform(replace(ask(FORMULAS, "text/csv"), headers={"accept": "text/csv"}))
    rows = list(csv.reader(io.StringIO(reply.body.decode())))
    assert [row[:2] for row in rows[1:]] == [
        ["'=1+1", "'@SUM(A1)"],
        ["'=cmd|' /C calc'!A0", "'-x"],
        ["'+x", "'@SUM(A1)"],
        ["'-y", "'-x"],
    ]
    negative = [cell for row in rows[1:] for cell in row[2:] if cell.startswith("-")]
    assert negative
    for cell in negative:
        float(cell)


def test_a_csv_answer_sent_back_has_the_names_that_it_had(service: Service) -> None:
    fit_id = json.loads(service.fit(ask(FORMULAS, "text/csv")).body)["id"]
    as_csv = {"accept": "text/csv"}
    scores = service.transform(replace(ask(FORMULAS, "text/csv", fit=fit_id), headers=as_csv)).body
    points = service.inverse(replace(ask(scores, "text/csv", fit=fit_id), headers=as_csv)).body
    assert points.startswith(b"name,group,'-log10(p),'=b,'@c\n'=1+1,")
    assert service.transform(replace(ask(points, "text/csv", fit=fit_id))).body
    table = decode_table(points, "text/csv")
    assert table.names == ("-log10(p)", "=b", "@c")
    assert [*table.labels] == ["=1+1", "=cmd|' /C calc'!A0", "+x", "-y"]
    assert [*table.groups] == ["@SUM(A1)", "-x", "@SUM(A1)", "-x"]
    assert table.values == pytest.approx(decode_table(FORMULAS, "text/csv").values)


def test_a_forgotten_model_is_of_its_type(service: Service) -> None:
    fit_id = json.loads(service.fit(ask()).body)["id"]
    reply = service.fits(replace(ask(b"", id_=fit_id), verb="DELETE"))
    answer = read(DeletedAnswer, reply.body)
    assert answer == DeletedAnswer(id=fit_id, deleted=True)


def test_the_summary_of_a_result_is_of_its_type() -> None:
    model = fit(np.random.default_rng(0).normal(size=(40, 12)))
    table = Table(np.ones((7, 12)))
    summary = summarize(model, table)
    assert TypeAdapter(Summary).validate_python(summary)["n"] == 7
    assert "fit" not in summary
    assert summary["explained_variance_ratio"] == model.explained_variance_ratio[:10].tolist()
    assert summarize(model, table, "abc")["fit"] == "abc"
