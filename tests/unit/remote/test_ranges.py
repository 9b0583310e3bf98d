"""Files of the web by ranges, of servers that behave and of others."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from http_site import serve
from range_site import Answer, Asked, RangeSite, serving_ranges
from tls_site import make_certificate, serving_site

from meshlens.remote import ranges
from meshlens.remote.answers import Version
from meshlens.remote.errors import (
    AddressRefused,
    AnswerRefused,
    FileChanged,
    FileMissing,
    RemoteError,
    ServerUnavailable,
)
from meshlens.remote.ranges import Connection, Rules, connect

DATA = bytes(range(256)) * 40
RULES = Rules(private=True, whole=1 << 10)
YESTERDAY = "Wed, 25 Nov 2026 10:00:00 GMT"


@pytest.fixture
def site() -> Iterator[RangeSite]:
    with serving_ranges({"/a": DATA, "/small": DATA[:300], "/empty": b""}) as site:
        yield site


@pytest.fixture
def paused() -> list[float]:
    return []


@pytest.fixture
def connection(site: RangeSite, paused: list[float]) -> Iterator[Connection]:
    with connect(site.address("/a"), RULES, paused.append) as connection:
        yield connection


def find(site: RangeSite, path: str, rules: Rules = RULES) -> Version:
    with connect(site.address(path), rules, lambda _: None) as connection:
        return connection.find()


def test_a_range_is_read_of_the_version_that_was_found(
    site: RangeSite, connection: Connection
) -> None:
    version = connection.find()
    assert version.size == len(DATA)
    assert connection.read(version, 100, 300) == DATA[100:300]
    assert connection.read(version, 0, len(DATA)) == DATA
    first, second, _ = site.asked
    assert first.headers["range"] == "bytes=0-0"
    assert second.headers["range"] == "bytes=100-299"
    assert second.headers["if-match"] == version.mark
    assert {asked.headers["accept-encoding"] for asked in site.asked} == {"identity"}


def test_a_long_range_is_read_by_several_requests(
    site: RangeSite, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "_LARGEST", 1000)
    version = connection.find()
    assert connection.read(version, 50, 2550) == DATA[50:2550]
    wanted = [asked.headers["range"] for asked in site.asked[1:]]
    assert wanted == ["bytes=50-1049", "bytes=1050-2049", "bytes=2050-2549"]


@pytest.mark.parametrize("etag", [True, False])
def test_a_file_that_has_changed_is_not_read(
    site: RangeSite, connection: Connection, *, etag: bool
) -> None:
    site.etag, site.modified = etag, YESTERDAY
    version = connection.find()
    site.files["/a"], site.modified = DATA[::-1], YESTERDAY.replace("25", "26")
    with pytest.raises(FileChanged, match="must stay as it is while it is read"):
        connection.read(version, 0, 10)
    site.files["/a"] = b"short"
    with pytest.raises(FileChanged):
        connection.read(version, 1000, 1010)
    if not etag:
        assert site.asked[1].headers["if-unmodified-since"] == YESTERDAY


def test_a_change_is_seen_though_the_server_knows_no_conditions(
    site: RangeSite, connection: Connection
) -> None:
    version = connection.find()
    site.bend = lambda _, answer: replace(answer, headers={**answer.headers, "ETag": '"another"'})
    with pytest.raises(FileChanged):
        connection.read(version, 0, 10)


def no_ranges(site: RangeSite) -> None:
    site.ranges = False


def no_marks(site: RangeSite) -> None:
    site.etag = False


def weak_etags(site: RangeSite) -> None:
    site.bend = lambda _, answer: replace(answer, headers={**answer.headers, "ETag": 'W/"a"'})


@pytest.mark.parametrize("lack", [no_ranges, no_marks, weak_etags])
def test_a_small_file_is_read_whole_where_ranges_cannot_be_trusted(
    site: RangeSite, lack: Callable[[RangeSite], None]
) -> None:
    lack(site)
    with connect(site.address("/small"), RULES) as connection:
        version = connection.find()
        assert version.whole
        assert version == Version.of(DATA[:300]) == Version.of(connection.read_whole())
    with pytest.raises(AnswerRefused, match=r"206|ETag") as refused:
        find(site, "/a")
    assert refused.value.remedy


def test_no_large_file_is_fetched_to_see_that_its_server_knows_no_ranges(site: RangeSite) -> None:
    site.ranges = False
    with pytest.raises(AnswerRefused, match="must answer with ranges of bytes"):
        find(site, "/a", replace(RULES, whole=100))
    assert len(site.asked) == 1


def test_the_server_of_the_standard_library_has_its_files_read_whole(tmp_path: Path) -> None:
    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:  # noqa: ANN401 - as http.server calls it
            super().__init__(*given, directory=str(tmp_path))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    (tmp_path / "small").write_bytes(DATA[:300])
    (tmp_path / "large").write_bytes(DATA)
    with serve(Handler) as port:
        with connect(f"http://127.0.0.1:{port}/small", RULES) as connection:
            assert connection.find() == Version.of(connection.read_whole())
        with (
            connect(f"http://127.0.0.1:{port}/large", RULES) as connection,
            pytest.raises(AnswerRefused, match=f"got {len(DATA)} bytes at once"),
        ):
            connection.find()


def test_an_empty_file_is_one(site: RangeSite) -> None:
    assert find(site, "/empty") == Version.of(b"")


def test_an_absent_file_is_missing(site: RangeSite, connection: Connection) -> None:
    version = connection.find()
    del site.files["/a"]
    with pytest.raises(FileMissing, match="404"):
        connection.read(version, 0, 1)


def with_range(given: str) -> Callable[[Asked, Answer], Answer]:
    return lambda _, answer: replace(answer, headers={**answer.headers, "Content-Range": given})


@pytest.mark.parametrize(
    "bend",
    [
        with_range("bytes 0-99/100"),
        with_range("bytes 1-10/10240"),
        with_range("bytes 0-8/10240"),
        with_range("bytes 0-9/5"),
        with_range("bytes 0-9/*"),
        with_range("rows 0-9/10240"),
        with_range("bytes 0-9/" + "9" * 30),
        lambda _, answer: replace(answer, status=200, body=DATA),
        lambda _, answer: replace(answer, status=200),
        lambda _, answer: replace(answer, body=b"short"),
        lambda _, answer: replace(answer, body=DATA[:11]),
        lambda _, answer: replace(answer, body=DATA * 1000),
        lambda _, answer: replace(answer, status=204, body=b""),
        lambda _, answer: replace(answer, status=403),
        lambda _, answer: replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"}),
    ],
)
def test_an_answer_with_anything_but_the_range_is_refused(
    site: RangeSite,
    connection: Connection,
    paused: list[float],
    bend: Callable[[Asked, Answer], Answer],
) -> None:
    version = connection.find()
    site.bend = bend
    with pytest.raises(AnswerRefused) as refused:
        connection.read(version, 0, 10)
    assert refused.value.got
    assert refused.value.remedy
    assert paused == []
    site.bend = lambda _, answer: answer
    assert connection.read(version, 0, 10) == DATA[:10]


@pytest.mark.parametrize(
    "bend",
    [
        lambda _, answer: replace(answer, status=503, body=b""),
        lambda _, answer: replace(answer, status=429, body=b""),
        lambda _, answer: replace(answer, length=len(answer.body) + 1),
    ],
)
def test_what_may_pass_is_tried_three_times(
    site: RangeSite,
    connection: Connection,
    paused: list[float],
    bend: Callable[[Asked, Answer], Answer],
) -> None:
    version = connection.find()
    site.bend = bend
    with pytest.raises(ServerUnavailable):
        connection.read(version, 0, 10)
    assert len(site.asked) == 4
    assert len(paused) == 2


def test_a_broken_answer_is_asked_for_again(site: RangeSite, connection: Connection) -> None:
    version = connection.find()
    tries = iter([True])
    site.bend = lambda _, answer: (
        replace(answer, length=len(answer.body) + 1) if next(tries, False) else answer
    )
    assert connection.read(version, 0, 10) == DATA[:10]


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with (
        connect(f"http://127.0.0.1:{port}/a", RULES, lambda _: None) as connection,
        pytest.raises(ServerUnavailable, match="ConnectError"),
    ):
        connection.find()


@pytest.mark.parametrize("begin", [b"HT", b"HTTP/1.1 206 Partial Content\r\nx: "])
def test_a_server_that_never_ends_its_answer_is_left(
    monkeypatch: pytest.MonkeyPatch, begin: bytes
) -> None:
    """One byte at a time, so that no single step takes long."""
    monkeypatch.setattr(ranges, "_SECONDS", 0.3)
    ended = threading.Event()

    def answer(server: socket.socket) -> None:
        while not ended.is_set():
            with suppress(OSError):  # nobody calls, or the caller has gone
                peer, _ = server.accept()
                with peer:
                    peer.sendall(begin)
                    while not ended.wait(0.01):
                        peer.sendall(b"x")

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.1)
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.getsockname()[1]}/a"
            with (
                connect(address, RULES, lambda _: None) as connection,
                pytest.raises(ServerUnavailable),
            ):
                connection.find()
        finally:
            ended.set()
            thread.join()


def test_a_server_needs_somebody_who_vouches_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    with serving_site(DATA[:9], certificate) as site:
        address = f"https://127.0.0.1:{site.port}/a"
        with (
            connect(address, RULES, lambda _: None) as connection,
            pytest.raises(ServerUnavailable, match=r"(?i)certificate"),
        ):
            connection.find()
        context = ssl.create_default_context(cafile=certificate.path)
        monkeypatch.setattr(ranges, "load_authorities", lambda: context)
        with connect(address, RULES) as connection:
            assert connection.find() == Version.of(DATA[:9])


def redirect(site: RangeSite, to: str) -> None:
    def bend(asked: Asked, answer: Answer) -> Answer:
        return Answer(302, {"Location": to}, b"") if asked.path == "/a" else answer

    site.bend = bend


def test_a_redirect_is_followed_where_that_is_allowed_and_nowhere_else(site: RangeSite) -> None:
    site.files["/public/a"] = site.files["/private/a"] = DATA

    def check(address: str) -> None:
        if "/private/" in address:
            raise AddressRefused("no", got=address, remedy="none")

    rules = replace(RULES, check=check)
    redirect(site, "/public/a")
    with connect(site.address("/a"), rules) as connection:
        assert connection.read(connection.find(), 0, 5) == DATA[:5]
    redirect(site, "/private/a")
    with pytest.raises(AddressRefused):
        find(site, "/a", rules)
    assert not any(asked.path.startswith("/private") for asked in site.asked)
    redirect(site, "/a")
    with pytest.raises(AnswerRefused, match="at most 5 redirects"):
        find(site, "/a", rules)


@pytest.mark.parametrize(
    "to", ["https://127.0.0.1:1/?sig=swordfish", "http://me:swordfish@127.0.0.1:1/", "http://[x/"]
)
def test_no_failure_shows_the_credentials_of_a_redirect(site: RangeSite, to: str) -> None:
    redirect(site, to)
    with pytest.raises(RemoteError) as failed:
        find(site, "/a")
    assert "swordfish" not in str(failed.value)


def test_this_host_is_not_called_unless_that_is_allowed(site: RangeSite) -> None:
    with pytest.raises(AddressRefused, match="PRIVATE_ORIGINS=true"):
        find(site, "/a", replace(RULES, private=False))
    assert site.asked == []


def test_a_name_whose_address_changes_after_the_look_is_refused_before_a_byte_is_sent(
    site: RangeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    looks = iter(["93.184.216.34"])

    def resolve(_: str, port: int | None, *__: object, **___: object) -> list[object]:
        address = next(looks, "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    address = site.address("/a").replace("127.0.0.1", "tables.example")
    with (
        connect(address, replace(RULES, private=False), lambda _: None) as connection,
        pytest.raises(AddressRefused, match="a name whose address has changed"),
    ):
        connection.find()
    assert site.asked == []
