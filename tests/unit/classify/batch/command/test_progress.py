import threading

from meshlens.batch.loop import Progress
from meshlens.classify.batch.command.progress import Bar
from meshlens.classify.batch.manifest import CHUNK


def test_pictures_of_earlier_runs_are_done_but_not_answered_now() -> None:
    with Bar(2 * CHUNK + 7) as bar:
        bar.begin(Progress("answers", 1, 3, 0, CHUNK))
        bar.add(3, restored=True)
        for _ in range(5):
            bar.add(1, restored=False)
        bar.begin(Progress("answers", 2, 3, 0, 2 * CHUNK))
        assert (bar.done, bar.answered) == (CHUNK + 8, 5)


def test_threads_count_together() -> None:
    def count() -> None:
        for _ in range(1000):
            bar.add(1, restored=False)

    with Bar(4000) as bar:
        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bar.answered == bar.done == 4000
