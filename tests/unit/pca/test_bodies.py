"""Forms and encodings: what is in them is read as if it had been the body, or refused by name."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from unit.pca.calls import ask

from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.messages import Request
from meshlens.pca.bodies import unpack
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.options import PlotOptions
from meshlens.pca.service import Service

CSV = b"x,y,kind\n2,1,a\n3,1.5,b\n4,3,a\n5,3.5,b\n6,4,a\n"
ROWS = b"[[2,1],[3,1.5],[4,3],[5,3.5],[6,4]]"
BOUNDARY = "------------------------f00d"


def write_form(parts: Sequence[tuple[str, str | None, bytes]]) -> bytes:
    """Return a form of parts: name, file name or None, content."""
    lines = []
    for name, file, content in parts:
        described = f'form-data; name="{name}"' + (
            f'; filename="{file}"' if file is not None else ""
        )
        lines += [f"--{BOUNDARY}".encode(), f"Content-Disposition: {described}".encode()]
        if file is not None:
            lines.append(b"Content-Type: application/octet-stream")
        lines += [b"", content]
    return b"\r\n".join([*lines, f"--{BOUNDARY}--".encode(), b""])


def send(*parts: tuple[str, str | None, bytes], **query: str) -> Request:
    request = ask(write_form(parts), "multipart/form-data", **query)
    return replace(request, boundary=BOUNDARY)


def fit(service: Service, request: Request) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(service.fit(request).body)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.txt", CSV.replace(b",", b"\t")),
        ("a.json", ROWS),
        ("a.jsonl", ROWS[1:-1].replace(b"],", b"]\n")),
        ("a.csv.gz", gzip.compress(CSV, mtime=0)),
        ("blob", ROWS),
        ("", CSV),
    ],
)
def test_the_file_of_a_form_is_the_table(service: Service, name: str, content: bytes) -> None:
    assert fit(service, send(("file", name, content)))["mean"] == [4.0, 2.6]


def test_every_method_that_takes_a_table_takes_a_form(service: Service) -> None:
    form = send(("file", "a.csv", CSV))
    assert service.plot(form).content_type == "image/svg+xml"
    assert json.loads(service.transform(form).body)["scores"]
    found = fit(service, form)["id"]
    scores = send(("file", "scores.csv", b"0,0\n"), fit=found)
    assert json.loads(service.inverse(scores).body)["points"] == [[4.0, 2.6]]


def test_fields_are_options_and_those_that_nobody_filled_in_are_not(service: Service) -> None:
    form = send(
        ("k", None, b" 1\r\n"), ("file", "a.csv", CSV), ("missing", None, b""), ("other", "", b"")
    )
    answer = fit(service, form)
    assert len(answer["components"]) == 1
    assert fit(service, send(("k", None, b"1"), ("f", "a.csv", CSV), k="1"))["id"] == answer["id"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([("k", None, b"1"), ("k", None, b"2")], "k may be given once, got '1', '2'"),
        ([("standardize", None, b"true")], "standardize may be given once, got 'false', 'true'"),
        ([("points", None, CSV)], r"got the field 'points'; .*curl -F file=@FILE .*standardize"),
    ],
)
def test_fields_that_contradict_or_mean_nothing_are_refused(
    service: Service, parts: list[tuple[str, str | None, bytes]], message: str
) -> None:
    with pytest.raises(InvalidOption, match=message) as caught:
        service.fit(send(*parts, ("file", "a.csv", CSV), standardize="false"))
    assert caught.value.option == parts[0][0]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "got none; send the table as a file, as curl -F"),
        ([("k", None, b"1")], "got the fields 'k' only"),
        ([("file", "a.csv", b"")], "got the empty 'a.csv'"),
        ([("a", "a.csv", CSV), ("b", "b.csv", CSV)], "got 2: 'a.csv', 'b.csv'"),
    ],
)
def test_a_form_without_one_table_is_refused(
    service: Service, parts: list[tuple[str, str | None, bytes]], message: str
) -> None:
    with pytest.raises(InvalidTable, match=message):
        service.fit(send(*parts))


def test_a_form_that_breaks_off_is_refused(service: Service) -> None:
    form = send(("file", "a.csv", CSV))
    with pytest.raises(InvalidRequest, match="breaks off"):
        service.fit(replace(form, body=form.body[:-40]))


@pytest.mark.parametrize("encoding", ["gzip", "X-Gzip", "identity"])
def test_a_body_may_be_compressed_by_gzip(service: Service, encoding: str) -> None:
    request = replace(
        ask(gzip.compress(CSV, mtime=0), "text/csv"), headers={"content-encoding": encoding}
    )
    assert fit(service, request)["mean"] == [4.0, 2.6]


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_another_encoding_is_refused_by_name(encoding: str) -> None:
    request = replace(ask(b"\0", "text/csv"), headers={"content-encoding": encoding})
    with pytest.raises(InvalidTable, match=f"must be gzip, or none, got '{encoding}'"):
        unpack(request, PlotOptions.model_fields)
