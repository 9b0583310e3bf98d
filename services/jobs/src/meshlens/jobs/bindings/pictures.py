"""Pictures that are objects behind a binding."""

from collections.abc import Iterator, Sequence

from meshlens.batch.job import Fields
from meshlens.classify.batch.errors import UnreadablePicture
from meshlens.classify.batch.places.folder import matches
from meshlens.classify.batch.places.pictures import Picture
from meshlens.daprkit.errors import InputUnavailable
from meshlens.daprkit.sidecar.object_lists import Listed
from meshlens.jobs.addresses import Address
from meshlens.jobs.bindings.bucket import Bucket


class BindingPictures:
    """The objects of a binding, in the order that the files of a folder would have.

    Args:
        bucket: where they are.
        address: of their folder in it.
        patterns: of names below that, as for files.
    """

    def __init__(self, bucket: Bucket, address: Address, patterns: Sequence[str]) -> None:
        self._bucket = bucket
        self._address = address
        self._prefix = f"{address.name}/" if address.name else ""
        self._patterns = tuple(patterns)

    def identify(self) -> Fields:
        """Return the address and the patterns."""
        return {"folder": str(self._address), "patterns": list(self._patterns)}

    def list(self) -> Iterator[Picture]:
        """Yield every picture; one whose binding does not say has no size, and no mark.

        Raises:
            InputUnavailable: they cannot be listed.
        """
        found = [
            Picture(name, listed.size, listed.mark)
            for listed in self._bucket.list(self._prefix)
            if matches(name := listed.name.removeprefix(self._prefix), self._patterns)
        ]
        found.sort(key=_order)
        yield from found

    def read(self, picture: Picture) -> bytes:
        """Return the bytes of a picture, which must be what was listed, as far as the list says."""
        listed = Listed(self._prefix + picture.name, picture.size, picture.mark)
        try:
            return self._bucket.read(listed)
        except InputUnavailable as error:
            raise UnreadablePicture(error.expected, got=error.got, remedy=error.remedy) from error


def _order(picture: Picture) -> str:
    """Return what sorts as a folder is walked through: its files first, then the folders in it."""
    *folders, file = picture.name.split("/")
    return "\0".join([*(f"\2{folder}" for folder in folders), f"\1{file}"])
