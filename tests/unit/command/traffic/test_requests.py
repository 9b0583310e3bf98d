"""Addresses, headers, recordings and the requests that are not sent again."""

from pathlib import Path

import pytest

from meshlens.command.traffic.addresses import Address, read_address
from meshlens.command.traffic.channels import as_metadata, as_text
from meshlens.command.traffic.errors import TrafficFault
from meshlens.command.traffic.exchange import Answer, Door, Request
from meshlens.command.traffic.headers import forwarded_metadata, recorded
from meshlens.command.traffic.managing import manages
from meshlens.command.traffic.recording import Recorder, read_recording

REQUEST = Request(Door.HTTP, "POST", "/v2/models/m/infer", [("a", "b")], [b"\x00\xff"])
ANSWER = Answer("200", "", [("c", "d")], [b"{}"])


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://a:1", Address("http://a:1", Door.HTTP, secure=False, host="a", port=1)),
        ("https://a/b/", Address("https://a/b", Door.HTTP, secure=True, host="a", port=443)),
        ("grpc://a:1/", Address("grpc://a:1", Door.GRPC, secure=False, host="a", port=1)),
        ("grpcs://a:1", Address("grpcs://a:1", Door.GRPC, secure=True, host="a", port=1)),
    ],
)
def test_an_address_names_its_door(text: str, address: Address) -> None:
    assert read_address(text) == address


def test_an_address_of_the_sixth_protocol_keeps_its_brackets() -> None:
    assert read_address("grpc://[::1]:1").target == "[::1]:1"


@pytest.mark.parametrize(
    "text", ["a:1", "grpc://a", "grpc://a:1/b", "http://", "http://a:x", "http://a/?b", "ftp://a:1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(TrafficFault, match="write it as http://host:8000/path or grpc://"):
        read_address(text)


def test_neither_credentials_nor_what_is_of_a_connection_is_recorded() -> None:
    headers = [("Authorization", "x"), ("HOST", "a"), ("cookie", "b"), ("accept", "c")]
    assert recorded([*headers, ("dapr-api-token", "t")]) == [("accept", "c")]
    metadata = [("user-agent", "x"), ("grpc-timeout", "1S"), ("team", "a")]
    assert forwarded_metadata(metadata) == [("team", "a")]


def test_metadata_is_bytes_where_its_name_says_so() -> None:
    headers = [("team", "a"), ("trace-bin", "AP8=")]
    metadata = as_metadata([("Team", "a"), ("trace-bin", "AP8=")])
    assert metadata == [("team", "a"), ("trace-bin", b"\x00\xff")]
    assert as_text(metadata) == headers


@pytest.mark.parametrize("header", [("a b", "c"), ("a", "é"), ("a", "b\n"), ("a-bin", "!")])
def test_what_is_no_metadata_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"metadata|base64"):
        as_metadata([header])


@pytest.mark.parametrize(
    ("door", "path", "managing"),
    [
        (Door.HTTP, "/v2/repository/models/m/load", True),
        (Door.HTTP, "/v2/models/m/versions/1/stats?x", True),
        (Door.HTTP, "/v2/systemsharedmemory/region/a/register", True),
        (Door.HTTP, "/models/m/versions/1/unload", True),
        (Door.HTTP, "/metrics", True),
        (Door.HTTP, "/v2/models/load/infer", False),
        (Door.HTTP, "/v2/repository/index", False),
        (Door.HTTP, "/v1/models/m:predict", False),
        (Door.GRPC, "/inference.GRPCInferenceService/RepositoryModelLoad", True),
        (Door.GRPC, "/inference.GRPCInferenceService/CudaSharedMemoryStatus", True),
        (Door.GRPC, "/tensorflow.serving.ModelService/HandleReloadConfigRequest", True),
        (Door.GRPC, "/inference.GRPCInferenceService/ModelInfer", False),
    ],
)
def test_requests_that_change_a_server_or_count_are_known(
    door: Door, path: str, *, managing: bool
) -> None:
    assert manages(Request(door, "POST", path, (), ())) is managing


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    for _ in range(2):  # the second appends
        recorder = Recorder(path, most=10_000)
        recorder.write(REQUEST, ANSWER)
        recorder.close()
    exchanges = list(read_recording(path, largest=1000))
    assert [it.line for it in exchanges] == [1, 2]
    assert [it.request for it in exchanges] == [REQUEST] * 2
    assert [it.answer for it in exchanges] == [ANSWER] * 2


def test_a_recording_that_is_full_counts_what_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    recorder = Recorder(path, most=300)
    for _ in range(3):
        recorder.write(REQUEST, ANSWER)
    recorder.close()
    assert (recorder.written, recorder.left_out) == (1, 2)
    assert path.stat().st_size <= 300


def test_a_line_that_is_too_long_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(b"{" * 5000)
    with pytest.raises(TrafficFault, match="raise --largest"):
        list(read_recording(path, largest=1000))
