"""The places that models may come from: the folder, what links in it lead to, and addresses.

Links within the folder are followed, as volumes of Kubernetes are made of them. What leads out of
it needs its folder among MODEL_SOURCES, since whoever may write one link there could otherwise have
any file that the service can read shown as labels or named in an error.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from meshlens.classify.errors import InvalidModel, OriginRefused
from meshlens.faults import Place
from meshlens.remote.addresses import hide_credentials, is_below

_SCHEMES = frozenset({"https", "dapr"})


@dataclass(frozen=True, slots=True)
class Places:
    """Where models may come from.

    Attributes:
        folders: where their files may be, links resolved; None for anywhere.
        addresses: how addresses may begin; None for all.
    """

    folders: tuple[Path, ...] | None = None
    addresses: tuple[str, ...] | None = None

    @classmethod
    def of(cls, setting: str, folder: Path) -> "Places":
        """Return the places that MODEL_SOURCES names, and the folder of the models.

        Raises:
            ValueError: it names what is no place.
        """
        named = split_sources(setting)
        folders = [Path(name).resolve() for name in named if name.startswith("/")]
        addresses = tuple(name for name in named if not name.startswith(("/", "*")))
        return cls((folder.resolve(), *folders), None if "*" in named else addresses)

    def check_file(self, path: Path) -> None:
        """Let a file pass that is where files may be, whatever links lead to it.

        Raises:
            InvalidModel: it is elsewhere.
        """
        self._check(path, path.resolve())

    def allow(self, path: Path) -> bool:
        """Return whether a file is where files may be."""
        real = path.resolve()
        return self.folders is None or any(map(real.is_relative_to, self.folders))

    def read(self, path: Path) -> bytes:
        """Return the bytes of a file, which no change of a link meanwhile can replace.

        Raises:
            InvalidModel: it is where no files may be.
            OSError: it cannot be read.
        """
        self.check_file(path)
        with path.open("rb") as file:
            opened = Path(f"/proc/self/fd/{file.fileno()}")
            if opened.exists():
                self._check(path, opened.readlink())
            return file.read()

    def check_address(self, address: str) -> None:
        """Let an address pass from which a model may come.

        Raises:
            OriginRefused: none may come from there.
        """
        allowed = self.addresses
        if allowed is not None and not any(is_below(address, begin) for begin in allowed):
            raise OriginRefused(
                "expected an address that MODEL_SOURCES names",
                got=hide_credentials(address),
                remedy="add how it begins to MODEL_SOURCES, or put the file there",
            )

    def _check(self, path: Path, real: Path) -> None:
        if self.folders is not None and not any(map(real.is_relative_to, self.folders)):
            raise InvalidModel(
                f"{path.name} must be a file in the folder of models",
                got="a link out of it",
                remedy="copy the file, or add the folder that the link leads to to MODEL_SOURCES",
                places=[Place(file=path.name)],
            )


ANYWHERE = Places()


def split_sources(setting: str) -> tuple[str, ...]:
    """Return the places in a list of them; `none` has none.

    Raises:
        ValueError: it names what is no place.
    """
    named = tuple(part.strip() for part in setting.split(",")) if setting.strip() != "none" else ()
    for name in named:
        if not (name == "*" or name.startswith("/") or _is_beginning(name)):
            raise ValueError(
                "sources must begin as https://host, https://host/folder, dapr://binding/name or"
                " dapr://state/name do, or be folders such as /srv/models, separated by commas;"
                f" * for all addresses, none for none; got {name!r}"
            )
    return named


def _is_beginning(name: str) -> bool:
    try:
        parts = urlsplit(name)
        return parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
