"""How a worker lets the app publish the end of a job: by a call of it, through the sidecar.

It is not proxied: those calls need a rule of access where there are any, and no rule can name an
app to itself, since its own sidecar asks it for no certificate.
"""

import grpc
from dapr.proto import api_v1, common_v1

from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.jobs.errors import EngineUnavailable
from meshlens.jobs.settings import Settings

_SECONDS = 10.0


class Teller:
    """Calls the method `ended` of the app.

    Args:
        settings: name the app and its sidecar.
    """

    def __init__(self, settings: Settings) -> None:
        self._app = settings.app_id
        self._sidecar = Sidecar(settings)

    def tell(self, job: str, run: str) -> None:
        """Say that a run of a job has ended; the same call again publishes the same event.

        Raises:
            EngineUnavailable: it was not answered; it is to be made again.
        """
        request = api_v1.InvokeServiceRequest(
            id=self._app,
            message=common_v1.InvokeRequest(
                method=f"ended/{job}",
                http_extension=common_v1.HTTPExtension(verb=common_v1.HTTPExtension.POST),
            ),
        )
        key = ("idempotency-key", f"{job}-{run}")
        try:
            self._sidecar.stub.InvokeService(
                request, timeout=_SECONDS, metadata=(*self._sidecar.metadata, key)
            )
        except grpc.RpcError as error:
            got, remedy = self._sidecar.explain(error, remedy="look into the log of jobs")
            raise EngineUnavailable(
                "the app must publish that a job has ended", got=got, remedy=remedy
            ) from error
