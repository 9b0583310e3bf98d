"""The objects of a binding as jobs read them: tried again, and compared with their list."""

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.daprkit.errors import InputUnavailable
from meshlens.daprkit.settings import ServerSettings
from meshlens.daprkit.sidecar.bindings import Binding
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.object_lists import Listed
from meshlens.faults import Place

T = TypeVar("T")

# Seconds between tries of one operation; each waits for the sidecar, if that is starting again.
_PAUSES = (0.5, 2.0)


class Bucket:
    """The objects of a binding.

    Args:
        sidecar: that has loaded it.
        settings: the largest object, and the time for one operation.
        binding: name of the component.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        sidecar: Sidecar,
        settings: ServerSettings,
        binding: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._binding = Binding(sidecar, binding, timeout=settings.request_timeout)
        self._most = settings.max_body
        self._pause = pause

    def list(self, prefix: str) -> Sequence[Listed]:
        """Return the objects whose names begin with a prefix, in any order.

        Raises:
            InputUnavailable: they cannot be listed.
        """
        return self._try(lambda: [*self._binding.list(prefix)])

    def find(self, name: str) -> Listed | None:
        """Return what the list says of one object now; None if there is none.

        Raises:
            InputUnavailable: there is no list.
        """
        return self._try(lambda: self._binding.find(name))

    def read(self, listed: Listed) -> bytes:
        """Return the bytes of an object that are those that were listed, as far as the list says.

        Raises:
            InputChanged: they are others, or there is no such object any more.
            InputUnavailable: it cannot be read, however often it is tried, though it is listed.
            PartFailed: nothing can be read now.
        """
        if listed.size is not None and listed.size > self._most:
            raise InputUnavailable(
                f"an object that is read through a sidecar must have at most {self._most} bytes",
                got=f"{listed.size}",
                remedy="cut it, or raise MAX_BODY and --max-body-size of the sidecar",
            )
        try:
            data = self._try(lambda: self._binding.get(listed.name))
        except InputUnavailable:
            self._check(listed)
            raise
        if listed.size is not None and len(data) != listed.size:
            raise _changed(listed, f"{len(data)} bytes instead of {listed.size}")
        # Most marks of buckets are the digest of the content, which needs no further look.
        if listed.mark and hashlib.md5(data, usedforsecurity=False).hexdigest() != listed.mark:
            self._check(listed)
        return data

    def _check(self, listed: Listed) -> None:
        """Let an object pass that its list describes as before.

        Raises:
            InputChanged: it does not, or has no such object any more.
            PartFailed: there is no list now.
        """
        try:
            now = self.find(listed.name)
        except InputUnavailable as error:
            raise PartFailed(error.expected, got=error.got, remedy=error.remedy) from error
        if now is None:
            raise _changed(listed, "no object of that name")
        if now != listed:
            raise _changed(listed, "another size or tag")

    def _try(self, ask: Callable[[], T]) -> T:
        for seconds in _PAUSES:
            try:
                return ask()
            except InputUnavailable:
                self._pause(seconds)
        return ask()


def _changed(listed: Listed, got: str) -> InputChanged:
    return InputChanged(
        f"{listed.name} must stay as it was when the job was planned",
        got=got,
        remedy="start the job again once nobody changes the objects",
        places=[Place(file=listed.name)],
    )
