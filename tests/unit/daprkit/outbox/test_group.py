"""Group commit: what comes during a commit shares the next one, and nobody is left waiting."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from processes import eventually

from meshlens.daprkit.outbox.group import Group


class Commits:
    """Commits that take until they are let go.

    Attributes:
        batches: what each has got.
        fails: the first items of batches that fail.
    """

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.fails: set[int] = set()
        self.gate = threading.Event()

    def commit(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        assert self.gate.wait(20)
        if items[0] in self.fails:
            raise OSError(f"{items[0]} fails")
        return [item * 10 for item in items]


def add_all(group: Group[int], commits: Commits, threads: ThreadPoolExecutor) -> list[object]:
    """Add 0, and 1 to 5 while it is committed; return what each got."""
    calls = [threads.submit(group.add, 0)]
    eventually(lambda: commits.batches == [[0]], "the first is being committed")
    for item in range(1, 6):
        calls.append(threads.submit(group.add, item))
        eventually(lambda item=item: len(group._waiting) == item, "it waits")  # type: ignore[misc] # noqa: SLF001 - a lambda with a default; the order is that of coming
    commits.gate.set()
    return [call.exception(20) or call.result() for call in calls]


def test_one_that_comes_alone_is_committed_alone_by_its_own_thread() -> None:
    by = []

    def commit(items: Sequence[int]) -> Sequence[int]:
        by.append(threading.current_thread())
        return items

    group = Group(commit)
    assert [group.add(7), group.add(8)] == [7, 8]
    assert by == [threading.current_thread()] * 2


def test_those_that_come_during_a_commit_share_the_next_one_in_their_order() -> None:
    commits = Commits()
    with ThreadPoolExecutor(6) as threads:
        results = add_all(Group(commits.commit), commits, threads)
    assert commits.batches == [[0], [1, 2, 3, 4, 5]]
    assert results == [0, 10, 20, 30, 40, 50]


@pytest.mark.parametrize("failing", [0, 1])
def test_a_commit_that_fails_fails_all_in_it_and_no_other(failing: int) -> None:
    commits = Commits()
    commits.fails = {failing}
    group = Group(commits.commit)
    with ThreadPoolExecutor(6) as threads:
        results = add_all(group, commits, threads)
    failed = [isinstance(result, OSError) for result in results]
    assert failed == ([True] + [False] * 5 if failing == 0 else [False] + [True] * 5)
    assert group.add(9) == 90


def test_under_load_everyone_gets_the_number_of_its_own_item() -> None:
    group: Group[int] = Group(lambda items: [item + 1 for item in items])
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(group.add, range(5000))) == list(range(1, 5001))
