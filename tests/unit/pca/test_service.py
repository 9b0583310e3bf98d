"""What callers get for each method, and what the result event says."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from unit.pca.calls import POINTS, Shelf, ask

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.messages import Reply, Request
from meshlens.pca import errors
from meshlens.pca.errors import FitNotFound, InvalidOption, InvalidTable
from meshlens.pca.numbers import decomposition
from meshlens.pca.service import STATUS, Service
from meshlens.pca.tables.table import decode_table

VALUES = np.array([[2, 1], [3, 1.5], [4, 3], [5, 3.5], [6, 4]])
NPY, ARROW = "application/x-npy", "application/vnd.apache.arrow.stream"
CURL = "application/x-www-form-urlencoded"


def read(reply: Reply) -> Any:  # noqa: ANN401 - any JSON
    assert reply.content_type == "application/json"
    return json.loads(reply.body)


def test_plot_answers_svg_and_publishes_the_facts(service: Service) -> None:
    reply = service.plot(ask(content_type=CURL, title="Leaves", width="500", height="400"))
    assert reply.content_type == "image/svg+xml"
    assert reply.body.startswith(b"<svg ")
    assert b"<title>Leaves</title>" in reply.body
    assert b'viewBox="0 0 500 400"' in reply.body
    assert reply.result is not None
    assert (reply.result["n"], reply.result["p"]) == (5, 2)
    assert sum(reply.result["explained_variance_ratio"]) == pytest.approx(1)


def test_plot_of_the_same_points_is_the_same_however_they_are_written(service: Service) -> None:
    rows = json.dumps(VALUES.tolist()).encode()
    lines = b"2,1\n3,1.5\n4,3\n5,3.5\n6,4\n"
    requests = [ask(), ask(lines, "text/csv"), ask(rows, "application/json")]
    bodies = [service.plot(request).body for request in requests]
    # Their metadata say how each of them was read.
    assert len({*bodies}) == len(bodies)
    assert len({re.sub(rb"<metadata>.*?</metadata>", b"", body) for body in bodies}) == 1
    # A form may have joined rows, which the caption says.
    assert b"--data-binary" in service.plot(ask(POINTS, CURL)).body


def test_fit_answers_the_model_under_its_id_and_keeps_it(service: Service, shelf: Shelf) -> None:
    reply = service.fit(ask())
    answer = read(reply)
    model = decomposition.fit(VALUES)
    assert (answer["n"], answer["p"], answer["names"]) == (5, 2, ["x1", "x2"])
    for name in (
        "mean",
        "scale",
        "components",
        "explained_variance",
        "explained_variance_ratio",
        "loadings",
    ):
        np.testing.assert_array_equal(answer[name], getattr(model, name), err_msg=name)
    assert list(shelf.kept) == [answer["id"]]
    assert reply.result is not None
    assert reply.result["fit"] == answer["id"]
    assert (answer.pop("filled"), answer.pop("dropped")) == (0, 0)
    assert answer.pop("read")["variables"] == ["x1", "x2"]
    assert read(service.fits(ask(b"", id_=answer["id"]))) == answer


def test_equal_points_give_one_fit(service: Service, shelf: Shelf) -> None:
    assert service.fit(ask()).body == service.fit(ask(POINTS + b"\n")).body
    assert len(shelf.kept) == 1


def test_fit_keeps_as_many_components_as_asked_for(service: Service) -> None:
    answer = read(service.fit(ask(k="1", standardize="true")))
    assert np.shape(answer["components"]) == (1, 2)
    np.testing.assert_allclose(answer["scale"], VALUES.std(axis=0))


ROWS = b"who,a,b,kind\nann,1,2,u\nbob,3,5,v\ncy,4,4,u\ndee,9,1,v\n"


def accept(request: Request, media_type: str) -> Request:
    return replace(request, headers={"accept": media_type})


def test_a_fit_is_forgotten_when_it_is_deleted(service: Service, shelf: Shelf) -> None:
    fit_id = read(service.fit(ask()))["id"]
    request = replace(ask(b"", id_=fit_id), verb="DELETE")
    assert read(service.fits(request)) == {"id": fit_id, "deleted": True}
    assert not shelf.kept
    for gone in (request, ask(b"", id_=fit_id)):
        with pytest.raises(FitNotFound):
            service.fits(gone)


def test_only_fits_are_deleted(service: Service, shelf: Shelf) -> None:
    name = shelf.put(b"something else")
    with pytest.raises(FitNotFound):
        service.fits(replace(ask(b"", id_=name), verb="DELETE"))
    assert name in shelf.kept


def test_inverse_gives_the_points_back(service: Service) -> None:
    fit_id = read(service.fit(ask(standardize="true")))["id"]
    scores = read(service.transform(ask(fit=fit_id)))["scores"]
    body = json.dumps(scores).encode()
    answer = read(service.inverse(ask(body, "application/json", fit=fit_id)))
    assert (answer["fit"], answer["n"], answer["p"]) == (fit_id, 5, 2)
    np.testing.assert_allclose(answer["points"], VALUES, rtol=1e-12)


@pytest.mark.parametrize("media_type", ["text/csv", NPY, ARROW])
def test_scores_and_points_go_there_and_back_in_every_type(
    service: Service, media_type: str
) -> None:
    fit_id = read(service.fit(ask(ROWS)))["id"]
    scores = service.transform(accept(ask(ROWS, fit=fit_id), media_type))
    assert scores.content_type == media_type
    expected = read(service.transform(ask(ROWS, fit=fit_id)))["scores"]
    table = decode_table(scores.body, media_type)
    np.testing.assert_array_equal(table.values, expected)
    points = service.inverse(accept(ask(scores.body, media_type, fit=fit_id), media_type))
    table = decode_table(points.body, media_type)
    np.testing.assert_allclose(table.values, [[1, 2], [3, 5], [4, 4], [9, 1]], rtol=1e-12)
    if media_type != NPY:
        assert table.names == ("a", "b")
        assert table.groups == ("u", "v", "u", "v")
        assert table.labels == ("ann", "bob", "cy", "dee")


def test_scores_of_other_components_are_refused(service: Service) -> None:
    fit_id = read(service.fit(ask(k="1")))["id"]
    with pytest.raises(InvalidTable, match=r"1 columns.*got 2"):
        service.inverse(ask(b"1,2\n3,4", fit=fit_id))
    with pytest.raises(InvalidTable, match="PC1"):
        service.inverse(ask(b"PC2\n3\n4", fit=fit_id))
    assert read(service.inverse(ask(b"1,2", fit=fit_id)))["n"] == 2


def test_inverse_needs_a_fit(service: Service) -> None:
    with pytest.raises(InvalidOption, match=r"option fit.*got none"):
        service.inverse(ask())


@pytest.mark.parametrize("media_type", ["text/csv", ARROW])
def test_components_come_as_a_table(service: Service, media_type: str) -> None:
    reply = service.fit(accept(ask(), media_type))
    table = decode_table(reply.body, media_type)
    model = decomposition.fit(VALUES)
    assert table.labels == ("PC1", "PC2")
    assert table.names == ("explained_variance", "explained_variance_ratio", "x1", "x2")
    np.testing.assert_array_equal(table.values[:, 2:], model.components)
    np.testing.assert_array_equal(table.values[:, 0], model.explained_variance)


def test_columns_are_matched_by_their_names(service: Service) -> None:
    fit_id = read(service.fit(ask(b"a,b,c\n1,2,3\n4,5,7\n7,8,8")))["id"]
    expected = read(service.transform(ask(b"1,2,3\n4,5,9", fit=fit_id)))["scores"]
    for body in (b"a,b,c\n1,2,3\n4,5,9", b"c,a,b\n3,1,2\n9,4,5", b"k,c,b,a\nu,3,2,1\nv,9,5,4"):
        answer = read(service.transform(ask(body, fit=fit_id)))
        np.testing.assert_array_equal(answer["scores"], expected)
    for header in (b"a,b,d", b"a,b,b", b"A,b,c"):
        with pytest.raises(InvalidTable, match=r"names of the fit, 'a', 'b', 'c'"):
            service.transform(ask(header + b"\n1,2,3\n4,5,9", fit=fit_id))


def test_diagnostics_are_said_on_request(service: Service) -> None:
    fit_id = read(service.fit(ask(ROWS, k="1")))["id"]
    answer = read(service.transform(ask(b"1,2\n3,5\n400,400", fit=fit_id, diagnostics="1")))
    assert answer["outliers"] == [False, False, True]
    assert answer["limits"]["confidence"] == 0.95
    assert answer["t2"][2] > answer["limits"]["t2"]
    assert answer["spe"][2] > answer["limits"]["spe"]
    assert np.shape(answer["cos2"]) == np.shape(answer["contributions"]) == (3, 1)
    assert "t2" not in read(service.transform(ask(ROWS, fit=fit_id)))
    reply = service.transform(accept(ask(ROWS, fit=fit_id, diagnostics="1"), "text/csv"))
    assert reply.body.splitlines()[0] == b"name,group,PC1,t2,spe,outlier"


@pytest.mark.parametrize(
    ("query", "k"), [({"k": "0.5"}, 1), ({"k": "0.999"}, 2), ({"k": "parallel", "seed": "7"}, 1)]
)
def test_k_is_a_share_or_found_by_chance(service: Service, query: dict[str, str], k: int) -> None:
    assert len(read(service.fit(replace(ask(), query=query)))["components"]) == k


def test_missing_numbers_are_counted(service: Service) -> None:
    body = b"1,2\n,5\n4,4\n9,1\n"
    with pytest.raises(InvalidTable, match="1 missing"):
        service.fit(ask(body))
    answer = read(service.fit(ask(body, missing="mean")))
    assert (answer["n"], answer["filled"], answer["dropped"]) == (4, 1, 0)
    answer = read(service.transform(ask(body, missing="drop")))
    assert (answer["n"], answer["filled"], answer["dropped"]) == (3, 0, 1)


def test_transform_gives_the_points_their_own_scores_and_keeps_nothing(
    service: Service, shelf: Shelf
) -> None:
    answer = read(service.transform(ask(k="1")))
    assert (answer["n"], answer["k"]) == (5, 1)
    np.testing.assert_allclose(answer["scores"], PCA(1).fit_transform(VALUES), rtol=1e-9)
    assert not shelf.kept


def test_transform_by_a_stored_fit_takes_points_that_fit_has_not_seen(service: Service) -> None:
    fit_id = read(service.fit(ask()))["id"]
    reply = service.transform(ask(b"1,2", fit=fit_id))
    answer = read(reply)
    assert (answer["fit"], answer["n"], answer["k"]) == (fit_id, 1, 2)
    np.testing.assert_allclose(answer["scores"], PCA().fit(VALUES).transform([[1, 2]]), rtol=1e-9)
    assert reply.result is not None
    assert (reply.result["fit"], reply.result["n"]) == (fit_id, 1)


def test_a_line_of_points_has_the_columns_of_the_stored_fit(service: Service) -> None:
    fit_id = read(service.fit(ask(b"1,2,3\n4,5,7\n7,8,8", "text/csv")))["id"]
    assert read(service.transform(ask(b"1,2,3,4,5,6", fit=fit_id)))["n"] == 2
    with pytest.raises(InvalidTable, match=r"3 columns .* got 2"):
        service.transform(ask(b"1,2\n3,4", fit=fit_id))


@pytest.mark.parametrize("option", ["k", "standardize"])
def test_a_stored_fit_has_its_own_options(service: Service, option: str) -> None:
    fit_id = read(service.fit(ask()))["id"]
    with pytest.raises(InvalidOption, match=rf"got {option} as well"):
        service.transform(replace(ask(), query={"fit": fit_id, option: "1"}))


@pytest.mark.parametrize("fit_id", ["0" * 64, "none", "../secrets", "A" * 64])
def test_an_unknown_fit_is_not_found(service: Service, fit_id: str) -> None:
    with pytest.raises(FitNotFound, match=fit_id):
        service.transform(ask(fit=fit_id))
    with pytest.raises(FitNotFound, match=fit_id):
        service.fits(ask(b"", id_=fit_id))


@pytest.mark.parametrize("other", [b"\x00\x01", b"{}", b'{"chunks": 2}'])
def test_what_is_kept_but_is_no_fit_is_not_found(
    service: Service, shelf: Shelf, other: bytes
) -> None:
    name = shelf.put(other)
    with pytest.raises(FitNotFound):
        service.fits(ask(b"", id_=name))


@pytest.mark.parametrize(
    ("method", "query", "names"),
    [
        ("plot", {"colour": "red"}, ["colour='red'", "columns, "]),
        ("plot", {"k": "many"}, ["k='many'"]),
        ("plot", {"width": "10"}, ["width", "320", "'10'"]),
        ("plot", {"width": "1e9"}, ["width", "'1e9'"]),
        ("plot", {"title": "x" * 201}, ["title", "200"]),
        ("fit", {"k": "0"}, ["k", "'0'"]),
        ("fit", {"k": "0.0"}, ["k", "share such as 0.95"]),
        ("fit", {"k": "1.5"}, ["k", "share such as 0.95"]),
        ("fit", {"k": "nan"}, ["k", "parallel"]),
        ("fit", {"seed": "-1"}, ["seed"]),
        ("fit", {"missing": "zero"}, ["missing", "'refuse', 'drop', 'mean' or 'iterative'"]),
        ("transform", {"confidence": "1"}, ["confidence", "less than 1"]),
        ("fit", {"k": "3"}, ["k", "between 1 and 2"]),
        ("fit", {"k": "9" * 5000}, ["k"]),
        ("fit", {"columns": "0"}, ["columns", "'0'"]),
        ("fit", {"standardize": "maybe"}, ["standardize", "'maybe'"]),
        ("fit", {"fit": "0"}, ["fit='0'", "columns, decimal, delimiter, divisor, drop, group, "]),
        ("transform", {"title": "x"}, ["title='x'", "columns, "]),
    ],
)
def test_options_that_cannot_be_are_refused(
    service: Service, method: str, query: dict[str, str], names: list[str]
) -> None:
    with pytest.raises(InvalidOption) as caught:
        getattr(service, method)(replace(ask(), query=query))
    for name in names:
        assert name in str(caught.value)


def test_every_error_of_the_service_has_a_status() -> None:
    leaves = errors.PcaError.__subclasses__()
    assert set(STATUS) == set(leaves)
    assert STATUS[errors.InvalidTable] is Status.INVALID_ARGUMENT
    assert STATUS[errors.FitNotFound] is Status.NOT_FOUND


def test_what_computes_waits_for_a_worker_and_is_published(service: Service) -> None:
    routes = {route.path: route for route in service.routes()}
    assert {path for path, route in routes.items() if route.lane is Lane.WORK} == {
        "plot",
        "fit",
        "transform",
        "inverse",
        "v2/models/<name>/infer",
        "v2/models/<name>/versions/<version>/infer",
    }
    assert routes["fits/<id>"].verbs == ("GET", "DELETE")
