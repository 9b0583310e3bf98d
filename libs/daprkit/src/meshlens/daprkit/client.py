"""The client's side: call a method of any app in the mesh the way that keeps deadlines.

Proxied gRPC carries the caller's deadline and cancellation to the app, and is the way on which
Dapr's retries work; InvokeService and the HTTP API do neither. It needs no proto of the app:
OnInvoke on the caller's own sidecar, with the app's name in the metadata.
"""

from typing import Self
from urllib.parse import urlencode

import grpc
from dapr.proto import appcallback_service_v1, common_v1
from google.protobuf import any_pb2
from meshlens.daprkit.messages import Reply
from meshlens.daprkit.sidecar.limits import message_options
from opentelemetry import propagate

_ANY_SIZE = -1


class Client:
    """Calls methods of apps through a sidecar.

    Args:
        sidecar: host and gRPC port of the caller's own sidecar.
        api_token: what that sidecar expects as dapr-api-token, if anything.
    """

    def __init__(self, sidecar: str = "127.0.0.1:50001", *, api_token: str = "") -> None:
        # The sidecars limit the size.
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
        query: dict[str, str] | None = None,
        accept: str = "",
        timeout: float | None = None,
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

        Raises:
            grpc.RpcError: the call failed; `code()` and `details()` say how.
        """
        headers = {"accept": accept} if accept else {}
        propagate.inject(headers)
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
        return Reply(
            body=answer.data.value,
            content_type=answer.content_type,
            headers={
                key: value for key, value in call.initial_metadata() if isinstance(value, str)
            },
        )
