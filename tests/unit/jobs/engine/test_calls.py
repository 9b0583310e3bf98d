import pytest
from dapr.proto import api_v1

from meshlens.jobs.engine.calls import Engine


def metadata(
    *, placement: str = "placement: connected", scheduler: bool = True, workers: int = 2
) -> api_v1.GetMetadataResponse:
    """What a sidecar of Dapr 1.18.3 says of itself."""
    answer = api_v1.GetMetadataResponse()
    actors = answer.actor_runtime
    actors.runtime_status = actors.RUNNING if placement else actors.DISABLED
    actors.placement = placement
    if scheduler:
        answer.scheduler.connected_addresses.append("127.0.0.1:50006")
    answer.workflows.connected_workers = workers
    return answer


def test_an_engine_that_has_all_lacks_nothing() -> None:
    assert Engine.find_missing(metadata()) is None


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (metadata(placement=""), "no placement: the sidecar was started without its address"),
        (metadata(placement="placement: disconnected"), "no placement is connected"),
        (metadata(scheduler=False), "no scheduler is connected"),
        (metadata(workers=0), "no worker is connected"),
    ],
)
def test_what_an_engine_lacks_is_named_with_a_remedy(
    answer: api_v1.GetMetadataResponse, cause: str
) -> None:
    missing = Engine.find_missing(answer)
    assert missing
    assert missing[0].startswith(cause)
    assert missing[1]
