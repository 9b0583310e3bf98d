"""The ways in which an unmodified client reaches classify, as docs/clients.md lists its doors."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mesh import Mesh


class Way(StrEnum):
    """How a client is told which app it means."""

    PREFIX = "path prefix"
    HEADER = "header"
    BASIC = "Basic auth"
    ENDPOINT = "HTTPEndpoint"
    LISTENER = "own listener"
    PROXY = "gRPC proxy"

    @property
    def exact(self) -> bool:
        """Whether errors keep their bodies, and the statuses that Dapr's table has not."""
        return self in (Way.ENDPOINT, Way.LISTENER, Way.PROXY)


BY_HTTP = tuple(way for way in Way if way is not Way.PROXY)


@dataclass(frozen=True)
class Address:
    """What a client is given.

    Attributes:
        url: the beginning of its URLs, without a scheme; of a client by gRPC host and port.
        user_info: of its URLs, for clients that take it.
        headers: that it sends; of a client by gRPC its metadata.
        basic: user and password, for clients that take them.
    """

    url: str
    user_info: str = ""
    headers: Mapping[str, str] | None = None
    basic: tuple[str, str] | None = None

    @property
    def base(self) -> str:
        """The beginning of its URLs, with a scheme."""
        return f"http://{self.user_info}{self.url}"

    @property
    def of_call(self) -> Mapping[str, object]:
        """What the programs of tests/clients read."""
        return {
            "url": self.url,
            "base": self.base,
            "headers": self.headers or {},
            "basic": self.basic,
        }


def address_of(mesh: Mesh, way: Way) -> Address:
    """Return what a client of classify is given that calls through the sidecar of pca."""
    here = f"127.0.0.1:{mesh.http_port('pca')}"
    match way:
        case Way.PREFIX:
            return Address(f"{here}/v1.0/invoke/classify/method")
        case Way.HEADER:
            return Address(here, headers={"dapr-app-id": "classify"})
        case Way.BASIC:
            return Address(here, "dapr-app-id:classify@", basic=("dapr-app-id", "classify"))
        case Way.ENDPOINT:
            return Address(f"{here}/v1.0/invoke/classify-rest/method")
        case Way.LISTENER:
            return Address(f"127.0.0.1:{mesh.listener_port('classify')}")
        case Way.PROXY:
            return Address(
                f"127.0.0.1:{mesh.grpc_port('pca')}", headers={"dapr-app-id": "classify"}
            )
