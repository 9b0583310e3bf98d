"""The objects behind an output binding: their list, and the bytes of each.

Of Dapr's operations only `list` and `get` are used. `get` answers with the whole object, so that
none is larger than a message to and from the sidecar may be.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property

import grpc
from dapr.proto import api_v1

from meshlens.daprkit.errors import InputUnavailable
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.object_lists import (
    AZURE,
    GOOGLE,
    LOCAL,
    S3,
    Listed,
    Page,
    find_common,
    read_page,
    read_paths,
    suppose_roots,
)

# The bindings' keys for an object's name: S3 and GCS, local, Azure; each ignores the other keys.
_KEYS = ("key", "fileName", "blobName")
# Whatever its component says: what is read is the object as it is.
_AS_IT_IS = {"encodeBase64": "false"}
_KINDS = (LOCAL, S3, AZURE, GOOGLE)
# Of a page of S3, which gives no more; the others give all at once, at most so many.
_PAGE = 1000
_MOST = 1_000_000
_REMEDY = "check the component and the name, and MAX_BODY and --max-body-size for what is large"


class Binding:
    """A binding that the app's own sidecar has loaded.

    Args:
        sidecar: the app's own.
        name: of the component.
        timeout: seconds for one operation.
    """

    def __init__(self, sidecar: Sidecar, name: str, *, timeout: float) -> None:
        self._sidecar = sidecar
        self._name = name
        self._timeout = timeout

    def get(self, name: str) -> bytes:
        """Return the bytes of an object.

        Raises:
            InputUnavailable: there is none, it is larger than a message may be, or the binding
                does not answer.
        """
        metadata = {**dict.fromkeys(_KEYS, name), **_AS_IT_IS}
        return self._invoke("get", metadata, what=f"{name!r}")

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects whose names begin with a prefix, in any order.

        Raises:
            InputUnavailable: they cannot be listed, or there are more than a list may have.
        """
        if self.kind == LOCAL:
            yield from self._list_files(prefix)
            return
        most = _PAGE if self.kind == S3 else _MOST
        follows, count = "", 0
        while True:
            page = self._list_page(prefix, follows, most)
            count += len(page.objects)
            if count >= _MOST:
                raise InputUnavailable(
                    f"binding {self._name!r} must list fewer than {_MOST} objects",
                    got=f"as many that begin with {prefix!r}",
                    remedy="name a folder with fewer",
                )
            yield from page.objects
            follows = page.follows
            if not follows:
                return

    def find(self, name: str) -> Listed | None:
        """Return what the list says of one object now; None if there is none.

        Raises:
            InputUnavailable: there is no list.
        """
        if self.kind == LOCAL:
            listed: Sequence[Listed] = [*self._list_files(name)]
        else:
            # Of the names that begin with it, it comes first.
            listed = self._list_page(name, "", 1).objects
        return next((one for one in listed if one.name == name), None)

    @cached_property
    def kind(self) -> str:
        """The type of the component, one whose lists are known.

        Raises:
            InputUnavailable: the sidecar has none of that name, or of another type.
        """
        try:
            answer: api_v1.GetMetadataResponse = self._sidecar.stub.GetMetadata(
                api_v1.GetMetadataRequest(),
                timeout=self._timeout,
                metadata=self._sidecar.metadata,
                wait_for_ready=True,
            )
        except grpc.RpcError as error:
            got, remedy = self._sidecar.explain(error, remedy="look into the log of the sidecar")
            raise InputUnavailable(
                "the sidecar must say what it has loaded", got=got, remedy=remedy
            ) from error
        types = {one.name: one.type for one in answer.registered_components}
        kind = types.get(self._name, "no component")
        if kind not in _KINDS:
            raise InputUnavailable(
                f"{self._name!r} must be a binding of type {', '.join(_KINDS)}",
                got=kind,
                remedy="correct the name, or load the component, with this app in its scopes",
            )
        return kind

    def _list_page(self, prefix: str, follows: str, most: int) -> Page:
        wanted = {"prefix": prefix, "maxResults": most, "marker": follows}
        answer = self._invoke("list", {}, json.dumps(wanted).encode(), what="its objects")
        try:
            return read_page(self.kind, answer)
        except ValueError as error:
            raise self._misread(error) from error

    def _list_files(self, prefix: str) -> Iterator[Listed]:
        """Yield the files whose names begin with a prefix; only whole folders can be listed."""
        folder = prefix.rpartition("/")[0]
        paths = self._list_paths(folder)
        if not paths:
            return
        root = self._find_root(folder, paths)
        before = f"{folder}/" if folder else ""
        for path in paths:
            name = before + path[len(root) :].lstrip("/")
            if name.startswith(prefix):
                yield Listed(name)

    def _find_root(self, folder: str, paths: Sequence[str]) -> str:
        """Return the path of the folder that has been listed."""
        common = find_common(paths)
        for root, inner in suppose_roots(common):
            try:
                again = self._list_paths(f"{folder}/{inner}")
            except InputUnavailable as error:
                if _is_answer(error):  # there is no such folder
                    continue
                raise
            if again and find_common(again) == common:
                return root
        return common

    def _list_paths(self, folder: str) -> Sequence[str]:
        answer = self._invoke("list", {"fileName": folder}, what=f"the folder {folder!r}")
        try:
            return read_paths(answer)
        except ValueError as error:
            raise self._misread(error) from error

    def _invoke(
        self, operation: str, metadata: dict[str, str], data: bytes = b"", *, what: str
    ) -> bytes:
        request = api_v1.InvokeBindingRequest(
            name=self._name, operation=operation, metadata=metadata, data=data
        )
        try:
            answer: api_v1.InvokeBindingResponse = self._sidecar.stub.InvokeBinding(
                request,
                timeout=self._timeout,
                metadata=self._sidecar.metadata,
                wait_for_ready=True,
            )
        except grpc.RpcError as error:
            got, remedy = self._sidecar.explain(error, remedy=_REMEDY)
            raise InputUnavailable(
                f"binding {self._name!r} must give {what} by its operation {operation}",
                got=got,
                remedy=remedy,
            ) from error
        return answer.data

    def _misread(self, error: ValueError) -> InputUnavailable:
        return InputUnavailable(
            f"binding {self._name!r} must list its objects as Dapr 1.18 does",
            got=str(error),
            remedy="report it, with the version of the sidecar",
        )


def _is_answer(error: InputUnavailable) -> bool:
    """Return whether the component itself has refused, which Dapr says by INTERNAL."""
    cause = error.__cause__
    return isinstance(cause, grpc.RpcError) and cause.code() is grpc.StatusCode.INTERNAL
