"""Every task that a card may name has its lens."""

from meshlens.classify.formats.card import Task
from meshlens.classify.tasks.table import TASKS


def test_every_task_has_a_lens_and_no_two_share_a_method() -> None:
    assert set(TASKS) == set(Task)
    assert len({lens.method for lens in TASKS.values()}) == len(TASKS)


def test_every_refusal_names_the_model() -> None:
    for lens in TASKS.values():
        message = lens.refusal.format(model="pets", does="detects", method="detect")
        assert message.startswith(f"expected a model that {lens.does}, got pets")
