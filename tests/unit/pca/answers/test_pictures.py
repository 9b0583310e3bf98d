"""A picture in SVG carries how its table was read; other types do not."""

import json
import xml.etree.ElementTree as ET

import pytest
from pydantic import TypeAdapter

from meshlens.pca import methods
from meshlens.pca.answers.pictures import encode_picture
from meshlens.pca.answers.schemas import PictureMetadata
from meshlens.pca.options import PlotOptions

TABLE = (
    b"# from the greenhouse\nwho;length;width;kind;<br>\nann;1,5;2;u;\nbob;3;;v;\n"
    b"\ncy;4,5;4;u;\ndee;9;1;v;\n"
)


def read_metadata(svg: bytes) -> PictureMetadata:
    root = ET.fromstring(svg)  # noqa: S314 - our own output
    (element,) = root.findall("{http://www.w3.org/2000/svg}metadata")
    return TypeAdapter(PictureMetadata).validate_json(element.text or "")


def plot(body: bytes, **query: str) -> bytes:
    options = PlotOptions.model_validate(query)
    return encode_picture(methods.plot(body, "text/csv", options), options, "image/svg+xml")


def test_a_picture_says_how_its_table_was_read() -> None:
    metadata = read_metadata(plot(TABLE, missing="drop"))
    read = metadata["read"]
    assert (read["delimiter"], read["decimal_mark"], read["header_row"]) == (";", ",", 2)
    assert (read["variables"], read["names"], read["group"]) == (["length", "width"], "who", "kind")
    skipped = {each["why"]: each["rows"] for each in read["skipped"]}
    assert skipped == {"comment": [1], "empty": [5]}
    assert read["dropped"] == [4]
    assert [column["name"] for column in read["left_out"]] == ["<br>"]
    assert metadata["counts"]["dropped"] == 1


def test_long_lists_are_begun_and_counted() -> None:
    names = ",".join(f"v{place}" for place in range(1, 301))
    rows = "\n".join(",".join(str(row * place % 17) for place in range(300)) for row in range(1, 5))
    metadata = read_metadata(plot(f"{names}\n{rows}\n".encode()))
    assert metadata["read"]["variables"] == [f"v{place}" for place in range(1, 101)]
    assert metadata["counts"]["variables"] == 300


def test_long_names_are_shortened() -> None:
    metadata = read_metadata(plot(f"{'a' * 5000},b\n1,2\n3,5\n4,4\n".encode()))
    assert len(metadata["read"]["variables"][0]) == 1000


@pytest.mark.parametrize("name", ["</metadata><script>", "a & b", "a\x01b", "\u2028é😀"])
def test_names_stay_within_the_metadata(name: str) -> None:
    body = json.dumps({name: [1, 2, 4], "b": [3, 5, 4]}).encode()
    options = PlotOptions()
    result = methods.plot(body, "application/json", options)
    metadata = read_metadata(encode_picture(result, options, "image/svg+xml"))
    assert metadata["read"]["variables"] == [name, "b"]


def test_without_its_metadata_a_picture_is_as_it_is_drawn() -> None:
    options = PlotOptions()
    result = methods.plot(TABLE.replace(b"bob;3;;v;\n", b""), "text/csv", options)
    start, _, end = encode_picture(result, options, "image/svg+xml").partition(b"<metadata>")
    assert start + end.partition(b"</metadata>")[2] == result.svg
    png = encode_picture(result, options, "image/png")
    assert png.startswith(b"\x89PNG")
    assert b"greenhouse" not in png
