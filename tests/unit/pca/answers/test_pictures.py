"""A picture in SVG carries how its table was read; other types do not."""

import json
import re
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


def test_a_picture_says_what_it_shows_and_where_its_marks_come_from() -> None:
    metadata = read_metadata(plot(TABLE, missing="drop"))
    assert metadata["n"] == 3
    assert sum(metadata["explained_variance_ratio"]) == pytest.approx(1)
    assert metadata["axes"] == ["length", "width"]
    # The first group has ann and cy; row 4 is dropped, row 5 is empty.
    assert metadata["rows"] == [3, 6, 7]
    assert metadata["marked"] == [0, 1, 2]
    assert "outweighing" not in metadata


def test_marks_are_listed_in_the_order_in_which_they_are_drawn() -> None:
    body = b"a,b,g\n1,2,u\n3,5,v\n4,4,u\n6,1,v\n"
    svg = plot(body)
    metadata = read_metadata(svg)
    assert metadata["marked"] == [0, 2, 1, 3]
    assert metadata["rows"] == [2, 3, 4, 5]
    titles = re.findall("<title>([0-9]), [uv]: ", svg.decode())
    assert [int(title) - 1 for title in titles] == metadata["marked"]


@pytest.mark.parametrize("kind", ["loadings", "scree", "pairs", "contributions"])
def test_pictures_without_a_mark_for_each_observation_list_none(kind: str) -> None:
    metadata = read_metadata(plot(b"a,b,c,d\n1,2,3,5\n3,5,4,1\n4,4,1,2\n", kind=kind))
    assert not {"marked", "rows", "axes"} & {*metadata}


def test_values_on_one_line_have_no_rows() -> None:
    metadata = read_metadata(plot(b"1,2,3,5,4,4"))
    assert metadata["marked"] == [0, 1, 2]
    assert "rows" not in metadata


def test_a_variable_that_outweighs_the_others_is_named() -> None:
    body = b"a,b\n1,100\n2,900\n1.5,300\n"
    outweighing = read_metadata(plot(body))["outweighing"]
    assert outweighing["variable"] == "b"
    assert outweighing["share"] == pytest.approx(1, abs=1e-5)
    assert "outweighing" not in read_metadata(plot(body, standardize="true"))


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


@pytest.mark.slow
def test_without_its_metadata_a_picture_is_as_it_is_drawn() -> None:
    options = PlotOptions()
    result = methods.plot(TABLE.replace(b"bob;3;;v;\n", b""), "text/csv", options)
    start, _, end = encode_picture(result, options, "image/svg+xml").partition(b"<metadata>")
    assert start + end.partition(b"</metadata>")[2] == result.svg
    png = encode_picture(result, options, "image/png")
    assert png.startswith(b"\x89PNG")
    assert b"greenhouse" not in png
