"""Hostile inputs: the corpora of the fuzzers, damaged at random, for every door of a service."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_CORPUS = Path(__file__).resolve().parents[1] / "fuzz" / "corpus"
_LONGEST = 64 * 1024
# By so many bytes at the beginning of a file the fuzzers choose what else is there.
_CHOICES = {"image": 1, "inference_rest": 2, "mcp": 1, "table": 2, "tfserving": 1}
_TYPES = (
    "application/json",
    "application/octet-stream",
    "application/x-protobuf",
    "application/x-www-form-urlencoded",
    "image/png",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "text/csv",
    "text/csv; charset=utf-16",
    "text/csv; charset=none",
    "text/uri-list",
    "a/b/c",
)
_ENCODINGS = ("gzip", "deflate", "br", "gzip, gzip")
_QUERIES = (
    "x=1",
    "timeout=-1",
    "timeout=nan",
    "model=..%2F..",
    "k=999999999",
    "a=%00&a",
)
_SELDOM = 0.2
_MODELS = ("digits", "digits", "digits", "pca", "none", "..", "a b", "digits:1", "%2e%2e")


@dataclass(frozen=True, slots=True)
class Door:
    """Where bytes go in.

    Attributes:
        protocol: that it speaks.
        service: whose.
        path: of the method; {model} is the name of a model. Of gRPC, the full method.
        corpus: whose files are what it expects, about.
    """

    protocol: str
    service: str
    path: str
    corpus: str


@dataclass(frozen=True, slots=True)
class Input:
    """One input.

    Attributes:
        door: where it goes.
        path: there.
        body: the bytes.
        headers: beside them, of HTTP.
        query: as it is sent.
    """

    door: Door
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""


def _open_doors() -> Sequence[Door]:
    doors = [
        Door("invoke", "pca", path, "table") for path in ("plot", "fit", "transform", "inverse")
    ]
    doors += [
        Door("invoke", "classify", path, "image")
        for path in ("classify", "detect", "preview", "models/{model}/predict")
    ]
    doors += [Door("TF Serving REST", "classify", "v1/models/{model}:predict", "tfserving")]
    doors += [Door("TF Serving REST", "classify", "v1/models/{model}:classify", "tfserving")]
    doors += [
        Door(
            "TF Serving gRPC",
            "classify",
            f"tensorflow.serving.PredictionService/{call}",
            "inference",
        )
        for call in ("Predict", "Classify", "GetModelMetadata")
    ]
    doors += [Door("topic", "classify", "images", "image")]
    for service in ("pca", "classify"):
        doors += [
            Door("V2 REST", service, "v2/models/{model}/infer", "inference_rest"),
            Door("V2 REST", service, "v2/repository/index", "inference_rest"),
            Door("V2 gRPC", service, "inference.GRPCInferenceService/ModelInfer", "inference"),
            Door("V2 gRPC", service, "inference.GRPCInferenceService/ModelMetadata", "inference"),
            Door("MCP", service, "mcp", "mcp"),
            Door("gateway", service, "gateway", "mcp"),
            Door("gRPC", service, "dapr.proto.runtime.v1.AppCallback/OnInvoke", "inference"),
        ]
    return doors


DOORS = _open_doors()


class Inputs:
    """Makes inputs, the same for the same seed.

    Args:
        seed: decides.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"hostile {seed}")  # noqa: S311 - not a secret
        self._files = {
            folder.name: [
                file.read_bytes()[_CHOICES.get(folder.name, 0) :]
                for file in sorted(folder.iterdir())
            ]
            for folder in _CORPUS.iterdir()
        }
        self._damages: Sequence[Callable[[bytearray], None]] = (
            self._flip,
            self._cut,
            self._repeat,
            self._insert,
            self._splice,
            self._enlarge,
        )

    def make(self) -> Input:
        """Return the next one."""
        chance = self._chance
        door = chance.choice(DOORS)
        body = bytearray(chance.choice(self._files[door.corpus]))
        for _ in range(chance.randint(0, 4)):
            chance.choice(self._damages)(body)
        # Most have none of these, so that what is refused is the body.
        headers = {
            "content-type": self._choose_seldom(_TYPES),
            "content-encoding": self._choose_seldom(_ENCODINGS),
        }
        return Input(
            door,
            door.path.replace("{model}", chance.choice(_MODELS)),
            bytes(body[:_LONGEST]),
            {name: value for name, value in headers.items() if value},
            self._choose_seldom(_QUERIES),
        )

    def _choose_seldom(self, texts: Sequence[str]) -> str:
        return self._chance.choice(texts) if self._chance.random() < _SELDOM else ""

    def _place(self, body: bytearray) -> int:
        return self._chance.randint(0, len(body))

    def _flip(self, body: bytearray) -> None:
        for _ in range(self._chance.randint(1, 8) if body else 0):
            body[self._chance.randrange(len(body))] ^= 1 << self._chance.randrange(8)

    def _cut(self, body: bytearray) -> None:
        del body[self._place(body) :]

    def _repeat(self, body: bytearray) -> None:
        start = self._place(body)
        part = body[start : start + self._chance.randint(1, 64)]
        body[start:start] = part * self._chance.randint(1, 200)

    def _insert(self, body: bytearray) -> None:
        place = self._place(body)
        body[place:place] = self._chance.randbytes(self._chance.randint(1, 16))

    def _splice(self, body: bytearray) -> None:
        other = self._chance.choice(self._files[self._chance.choice(sorted(self._files))])
        body[self._place(body) :] = other[self._place(bytearray(other)) :]

    def _enlarge(self, body: bytearray) -> None:
        """Write a number that is too large where there is one."""
        place = self._place(body)
        body[place : place + 4] = self._chance.choice(
            [b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"9999999999", b"-1", b"1e999", b"\0\0\0\0"]
        )
