"""How a worker lets the app publish the end of a job: by a call of it, through the sidecar."""

from meshlens.daprkit.client import Client
from meshlens.jobs.settings import Settings

_SECONDS = 10.0


class Teller:
    """Calls the method `ended` of the app.

    Args:
        settings: name the app and its sidecar.
    """

    def __init__(self, settings: Settings) -> None:
        self._app = settings.app_id
        self._client = Client(
            f"127.0.0.1:{settings.dapr_grpc_port}",
            api_token=settings.dapr_api_token.get_secret_value(),
        )

    def tell(self, job: str, run: str) -> None:
        """Say that a run of a job has ended; the same call again publishes the same event.

        Raises:
            CallError: it was not answered; it is to be made again.
        """
        self._client.invoke(self._app, f"ended/{job}", timeout=_SECONDS, key=f"{job}-{run}")
