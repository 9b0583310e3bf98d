"""Models are fetched from a real server that breaks off, resumes, lies or is not there."""

import hashlib
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml
from http_site import serve

from meshlens.classify.errors import InvalidCatalogue, OriginRefused, OriginUnreachable, WrongDigest
from meshlens.classify.model_files import cli
from meshlens.classify.storage.catalogue.download import (
    Entry,
    decode_catalogue,
    download,
    shipped_catalogue,
)
from meshlens.classify.storage.folder import find_models

NAME = "flowers"


@dataclass
class Origin:
    """A file server, and how it treats its next caller."""

    data: bytes
    url: str = ""
    status: int = 200
    ranges: bool = True
    break_after: int | None = None
    requests: list[str | None] = field(default_factory=list)

    def entry(self, **changes: object) -> Entry:
        facts = {
            "description": "test",
            "url": self.url,
            "sha256": hashlib.sha256(self.data).hexdigest(),
            "size": len(self.data),
            "labels": "inside",
            "subject": "flower",
        }
        return Entry.model_validate(facts | changes)


@pytest.fixture
def origin(digits: bytes) -> Iterator[Origin]:
    with serving(Origin(digits)) as origin:
        yield origin


@contextmanager
def serving(origin: Origin) -> Iterator[Origin]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            origin.requests.append(asked)
            data = origin.data
            if origin.status != 200:
                self.send_error(origin.status)
                return
            if asked and origin.ranges:
                start = int(re.findall(r"bytes=(\d+)-$", asked)[0])
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                data = data[start:]
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: origin.break_after])
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    with serve(Handler) as port:
        origin.url = f"http://127.0.0.1:{port}/flowers.tflite"
        yield origin


def test_a_model_arrives_where_the_service_finds_it(origin: Origin, tmp_path: Path) -> None:
    path = download(NAME, origin.entry(), tmp_path / "new")
    assert path.read_bytes() == origin.data
    (source,) = find_models(tmp_path / "new")
    assert (source.model, source.version, source.paths) == (NAME, "1", (path,))
    assert (path.parent / "subject.txt").read_text() == "flower\n"
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, "subject.txt"]


def test_progress_adds_up_to_the_size(origin: Origin, tmp_path: Path) -> None:
    seen: list[int] = []
    download(NAME, origin.entry(), tmp_path, on_bytes=seen.append)
    assert sum(seen) == len(origin.data)


def test_a_model_that_is_there_is_not_fetched_again(origin: Origin, tmp_path: Path) -> None:
    path = download(NAME, origin.entry(), tmp_path)
    assert download(NAME, origin.entry(), tmp_path) == path
    assert len(origin.requests) == 1


def test_a_damaged_file_is_fetched_again(origin: Origin, tmp_path: Path) -> None:
    path = download(NAME, origin.entry(), tmp_path)
    path.write_bytes(b"damaged")
    assert download(NAME, origin.entry(), tmp_path).read_bytes() == origin.data


def test_an_interrupted_download_goes_on_where_it_stopped(origin: Origin, tmp_path: Path) -> None:
    origin.break_after = 20_000
    with pytest.raises(OriginUnreachable, match=r"got 20000, then: .*again to go on"):
        download(NAME, origin.entry(), tmp_path)
    assert list(find_models(tmp_path)) == []
    origin.break_after = None
    seen: list[int] = []
    path = download(NAME, origin.entry(), tmp_path, on_bytes=seen.append)
    assert path.read_bytes() == origin.data
    assert origin.requests == [None, "bytes=20000-"]
    assert (seen[0], sum(seen)) == (20_000, len(origin.data))


def test_a_server_without_ranges_sends_all_of_it_again(origin: Origin, tmp_path: Path) -> None:
    origin.break_after = 20_000
    with pytest.raises(OriginUnreachable):
        download(NAME, origin.entry(), tmp_path)
    origin.break_after, origin.ranges = None, False
    seen: list[int] = []
    path = download(NAME, origin.entry(), tmp_path, on_bytes=seen.append)
    assert path.read_bytes() == origin.data
    assert sum(seen) == len(origin.data)


def test_another_file_than_the_named_one_is_thrown_away(origin: Origin, tmp_path: Path) -> None:
    entry = origin.entry()
    origin.data = bytes(len(origin.data))
    with pytest.raises(WrongDigest, match=entry.sha256) as fault:
        download(NAME, entry, tmp_path)
    assert fault.value.actual == hashlib.sha256(origin.data).hexdigest()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_without_end_is_not_followed(origin: Origin, tmp_path: Path) -> None:
    entry = origin.entry()
    origin.data += bytes(50_000_000)
    seen: list[int] = []
    with pytest.raises(WrongDigest):
        download(NAME, entry, tmp_path, on_bytes=seen.append)
    assert sum(seen) < entry.size + 1_000_000


@pytest.mark.parametrize("status", [403, 404, 416, 500])
def test_a_refusal_is_told_with_its_status(origin: Origin, tmp_path: Path, status: int) -> None:
    origin.status = status
    with pytest.raises(OriginRefused, match=f"got status {status}"):
        download(NAME, origin.entry(), tmp_path)
    assert list(find_models(tmp_path)) == []


def offline() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/flowers.tflite"


def test_nobody_at_the_origin_is_told(origin: Origin, tmp_path: Path) -> None:
    with pytest.raises(OriginUnreachable, match="are you offline"):
        download(NAME, origin.entry(url=offline()), tmp_path)


def test_the_command_prints_the_path_or_the_fault(
    origin: Origin, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    entries = {NAME: origin.entry(), "gone": origin.entry(url=offline())}
    catalogue = tmp_path / "catalogue.yaml"
    facts = {name: entry.model_dump(mode="json") for name, entry in entries.items()}
    catalogue.write_text(yaml.safe_dump(facts))
    arguments = ["--catalogue", str(catalogue), "download", "--to", str(tmp_path)]
    assert cli.main([*arguments, NAME]) == 0
    assert capfd.readouterr() == (f"{tmp_path / NAME / '1' / NAME}.tflite\n", "")
    assert cli.main([*arguments, "gone"]) == 2
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "are you offline" in said.err


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "- a",
        "a: {}",
        "a: {description: x, url: 'ftp://x/y', sha256: '0', size: 0, labels: inside, subject: x}",
        "!!python/object/apply:os.system [exit]",
    ],
)
def test_a_catalogue_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidCatalogue, match="the catalogue cannot be read"):
        decode_catalogue(text.encode())


def test_the_shipped_catalogue_names_the_files_that_are_known(shared: Path, tmp_path: Path) -> None:
    entries = decode_catalogue(shipped_catalogue())
    for name, entry in entries.items():
        (real,) = (shared / "models" / name).glob("*.tflite")
        assert str(entry.url).endswith(f"/{real.name}")
        (tmp_path / name / "1").mkdir(parents=True)
        copy = shutil.copy(real, tmp_path / name / "1" / f"{name}.tflite")
        assert download(name, entry, tmp_path) == Path(copy)
        assert real.stat().st_size == entry.size
