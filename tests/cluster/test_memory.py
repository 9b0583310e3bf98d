"""A replica that exceeds its memory limit, while callers call."""

from cluster.lifetime import Figures
from cluster.load import calling
from cluster.memory import exceed_limit
from cluster.project import Project


def test_a_replica_over_its_limit_is_killed_and_replaced(prod: Project, figures: Figures) -> None:
    pod = prod.pods("classify")[0]
    with calling(prod, figures, "a replica of classify killed for its memory", abrupt=True):
        exceed_limit(prod, "classify", pod, 2400)
        prod.await_rollouts()
