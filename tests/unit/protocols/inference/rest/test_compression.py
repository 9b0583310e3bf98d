"""Encoded bodies: what clients send is unpacked within a bound, what they accept is packed."""

import gzip
import tracemalloc
import zlib

import pytest

from meshlens.daprkit.application.status import Refused, Status
from meshlens.daprkit.errors import BodyTooLarge
from meshlens.protocols.inference.rest.compression import choose_encoding, compress, decompress

TEXT = b'{"inputs": []}' * 100
LIMIT = 1 << 20


def pack(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)  # the same bytes at all times: they name a test


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", pack(TEXT)),
        ("GZIP", pack(TEXT)),
        ("gzip", pack(TEXT[:500]) + pack(TEXT[500:])),
        ("deflate", zlib.compress(TEXT)),
    ],
)
def test_what_clients_send_is_unpacked(encoding: str, body: bytes) -> None:
    assert decompress(body, encoding, limit=LIMIT) == TEXT


@pytest.mark.parametrize(
    ("encoding", "body", "status", "text"),
    [
        ("br", TEXT, Status.UNIMPLEMENTED, "Unsupported compression type"),
        ("gzip, gzip", TEXT, Status.UNIMPLEMENTED, "Unsupported compression type"),
        ("gzip", TEXT, Status.INVALID_ARGUMENT, "failed to decompress the request body as gzip"),
        ("gzip", pack(TEXT)[:-9], Status.INVALID_ARGUMENT, "it breaks off"),
        ("gzip", pack(TEXT) + b"more", Status.INVALID_ARGUMENT, "as gzip"),
        ("deflate", pack(TEXT), Status.INVALID_ARGUMENT, "as deflate"),
        ("deflate", zlib.compress(TEXT, wbits=-15), Status.INVALID_ARGUMENT, "as deflate"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(
    encoding: str, body: bytes, status: Status, text: str
) -> None:
    with pytest.raises(Refused, match=text) as refused:
        decompress(body, encoding, limit=LIMIT)
    assert refused.value.status is status


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_refused_before_it_is_unpacked(encoding: str) -> None:
    bomb = compress(bytes(200 << 20), encoding)[0]
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            decompress(bomb, encoding, limit=LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 5 * LIMIT
    finally:
        tracemalloc.stop()


def test_many_small_members_are_bounded_together() -> None:
    with pytest.raises(BodyTooLarge):
        decompress(gzip.compress(bytes(1000)) * 1100, "gzip", limit=LIMIT)


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        ("", "identity"),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate", "gzip"),
        ("gzip;q=0.5, deflate;q=0.9", "deflate"),
        ("br, zstd, gzip", "gzip"),
        ("identity, gzip", "identity"),
        ("gzip;q=0", "identity"),
        ("gzip;q=x, deflate", "deflate"),
        ("*", "identity"),
    ],
)
def test_an_answer_is_packed_as_the_client_prefers(accept: str, encoding: str) -> None:
    assert choose_encoding(accept) == encoding
    body, name = compress(TEXT, accept)
    assert name == encoding
    assert decompress(body, name, limit=LIMIT) == TEXT


def test_a_short_answer_is_not_packed() -> None:
    assert compress(b"{}", "gzip") == (b"{}", "identity")
