"""Addresses of what is behind a binding of the mesh: dapr://binding/<binding>/<name>."""

import re
from dataclasses import dataclass

from meshlens.daprkit.sidecar.addresses import SCHEME
from meshlens.jobs.errors import InvalidJob

_ADDRESS = re.compile(rf"{SCHEME}binding/([^/\s]+)(?:/([^\0]*))?")
_LONGEST_SHOWN = 200


def is_address(text: str) -> bool:
    """Return whether a text begins as an address of the mesh does."""
    return text.startswith(SCHEME)


@dataclass(frozen=True, slots=True)
class Address:
    """An object, a folder of objects or all objects of a binding.

    Attributes:
        binding: name of the component.
        name: of the object or the folder, without / at its end; empty for all objects.
    """

    binding: str
    name: str

    def __str__(self) -> str:
        return f"{SCHEME}binding/{self.binding}/{self.name}".rstrip("/")

    @classmethod
    def of(cls, text: str, option: str) -> "Address":
        """Return the address that a text is.

        Args:
            text: from a caller, or a setting.
            option: where it comes from.

        Raises:
            InvalidJob: it is none, or a part of its name could lead elsewhere, such as `..`.
        """
        found = _ADDRESS.fullmatch(text)
        name = (found[2] or "").removesuffix("/") if found else ""
        if found is None or (name and not {"", ".", ".."}.isdisjoint(name.split("/"))):
            raise InvalidJob(
                f"an address must be {SCHEME}binding/<binding>/<name>, without empty parts,"
                " . and .. in the name",
                got=repr(text[:_LONGEST_SHOWN]),
                remedy="correct it",
                option=option,
            )
        return cls(found[1], name)

    def holds(self, other: "Address") -> bool:
        """Return whether another address is this one, or in this folder."""
        if self.binding != other.binding:
            return False
        return not self.name or f"{other.name}/".startswith(f"{self.name}/")
