"""What jobs may read: callers name paths and addresses, and must not reach what is not theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshlens.jobs.addresses import Address, is_address
from meshlens.jobs.errors import InputNotAllowed
from meshlens.remote.addresses import hide_credentials, is_below, is_remote
from meshlens.remote.errors import AddressRefused

ALL = "*"
_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where what jobs read may be.

    Attributes:
        folders: with links resolved; None for anywhere.
        addresses: of bindings, or of folders in them; each has to be named.
        web: how addresses of the web may begin; each has to be named.
    """

    folders: Sequence[Path] | None
    addresses: Sequence[Address] = ()
    web: Sequence[str] = ()

    @classmethod
    def of(cls, setting: str) -> "Inputs":
        """Return what JOB_INPUTS names."""
        named = [name.strip() for name in setting.split(",") if name.strip()]
        addresses = [Address.of(name, "JOB_INPUTS") for name in named if is_address(name)]
        web = [name for name in named if is_remote(name)]
        folders = [Path(name).resolve() for name in named if name.startswith("/")]
        return cls(None if ALL in named else folders, addresses, web)

    def allow(self, path: Path) -> bool:
        """Return whether a path is within one of the folders, wherever links lead to."""
        return self.folders is None or any(map(path.resolve().is_relative_to, self.folders))

    def check(self, path: str | Path, option: str) -> None:
        """Let a path pass that may be read.

        Raises:
            InputNotAllowed: it is elsewhere.
        """
        if not self.allow(Path(path)):
            raise InputNotAllowed(
                "what a job reads must be in a folder of JOB_INPUTS, and so must what its links"
                " lead to",
                got=str(path)[:_LONGEST_SHOWN],
                remedy="name a path in one of those, or let the operator add its folder",
                option=option,
            )

    def check_address(self, address: Address, option: str) -> None:
        """Let an address pass that may be read.

        Raises:
            InputNotAllowed: it is in none of those that JOB_INPUTS names.
        """
        if not any(allowed.holds(address) for allowed in self.addresses):
            raise InputNotAllowed(
                "what a job reads from a binding must be below an address of JOB_INPUTS",
                got=str(address)[:_LONGEST_SHOWN],
                remedy="name one below those, or let the operator add"
                f" {Address(address.binding, '')}",
                option=option,
            )

    def check_web(self, address: str, option: str) -> None:
        """Let an address of the web pass that may be read.

        Raises:
            InputNotAllowed: it is below none of those that JOB_INPUTS names.
        """
        if not self._allow_web(address):
            raise InputNotAllowed(
                "what a job reads from the web must be below an address of JOB_INPUTS",
                got=hide_credentials(address)[:_LONGEST_SHOWN],
                remedy="name one below those, or let the operator add how it begins",
                option=option,
            )

    def follow(self, address: str) -> None:
        """Let an address of the web pass that is called, as where another one redirects to.

        Raises:
            AddressRefused: it is below none of those that JOB_INPUTS names.
        """
        if not self._allow_web(address):
            raise AddressRefused(
                "what a job reads from the web must not redirect out of JOB_INPUTS",
                got=hide_credentials(address)[:_LONGEST_SHOWN],
                remedy="name the address that has the file, or let the operator add how it begins",
            )

    def _allow_web(self, address: str) -> bool:
        return any(is_below(address, begin) for begin in self.web)
