"""BLAS has one thread while a job runs, and as many as before afterwards."""

import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from meshlens.pca.batch.threads import ensure_one_thread, one_thread


def count() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def in_another_thread() -> list[str]:
    """Return what another thread says of its attempt."""
    said = []

    def look() -> None:
        try:
            ensure_one_thread()
        except RuntimeError as error:
            said.append(str(error))

    other = threading.Thread(target=look)
    other.start()
    other.join()
    return said


def test_every_thread_has_one_blas_thread_until_the_block_ends() -> None:
    with threadpool_limits(2, "blas"):
        with one_thread():
            assert in_another_thread() == []
            assert count() == {1}
        assert count() == {2}


def test_without_a_block_it_is_set_for_good() -> None:
    with threadpool_limits(2, "blas"):
        ensure_one_thread()
        assert count() == {1}


def test_a_thread_that_blas_does_not_listen_to_is_refused() -> None:
    with threadpool_limits(2, "blas"):
        said = in_another_thread()
        if count() == {1}:
            pytest.skip("this BLAS listens to every thread")
        (text,) = said
        assert text.startswith("BLAS must have one thread while a job runs, not 2: run it within")
