import threading

from processes import eventually, free_ports

from meshlens.daprkit.settings import ServerSettings
from meshlens.daprkit.sidecar.channel import Sidecar


class Settings(ServerSettings):
    """Those of a service without any of its own."""

    app_id: str = "toy"


def test_a_sidecar_that_is_closed_is_awaited_no_longer() -> None:
    sidecar = Sidecar(Settings(dapr_grpc_port=next(free_ports())))
    sidecar.watch_arrival(3600)
    (watching,) = (it for it in threading.enumerate() if it.name == "sidecar-arrival")
    sidecar.close()
    eventually(lambda: not watching.is_alive(), "nobody watches", within=20)
