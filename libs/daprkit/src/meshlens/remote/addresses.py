"""Addresses of the web: how they are shown, what is below them, and which name one file.

An address may hold credentials: https://user:password@host/model, https://host/model?sig=... So it
is never shown whole, neither to callers nor in the log.
"""

from urllib.parse import SplitResult, unquote, urlsplit

_SCHEMES = ("http://", "https://")
_PORTS = {"http": 80, "https": 443}
_HIDDEN = "..."
_WILD = "*["


def is_remote(text: str) -> bool:
    """Return whether a text begins as an address of the web does."""
    return text.startswith(_SCHEMES)


def hide_credentials(address: str) -> str:
    """Return an address of the web without user, password, query and fragment."""
    try:
        scheme, host, path, query, fragment = urlsplit(address)
    except ValueError:  # brackets that hold no IPv6 address
        return f"{address.partition(':')[0]}://{_HIDDEN}"
    if "@" in path + query + fragment:  # it may end a password that has a slash or the like in it
        return f"{scheme}://{_HIDDEN}"
    rest = f"?{_HIDDEN}" if query or fragment else ""
    return f"{scheme}://{host.rpartition('@')[2]}{path}{rest}"


def is_below(address: str, begin: str) -> bool:
    """Return whether an address begins so, in whole parts of its path."""
    one, other = urlsplit(address), urlsplit(begin)
    path, start = one.path.split("/"), other.path.rstrip("/").split("/")
    return (
        (one.scheme, one.hostname, _find_port(one))
        == (other.scheme, other.hostname, _find_port(other))
        and path[: len(start)] == start
        and not _leads_up(one.path)
    )


def find_flaw(address: str) -> str:
    """Return why an address cannot name a file of a job; empty if it can.

    What names a job is kept and shown, so that it must hold no credentials.
    """
    try:
        parts = urlsplit(address)
        plain = is_remote(address) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        plain = False
    if not plain or any(ord(letter) <= ord(" ") for letter in address):
        return "no address of the web"
    if "@" in parts.netloc:
        return "a user or a password"
    if "?" in address or "#" in address:
        return "a query or a fragment"
    if any(mark in parts.path for mark in _WILD):
        return "a pattern"
    if _leads_up(parts.path):
        return "a path that leads up"
    return "" if parts.path.rpartition("/")[2] else "a folder"


def _find_port(parts: SplitResult) -> int | None:
    return parts.port or _PORTS.get(parts.scheme)


def _leads_up(path: str) -> bool:
    return ".." in unquote(path).replace("\\", "/").split("/")
