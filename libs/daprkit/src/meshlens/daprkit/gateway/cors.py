"""Which pages in browsers may read the answers (the CORS protocol of the Fetch standard)."""

import re
from collections.abc import Mapping, Sequence

ANY = "*"
_LONGEST_LIST = 1000
_NAMES = re.compile(r"[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*", re.ASCII)
# Seconds that a browser may skip the preflight; none remembers it for longer.
_REMEMBERED = "7200"


class Cors:
    """Answers browsers that ask on behalf of a page.

    Credentials are never allowed: no answer depends on a cookie.

    Args:
        origins: whose pages may read the answers; `*` among them stands for all.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)

    def allow(self, origin: str) -> dict[str, str]:
        """Return the headers by which a page of `origin` may read an answer."""
        if ANY in self._origins:
            return {"access-control-allow-origin": ANY}
        if not self._origins:
            return {}
        if origin in self._origins:
            return {"access-control-allow-origin": origin, "vary": "Origin"}
        return {"vary": "Origin"}

    def prepare(self, headers: Mapping[str, str], verbs: Sequence[str]) -> dict[str, str]:
        """Return the headers of the answer to OPTIONS.

        Args:
            headers: of the request, names in lower case.
            verbs: what the method accepts.
        """
        listed = ", ".join(verbs)
        answer = {"allow": listed}
        allowed = self.allow(headers.get("origin", ""))
        if "access-control-allow-origin" not in allowed:
            return answer | allowed
        answer |= allowed
        answer["access-control-allow-methods"] = listed
        answer["access-control-max-age"] = _REMEMBERED
        wanted = headers.get("access-control-request-headers", "")
        if len(wanted) <= _LONGEST_LIST and _NAMES.fullmatch(wanted):
            answer["access-control-allow-headers"] = wanted
        return answer
