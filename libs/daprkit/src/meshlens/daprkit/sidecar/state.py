"""A Dapr state store: values under keys, and who has written one last."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from dapr.proto import api_v1, common_v1

from meshlens.daprkit.errors import StoreUnavailable
from meshlens.daprkit.sidecar.channel import Sidecar

_REMEDY = "check the component and try again"
_READ_AT_ONCE = 4
_BULK_READS_AT_ONCE = 16
_FIRST_WRITE = common_v1.StateOptions(
    concurrency=common_v1.StateOptions.StateConcurrency.CONCURRENCY_FIRST_WRITE
)


@dataclass(frozen=True, slots=True)
class Written:
    """A value, as it was when it was read.

    Attributes:
        value: empty if there is none.
        etag: stands for this writing of it; empty if there is none.
    """

    value: bytes
    etag: str


class StateStore:
    """Calls of one state store. Each raises StoreUnavailable if the store does not answer.

    Args:
        sidecar: the app's own sidecar.
        name: of the state store component.
        timeout: seconds for one operation of the store.
    """

    def __init__(self, sidecar: Sidecar, *, name: str, timeout: float) -> None:
        self._sidecar = sidecar
        self.name = name
        self._timeout = timeout

    def load(self, keys: Iterator[str]) -> Iterator[bytes]:
        """Yield the values of `keys` in their order, a few requests under way at once."""
        under_way: deque[grpc.Future[api_v1.GetStateResponse]] = deque()
        try:
            for key in keys:
                request = api_v1.GetStateRequest(store_name=self.name, key=key)
                under_way.append(self._sidecar.stub.GetState.future(request, **self._options()))
                if len(under_way) == _READ_AT_ONCE:
                    yield under_way.popleft().result().data
            while under_way:
                yield under_way.popleft().result().data
        except grpc.RpcError as error:
            raise self._unavailable(error) from error

    def find(self, keys: Sequence[str]) -> set[str]:
        """Return those of `keys` that have a value; the values should be small."""
        request = api_v1.GetBulkStateRequest(
            store_name=self.name, keys=keys, parallelism=_BULK_READS_AT_ONCE
        )
        try:
            answer = self._sidecar.stub.GetBulkState(request, **self._options())
        except grpc.RpcError as error:
            raise self._unavailable(error) from error
        for item in answer.items:
            if item.error:
                raise self._refuse(item.error)
        return {item.key for item in answer.items if item.data}

    def save(
        self, key: str, value: bytes, *, within: float | None = None, keep: int | None = None
    ) -> None:
        """Write a value, whatever was there.

        Args:
            key: of the value.
            value: what is to be there.
            within: seconds that it may take; the store's time limit if not given.
            keep: seconds after which the store drops it; it stays if not given.
        """
        metadata = None if keep is None else {"ttlInSeconds": str(keep)}
        item = common_v1.StateItem(key=key, value=value, metadata=metadata)
        request = api_v1.SaveStateRequest(store_name=self.name, states=[item])
        try:
            self._sidecar.stub.SaveState(request, **self._options(within))
        except grpc.RpcError as error:
            raise self._unavailable(error) from error

    def remove(self, key: str) -> None:
        """Remove a value, if there is one."""
        request = api_v1.DeleteStateRequest(store_name=self.name, key=key)
        try:
            self._sidecar.stub.DeleteState(request, **self._options())
        except grpc.RpcError as error:
            raise self._unavailable(error) from error

    def read(self, key: str, *, within: float | None = None) -> Written:
        """Return a value that `replace` may replace, in at most so many seconds if given."""
        request = api_v1.GetStateRequest(store_name=self.name, key=key)
        try:
            answer = self._sidecar.stub.GetState(request, **self._options(within))
        except grpc.RpcError as error:
            raise self._unavailable(error) from error
        return Written(answer.data, answer.etag)

    def replace(self, key: str, read: Written, value: bytes, *, within: float) -> bool:
        """Write a value unless another has been written since `read`; return whether it is.

        A value that is written by this must be written by nothing else: for Redis, a write of
        another kind before the first of this kind is none.

        Args:
            key: of the value.
            read: what was there.
            value: what is to be there.
            within: seconds that it may take.
        """
        item = common_v1.StateItem(
            key=key,
            value=value,
            etag=common_v1.Etag(value=read.etag) if read.etag else None,
            options=_FIRST_WRITE,
        )
        request = api_v1.SaveStateRequest(store_name=self.name, states=[item])
        try:
            self._sidecar.stub.SaveState(request, **self._options(within))
        except grpc.RpcError as error:
            # That another was first to write the very first value is a mere failure for Redis.
            lost = {grpc.StatusCode.ABORTED}
            if not read.etag:
                lost.add(grpc.StatusCode.INTERNAL)
            if error.code() in lost:
                return False
            raise self._unavailable(error) from error
        return True

    def _options(self, within: float | None = None) -> dict[str, Any]:
        """Return what goes with every call."""
        return {
            "timeout": self._timeout if within is None else min(within, self._timeout),
            "metadata": self._sidecar.metadata,
            "wait_for_ready": True,
        }

    def _unavailable(self, error: grpc.RpcError) -> StoreUnavailable:
        return self._refuse(*self._sidecar.explain(error, remedy=_REMEDY))

    def _refuse(self, got: str, remedy: str = _REMEDY) -> StoreUnavailable:
        return StoreUnavailable(
            f"state store {self.name!r} must answer within {self._timeout:g} s",
            got=got,
            remedy=remedy,
        )
