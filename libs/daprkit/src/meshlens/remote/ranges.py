"""The bytes of a file of the web, by ranges, all of them of one version of it.

A server that knows no ranges, or does not say by which a change is seen, has its small files read
whole: then their digest is what they are known by.

Import this module where such input arrives: it imports an HTTP client, which is an extra.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from threading import Lock
from typing import TypeAlias, TypeVar

import httpx

from meshlens.remote.addresses import hide_credentials
from meshlens.remote.answers import Answers, Headers, Version, find_mark
from meshlens.remote.errors import AddressRefused, AnswerRefused, ServerUnavailable
from meshlens.remote.guard import Guard

T = TypeVar("T")
# Returns how many bytes of an answer are read, or raises what is wrong with it.
Judge: TypeAlias = Callable[[httpx.Response], int]

# A packed transfer would make lengths and ranges those of the packing.
_PLAIN = {"accept-encoding": "identity"}
_LARGEST = 16 << 20  # bytes of one request, so that a broken one is soon made again
_SECONDS = 60.0  # for all of one request, redirects included; of so many bytes
_STEP_SECONDS = 30.0  # for one step of it
_PAUSES = (0.5, 2.0)  # seconds between tries
_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """Which addresses may be called, and what is read whole.

    Attributes:
        private: whether hosts of private networks, this one included, may be called.
        whole: bytes of a file that is read whole, at most.
        check: raises AddressRefused if an address must not be called for another reason.
    """

    private: bool
    whole: int
    check: Callable[[str], None] = lambda _: None


@cache
def load_authorities() -> ssl.SSLContext:
    """Return who vouches for servers: loading them takes 0.1 s, as much as many files."""
    return httpx.create_ssl_context()


@contextmanager
def connect(
    address: str, rules: Rules, pause: Callable[[float], None] = time.sleep
) -> Iterator["Connection"]:
    """Yield what reads the file at an address.

    Args:
        address: of the web.
        rules: for it, and for where it redirects to.
        pause: waits for so many seconds.
    """
    guard = Guard(address, private=rules.private, check=rules.check)

    async def look(request: httpx.Request) -> None:
        guard(request)

    client = httpx.AsyncClient(
        verify=load_authorities(),
        timeout=_STEP_SECONDS,
        headers=_PLAIN,
        follow_redirects=True,
        max_redirects=_REDIRECTS,
        event_hooks={"request": [look]},
    )
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        try:
            yield Connection(address, rules, guard, client, runner, pause)
        finally:
            runner.run(client.aclose())


class Connection:
    """Reads a file of the web; its methods may be called by several threads, which take turns.

    It is asynchronous inside because a whole request can have an end in time only so.

    Args:
        address: of the file.
        rules: for what is called and read.
        guard: that follows them.
        client: whose requests the guard sees.
        runner: of the client.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        address: str,
        rules: Rules,
        guard: Guard,
        client: httpx.AsyncClient,
        runner: asyncio.Runner,
        pause: Callable[[float], None],
    ) -> None:
        self._address, self._rules, self._guard = address, rules, guard
        self._client, self._runner, self._pause = client, runner, pause
        self._shown = hide_credentials(address)
        self._answers = Answers(self._shown, rules.whole)
        # Of what may be all of a file.
        self._seconds = _SECONDS * max(1, -(-rules.whole // _LARGEST))
        self._turn = Lock()

    def find(self) -> Version:
        """Return the version that the file has now.

        Raises:
            AddressRefused: it must not be called.
            FileMissing: there is no such file.
            AnswerRefused: it can be read neither by ranges nor, as it is too large, whole.
            ServerUnavailable: the server does not answer, however often it is asked.
        """
        return self._try(self._find)

    def read(self, version: Version, start: int, end: int) -> bytes:
        """Return the bytes of a version from `start` to `end`, the latter not included.

        Raises:
            FileChanged: the file has another version now.
            RemoteError: as for `find`, or the server answers with other bytes.
        """
        pieces = [
            self._try(partial(self._read, version, at, min(at + _LARGEST, end)))
            for at in range(start, end, _LARGEST)
        ]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read_whole(self) -> bytes:
        """Return all bytes of the file.

        Raises:
            RemoteError: as for `find`.
        """
        return self._try(self._read_whole)

    def _find(self) -> Version:
        def judge(answer: httpx.Response) -> int:
            match answer.status_code:
                case httpx.codes.OK:
                    self._answers.refuse_large(int(answer.headers.get("content-length", 0)))
                    return self._rules.whole
                case httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:  # of an empty file
                    return 0
                case _:
                    self._answers.find_range(answer, 0, 1)
                    return 1

        answer, data = self._fetch({"range": "bytes=0-0"}, judge, self._seconds)
        if answer.status_code == httpx.codes.OK:
            return Version.of(data)
        if answer.status_code == httpx.codes.PARTIAL_CONTENT:
            size, mark = self._answers.find_range(answer, 0, 1), find_mark(answer)
            if mark:
                return Version(size, mark)
            if size > self._rules.whole:
                raise AnswerRefused(
                    f"{self._shown} must come with an ETag or the time of its last change, so that"
                    " a change is seen",
                    got="neither of them, or a weak ETag alone",
                    remedy="have the server send one, or download the file",
                )
        return Version.of(self._read_whole())

    def _read(self, version: Version, start: int, end: int) -> bytes:
        def judge(answer: httpx.Response) -> int:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise self._answers.changed("a shorter file")
            size = self._answers.find_range(answer, start, end)
            if Version(size, find_mark(answer)) != version:
                raise self._answers.changed("another size, ETag or time of its last change")
            return end - start

        wanted = {**version.condition, "range": f"bytes={start}-{end - 1}"}
        _, data = self._fetch(wanted, judge, _SECONDS)
        if len(data) < end - start:
            raise AnswerRefused(
                f"{self._shown} must answer with the {end - start} bytes from {start} on",
                got=f"{len(data)}",
                remedy="have its server corrected, or download the file",
            )
        return data

    def _read_whole(self) -> bytes:
        def judge(answer: httpx.Response) -> int:
            if answer.status_code != httpx.codes.OK:
                raise self._answers.refuse_status(answer)
            self._answers.refuse_large(int(answer.headers.get("content-length", 0)))
            return self._rules.whole

        return self._fetch({}, judge, self._seconds)[1]

    def _fetch(
        self, headers: Headers, judge: Judge, seconds: float
    ) -> tuple[httpx.Response, bytes]:
        """Return an answer, and its body as far as it is wanted."""
        try:
            with self._turn:
                return self._runner.run(self._ask(headers, judge, seconds))
        except TimeoutError as error:
            raise ServerUnavailable(
                f"{self._shown} must answer within {seconds:g} s",
                got="less until then",
                remedy="try again when its server is less busy, or download the file",
            ) from error
        except httpx.TooManyRedirects as error:
            raise AnswerRefused(
                f"{self._shown} must have at most {_REDIRECTS} redirects",
                got="more",
                remedy="name the address that has the file",
            ) from error
        except httpx.InvalidURL:
            # Its text may quote a password.
            raise AddressRefused(
                "expected a URL",
                got=self._shown,
                remedy="percent-encode its special characters",
            ) from None
        except httpx.HTTPError as error:
            raise ServerUnavailable(
                f"{self._shown} must answer, and to the end",
                got=f"{type(error).__name__} {error}".strip(),
                remedy="check the address and its server, and try again",
            ) from error

    async def _ask(
        self, headers: Headers, judge: Judge, seconds: float
    ) -> tuple[httpx.Response, bytes]:
        data = bytearray()
        async with (
            asyncio.timeout(seconds),
            self._client.stream(
                "GET",
                self._address,
                headers=headers,
                extensions={"trace": self._guard.trace_async},
            ) as answer,
        ):
            self._answers.check(answer)
            most = judge(answer)
            if most:
                async for piece in answer.aiter_raw():
                    data += piece
                    if len(data) > most:
                        raise AnswerRefused(
                            f"{self._shown} must answer with at most {most} bytes",
                            got="more",
                            remedy="have its server corrected, or download the file",
                        )
        return answer, bytes(data)

    def _try(self, ask: Callable[[], T]) -> T:
        for seconds in _PAUSES:
            try:
                return ask()
            except ServerUnavailable:
                self._pause(seconds)
        return ask()
