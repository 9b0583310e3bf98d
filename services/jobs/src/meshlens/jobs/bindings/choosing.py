"""Which objects a name means: one, those of a folder, or those that a pattern matches."""

import posixpath
from collections.abc import Sequence
from fnmatch import fnmatchcase

_WILD = "*?["
# As engines call what they leave beside their files: _SUCCESS, .part.crc, _temporary/
_HIDDEN = (".", "_")


def is_pattern(name: str) -> bool:
    """Return whether a name stands for others."""
    return any(mark in name for mark in _WILD)


def is_hidden(name: str) -> bool:
    """Return whether an object is left out by the name that it has below a folder or a pattern."""
    return any(part.startswith(_HIDDEN) for part in name.split("/"))


def find_folder(name: str) -> str:
    """Return the folder in which all is that a pattern matches; of an object, its folder."""
    folder = posixpath.dirname(name)
    while is_pattern(folder):
        folder = posixpath.dirname(folder)
    return folder


def find_root(names: Sequence[str]) -> str:
    """Return the folder in which all is that some names mean."""
    folders = [find_folder(name).split("/") for name in names]
    return "/".join(posixpath.commonprefix(folders))


def matches(name: str, pattern: str) -> bool:
    """Return whether a pattern matches a name as it would a path: only ** stands for folders."""
    parts = name.split("/")
    reached = {0}  # how many parts of the name what is before in the pattern may match
    for wanted in pattern.split("/"):
        if wanted == "**":
            reached = {count for count in range(len(parts) + 1) if count >= min(reached)}
        else:
            reached = {
                count + 1
                for count in reached
                if count < len(parts) and fnmatchcase(parts[count], wanted)
            }
        if not reached:
            return False
    return len(parts) in reached
