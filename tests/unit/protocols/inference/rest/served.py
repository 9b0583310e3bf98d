"""Models that answer what they are sent, of every type, and the REST paths in front of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from meshlens.daprkit.application.routing import Routes
from meshlens.daprkit.messages import Provenance, Reply, Request
from meshlens.faults import Fault
from meshlens.protocols.errors import Unavailable, UnknownLabel, UnknownModel, UnknownVersion
from meshlens.protocols.inference.datatypes import name_datatype
from meshlens.protocols.inference.rest.routes import routes
from meshlens.protocols.inference.server import InferenceServer
from meshlens.protocols.models import Array, ModelVersion, State

MAX_BODY = 1 << 20
NUMBERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
NUMBERS += ["float16", "float32", "float64", "bool"]
PROVENANCE = Provenance("5" * 64, "verified", "6" * 64)


@dataclass(frozen=True)
class Spec:
    """An input or an output."""

    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Echo:
    """A function that returns its inputs; it knows the labels of an output called x."""

    inputs: Sequence[Spec]
    picture: str = ""
    widens: bool = False

    @property
    def outputs(self) -> Sequence[Spec]:
        return self.inputs

    def read_picture(self, data: bytes) -> Array:
        if not data.startswith(b"picture"):
            raise Fault("expected a picture", got="something else", remedy="send one")
        return np.array([[float(len(data))]], np.float32)

    def labels(self, output: str) -> Sequence[str]:
        return ("pear", "apple", "fig") if output == "x" else ()

    def run(self, tensors: Mapping[str, Array]) -> Mapping[str, Array]:
        return tensors

    @property
    def lookup(self) -> None:
        """None: nothing is kept."""


@dataclass(frozen=True)
class Loaded:
    """A version that answers."""

    name: str
    functions: Mapping[str, Echo]
    version: str = "1"
    platform: str = "meshlens_echo"
    provenance: Provenance = PROVENANCE


def one(dtype: str, shape: tuple[int, ...] | None = None, *, picture: str = "") -> Echo:
    return Echo([Spec("x", np.dtype(dtype), shape)], picture)


MODELS: Mapping[str, Echo] = {
    **{name_datatype(np.dtype(name)): one(name) for name in (*NUMBERS, "object")},
    "row": one("float32", (1, 3)),
    "rows": one("float32", (-1, 3)),
    "planes": one("float32", (-1, -1)),
    "text": one("object", (-1, 1)),
    "texts": one("object", (2,)),
    "picture": one("float32", (1, 1), picture="x"),
    "two": Echo([Spec("a", np.dtype("int8"), (2,)), Spec("b", np.dtype("object"), (1,))]),
    "none": Echo([]),
    "odd": one("complex64", (1,)),
    "ä b%": one("float32", (1, 3)),
}


@dataclass
class Echoes:
    """The models; `protocols.models.Models`.

    Attributes:
        unloaded: those that have been unloaded.
    """

    unloaded: set[str] = field(default_factory=set)

    @contextmanager
    def lease(
        self,
        name: str,
        *,
        version: str = "",
        label: str = "",
        key: str = "",  # noqa: ARG002 - each model has what it needs
        computes: bool = True,  # noqa: ARG002 - likewise
    ) -> Iterator[Loaded]:
        self.versions(name)
        if version not in ("", "1"):
            raise UnknownVersion("expected version 1", got=version, remedy="name it")
        if label not in ("", "stable"):
            raise UnknownLabel("expected label stable", got=label, remedy="name it")
        if name in self.unloaded:
            raise Unavailable(f"{name} is unloaded", got="END", remedy="load it")
        yield Loaded(name, {"serving_default": MODELS[name]})

    def versions(self, name: str = "") -> Sequence[ModelVersion]:
        if name and name not in MODELS:
            raise UnknownModel("expected the name of a model", got=name, remedy="name one")
        return [
            ModelVersion(
                each,
                "1",
                State.END if each in self.unloaded else State.AVAILABLE,
                labels=("stable",),
            )
            for each in ([name] if name else MODELS)
        ]

    def load(self, name: str) -> None:
        self.versions(name)
        if name == "none":
            raise Unavailable("it has no inputs", got="none", remedy="name another")
        self.unloaded.discard(name)

    def unload(self, name: str) -> None:
        self.versions(name)
        self.unloaded.add(name)


class Served:
    """The REST paths, called as a transport calls them.

    Attributes:
        ready: whether the service says that it is.
    """

    def __init__(self) -> None:
        self.ready = True
        self.server = InferenceServer(
            Echoes(), name="echo", version="1.2", ready=lambda: self.ready
        )
        self.routes = routes(self.server, max_body=MAX_BODY)
        self._found = Routes(self.routes)

    def call(self, verb: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        route, parameters = self._found.find(path, verb)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return route.endpoint(Request(path, verb, {}, "", body, named, parameters))
