"""The bytes of a model from where they were first: a file, a folder, or an address."""

from classify.errors import InvalidModel
from classify.loading import read_model, verify
from classify.sources import Source

_TIMEOUT = 30.0


def read_origin(source: Source) -> bytes:
    """Return the bytes of a model from its file, else from the address that its card names.

    Raises:
        InvalidModel: neither has them, or they are not those that the card names.
    """
    uri = source.card.source.uri
    if not uri or source.path.exists():
        return read_model(source)
    import httpx  # noqa: PLC0415 - megabytes that replicas with a folder or a full store never need

    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
            data = client.get(uri).raise_for_status().content
    except httpx.HTTPError as error:
        raise InvalidModel(
            f"{source.path.name} is not there, and {uri} does not give it: {error};"
            " put the file there or correct source.uri"
        ) from error
    verify(data, source)
    return data
