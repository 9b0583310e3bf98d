"""Query strings -> options."""

from urllib.parse import parse_qsl

from meshlens.daprkit.errors import InvalidRequest

_MOST_FIELDS = 64


def parse_query(raw: str) -> dict[str, str]:
    """Return the options of a query string, each name once.

    Raises:
        InvalidRequest: too many fields, a name twice, or text that is not UTF-8.
    """
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidRequest(
            f"query string must be at most {_MOST_FIELDS} UTF-8 fields name=value",
            got=f"{raw[:80]!r} ({error})",
            remedy="percent-encode names and values",
        ) from None
    query = dict(pairs)
    if len(query) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(
            "each option may be given once",
            got=f"{twice!r} more than once",
            remedy="keep one of them",
            option=twice,
        )
    return query
