from meshlens.jobs.processes.watchdog import Patience


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_patience_is_over_after_its_seconds_without_a_break_and_begins_anew() -> None:
    clock = Clock()
    patience = Patience(10.0, clock)
    for now, lasts, over in [
        (0, True, False),
        (9, True, False),
        (9.5, False, False),
        (10, True, False),
        (19, True, False),
        (20, True, True),
        (21, True, False),
        (30, True, False),
        (31, True, True),
    ]:
        clock.now = now
        assert patience.is_over(lasts=lasts) is over, now
