"""A question to a model: all that its answer depends on, and the key that stands for it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

# Changes whenever what is kept has another form, or means something else.
_FORMAT = "1"
# What turns a request into an answer; another release of one may answer with other digits.
_COMPUTE = ("meshlens-classify", "ai-edge-litert", "tensorflow", "numpy", "pillow")


@dataclass(frozen=True, slots=True)
class Question:
    """A request to one content of one version of a model.

    Two questions have one key only if they are the same. A version number alone does not do: its
    files may be replaced while the service runs, and then a kept answer would be that of another
    model. So the content that was leased for the request is part of the key, and is never looked
    up again. The name and the version are part of it because messages may name them.

    The body is what is decoded: a picture is the same question whether it came as it is, in base64
    or in a form. The accepted media type is no part of it, as what is kept is the answer, from
    which each media type is written.

    Attributes:
        model: its name.
        version: its number.
        content: digest of its bytes, its card and its labels.
        method: what is asked of it.
        options: how, as JSON, with the defaults filled in and without the name of the model.
        body: the bytes of the picture, or the JSON of the tensors.
        max_pixels: of the largest picture that is answered and not refused.
    """

    model: str
    version: str
    content: str
    method: str
    options: str
    body: bytes
    max_pixels: int

    def key(self) -> str:
        """Return a sha256 in hexadecimal, of these parts and of the software that answers."""
        facts = (self.model, self.version, self.content, self.method, self.options)
        texts = (_describe_software(), *facts, str(self.max_pixels))
        return _digest((*map(str.encode, texts), self.body))


def _digest(parts: Iterable[bytes]) -> str:
    """Return the digest of parts; the length before each keeps their borders apart."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


@cache
def _describe_software() -> str:
    return " ".join((_FORMAT, *(f"{name}={_find_version(name)}" for name in _COMPUTE)))


def _find_version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"  # TensorFlow is an extra
