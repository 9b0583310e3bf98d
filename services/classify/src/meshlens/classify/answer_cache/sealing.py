"""What is kept outside of the process: whatever changes it on the way makes it nothing."""

import hashlib
import struct

_DIGEST = hashlib.sha256().digest_size
_UNTIL = struct.Struct(">d")


def seal(key: str, data: bytes, until: float) -> bytes:
    """Return `data` with a digest of it, of its key and of the time, in seconds, of its end."""
    dated = _UNTIL.pack(until) + data
    return _digest(key, dated) + dated


def unseal(key: str, sealed: bytes) -> tuple[bytes, float] | None:
    """Return what `seal` was given under the same key and its end, None for any other bytes."""
    digest, dated = sealed[:_DIGEST], sealed[_DIGEST:]
    if len(dated) < _UNTIL.size or digest != _digest(key, dated):
        return None
    (until,) = _UNTIL.unpack_from(dated)
    return dated[_UNTIL.size :], until


def _digest(key: str, dated: bytes) -> bytes:
    return hashlib.sha256(len(key).to_bytes(8, "big") + key.encode() + dated).digest()
