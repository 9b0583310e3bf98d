"""What agents call by name is what the methods answer, and as the tools' schemas say."""

import base64

import pytest
from tools_of_agents import Called

from meshlens.daprkit.errors import InputUnavailable
from meshlens.daprkit.sidecar.referenced import References, take_addresses
from meshlens.pca.errors import InvalidOption
from meshlens.pca.service import Service
from meshlens.pca.tools import TOOLS

TABLE = "name,kind,a,b,c\nu,x,2,1,0.5\nv,x,3,1.5,1\nw,y,4,3,2\ny,y,5,3.5,1\nz,y,6,4,3\n"


@pytest.fixture
def called(service: Service) -> Called:
    def read(address: str) -> bytes:
        if address.endswith("/flowers.csv"):
            return TABLE.encode()
        raise InputUnavailable("expected bytes there", got="none")

    routes = take_addresses(service.routes(), References(read, ["tables"]))
    return Called(routes, TOOLS)


def test_a_fit_is_used_by_its_id(called: Called) -> None:
    fitted = called.call("fit", table=TABLE, k="2", standardize=True, timeout=5)
    identity = fitted["structuredContent"]["id"]
    scores = called.call("transform", table=TABLE, fit=identity)["structuredContent"]
    assert len(scores["scores"]) == 5
    assert called.call("plot", table=TABLE, fit=identity, kind="biplot")["content"]


@pytest.mark.parametrize("columns", ["a,b", "c"])
def test_options_choose_columns_as_in_a_query(called: Called, columns: str) -> None:
    fitted = called.call("fit", table=TABLE, drop=columns)["structuredContent"]
    assert not {*columns.split(",")} & {*fitted["names"]}


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        "[[1, 2], [3, 5], [4, 4]]",
        '{"a": [1, 2, 4], "b": [3, 3, 1]}',
        f"data:text/csv;base64,{base64.b64encode(TABLE.encode()).decode()}",
        "dapr://binding/tables/flowers.csv",
    ],
)
def test_a_table_is_text_a_data_url_or_an_address(called: Called, table: str) -> None:
    assert called.call("fit", table=table)["structuredContent"]["id"]


def test_a_picture_is_svg_unless_png_is_wanted(called: Called) -> None:
    image, facts = called.call("plot", table=TABLE)["content"]
    assert image["mimeType"] == "image/svg+xml"
    assert facts["type"] == "text"
    (image, _) = called.call("plot", table=TABLE, format="png")["content"]
    assert image["mimeType"] == "image/png"
    assert base64.b64decode(image["data"]).startswith(b"\x89PNG")


def test_what_the_method_refuses_the_tool_refuses(called: Called) -> None:
    with pytest.raises(InvalidOption, match="scaling"):
        called.call("fit", table=TABLE, standardize=True, scaling="none")
    with pytest.raises(InputUnavailable):
        called.call("fit", table="dapr://binding/tables/nothing.csv")
