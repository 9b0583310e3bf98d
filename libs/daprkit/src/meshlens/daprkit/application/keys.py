"""Idempotency keys: by which a caller says that two requests are one, sent again.

The header is that of draft-ietf-httpapi-idempotency-key-header. gRPC callers send it as metadata.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from meshlens.daprkit.errors import InvalidRequest

HEADER = "idempotency-key"
LONGEST = 255

_KEY = re.compile(rf"[!-~]{{1,{LONGEST}}}")
_SPACE = uuid.UUID("6f1a3c52-52b7-4a43-9c9e-7d6a2f6f3d10")


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a request.

    Attributes:
        caller: who sent it; a key means nothing beside those of another caller.
        text: as sent.
    """

    caller: str
    text: str

    @classmethod
    def read(cls, headers: Mapping[str, str], caller: str) -> Self | None:
        """Return the key in the headers of a call, names in lower case; None if there is none.

        Args:
            headers: of the call.
            caller: the app id of who calls.

        Raises:
            InvalidRequest: it is no key.
        """
        text = headers.get(HEADER)
        if text is None:
            return None
        if not _KEY.fullmatch(text):
            raise InvalidRequest(
                f"{HEADER} must be 1 to {LONGEST} visible characters of ASCII",
                got=f"{len(text)} characters",
                remedy="send for example a UUID",
                option=HEADER,
            )
        return cls(caller, text)

    @classmethod
    def read_metadata(cls, metadata: Iterable[tuple[str, str | bytes]], caller: str) -> Self | None:
        """Return the key in the metadata of a gRPC call; None if there is none.

        Args:
            metadata: of the call.
            caller: the app id of who calls.

        Raises:
            InvalidRequest: it is no key.
        """
        headers = {
            name: text for name, text in metadata if name == HEADER and isinstance(text, str)
        }
        return cls.read(headers, caller)

    @classmethod
    def of_event(cls, source: str, identity: str, body: bytes) -> Self:
        """Return the key of an event that is a request: it is the same when delivered again."""
        digest = hashlib.sha256(body).hexdigest()
        return cls(f"event {source}", f"{identity} {digest}")

    def number(self, place: int) -> Self:
        """Return the key of one of the requests that a request holds."""
        return replace(self, text=f"{self.text} {place}")


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is answered once, however often it comes.

    Attributes:
        method: what it calls.
        key: its key.
        print: digest of all that makes the answer.
    """

    method: str
    key: Key
    print: str

    def identify(self, outcome: str) -> str:
        """Return the id of the event that says how it ended: the same in every process."""
        parts = [self.method, self.key.caller, self.key.text, self.print, outcome]
        return str(uuid.uuid5(_SPACE, json.dumps(parts)))


def fingerprint(digest: str, *, path: str, options: Mapping[str, str]) -> str:
    """Return the digest of a request, as far as the answer depends on it.

    Args:
        digest: of the body.
        path: what is called.
        options: what else makes the answer, by name.
    """
    text = json.dumps([path, digest, sorted(options.items())])
    return hashlib.sha256(text.encode()).hexdigest()
