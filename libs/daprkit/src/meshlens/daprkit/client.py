"""The client's side: call a method of any app in the mesh in a way that preserves deadlines.

Proxied gRPC passes the caller's deadline and cancellation on to the app, and the sidecar retries by
the code that the app answers; InvokeService and the HTTP API do neither. It does not need the app's
proto: the client calls OnInvoke on its own sidecar, with the app's name in the metadata.

    CallError
    |-- CallRejected          the call itself is at fault; sent again unchanged, it fails again
    |-- AppUnavailable        the same call may succeed later, after `retry_after` if that is given
    |   `-- NoSidecar         nothing answers at the address of the caller's own sidecar
    |-- CallTimedOut          no answer in time
    `-- AppFailed             the app or the mesh broke down
"""

import uuid
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlencode

import grpc
from dapr.proto import appcallback_service_v1, common_v1
from google.protobuf import any_pb2
from opentelemetry import propagate

from meshlens.daprkit.errors import DaprkitError
from meshlens.daprkit.messages import Reply
from meshlens.daprkit.parsing.details import TRAILER, Details, decode_details
from meshlens.daprkit.sidecar.limits import message_options
from meshlens.daprkit.sidecar.reach import listens

_ANY_SIZE = -1


class CallError(DaprkitError):
    """A call was not answered.

    Attributes:
        code: name of the gRPC status code, such as NOT_FOUND.
        message: the error message of the app or of a sidecar on the way.
        details: the same as data, where the app sent it: reason, expected, got, remedy, option and
            places of the fault.
        retry_after: seconds to wait before the next try; None if the app does not give them.
    """

    def __init__(self, code: str, message: str, details: Details) -> None:
        self.code = code
        self.message = message
        self.details = details
        self.retry_after = details.retry_after
        super().__init__(f"{code}: {message}")


class CallRejected(CallError):
    """The call itself is at fault; sent again unchanged, it fails again."""


class AppUnavailable(CallError):
    """The same call may succeed later."""


class NoSidecar(AppUnavailable):
    """Nothing answers at the address of the caller's own sidecar."""


class CallTimedOut(CallError):
    """No answer came in time."""


class AppFailed(CallError):
    """The app or the mesh broke down, or the call was cancelled."""


_CLASSES: Mapping[grpc.StatusCode, type[CallError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: CallRejected,
    grpc.StatusCode.NOT_FOUND: CallRejected,
    grpc.StatusCode.ALREADY_EXISTS: CallRejected,
    grpc.StatusCode.FAILED_PRECONDITION: CallRejected,
    grpc.StatusCode.OUT_OF_RANGE: CallRejected,
    grpc.StatusCode.UNAUTHENTICATED: CallRejected,
    grpc.StatusCode.PERMISSION_DENIED: CallRejected,
    grpc.StatusCode.UNIMPLEMENTED: CallRejected,
    # The message is too large; a full queue gives a retry delay and becomes AppUnavailable.
    grpc.StatusCode.RESOURCE_EXHAUSTED: CallRejected,
    grpc.StatusCode.UNAVAILABLE: AppUnavailable,
    grpc.StatusCode.ABORTED: AppUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: CallTimedOut,
}


class Client:
    """Calls methods of apps through a sidecar.

    Args:
        sidecar: host and gRPC port of the caller's own sidecar.
        api_token: the dapr-api-token that sidecar expects, if any.
    """

    def __init__(self, sidecar: str = "127.0.0.1:50001", *, api_token: str = "") -> None:
        # The sidecars limit the size.
        self._address = sidecar
        self._channel = grpc.insecure_channel(sidecar, options=message_options(_ANY_SIZE))
        self._stub = appcallback_service_v1.AppCallbackStub(self._channel)
        self._token = (("dapr-api-token", api_token),) if api_token else ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def invoke(
        self,
        app_id: str,
        method: str,
        data: bytes = b"",
        *,
        content_type: str = "application/octet-stream",
        query: Mapping[str, str] | None = None,
        accept: str = "",
        timeout: float | None = None,
        key: str = "",
    ) -> Reply:
        """Call `method` of the app named `app_id`.

        Args:
            app_id: name of the app in the mesh.
            method: name of the method.
            data: the body.
            content_type: media type of `data`.
            query: options of the method.
            accept: media types the caller wants, as in the HTTP header.
            timeout: seconds after which the call is given up, here and in the app.
            key: the idempotency-key; the same for a call that is made again. One is made if it is
                empty, which is also sent when a sidecar tries again.

        Raises:
            CallError: the call failed; its class shows whether a retry may help.
        """
        headers = {"idempotency-key": key or str(uuid.uuid4())}
        if accept:
            headers["accept"] = accept
        propagate.inject(headers)
        try:
            answer, call = self._stub.OnInvoke.with_call(
                common_v1.InvokeRequest(
                    method=method,
                    data=any_pb2.Any(value=data),
                    content_type=content_type,
                    http_extension=common_v1.HTTPExtension(querystring=urlencode(query or {})),
                ),
                metadata=(("dapr-app-id", app_id), *self._token, *headers.items()),
                timeout=timeout,
            )
        except grpc.RpcError as error:
            if self._is_alone(error):
                raise NoSidecar(
                    error.code().name,
                    f"expected a sidecar at {self._address}, got no answer; start this program by"
                    " `dapr run`, or give the gRPC port of its sidecar",
                    Details(),
                ) from error
            raise _translate(error) from error
        return Reply(
            body=answer.data.value,
            content_type=answer.content_type,
            headers={
                key: value for key, value in call.initial_metadata() if isinstance(value, str)
            },
        )

    def _is_alone(self, error: grpc.RpcError) -> bool:
        """Whether a call failed because nothing answers at the address."""
        if error.code() is not grpc.StatusCode.UNAVAILABLE or error.trailing_metadata():
            return False
        return not listens(self._address)


def _translate(error: grpc.RpcError) -> CallError:
    trailers = {datum.key: datum.value for datum in error.trailing_metadata() or ()}
    details = decode_details(bytes(trailers.get(TRAILER, b"")))
    code = error.code()
    kind = _CLASSES.get(code, AppFailed) if details.retry_after is None else AppUnavailable
    return kind(code.name, error.details() or "", details)
