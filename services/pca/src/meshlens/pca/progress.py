"""What a terminal shows while the command works for longer than two seconds."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO, Never

from tqdm import tqdm

_DELAY = 2.0  # seconds until anything is shown
_TICK = 0.5  # seconds between two looks at the clock
_CHUNK = 1024 * 1024


@contextlib.contextmanager
def show(stage: str) -> Iterator[None]:
    """Show on a terminal which stage has been under way for how long."""
    bar = tqdm(
        desc=stage,
        bar_format="{desc}: {elapsed}",
        delay=_DELAY,
        leave=False,
        disable=None,
        file=sys.stderr,
    )
    done = threading.Event()
    thread = threading.Thread(target=_tick, args=(bar, done), daemon=True)
    if not bar.disable:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread.is_alive():
            thread.join()
        bar.close()


def say(line: str) -> None:
    """Write a line to stderr, above what is shown there."""
    tqdm.write(line, file=sys.stderr)


def read(source: BinaryIO, total: int | None) -> bytes:
    """Return all bytes of a file; a terminal shows how many there are of `total`."""
    chunks = []
    with tqdm(
        desc="reading",
        total=total,
        unit="B",
        unit_scale=True,
        delay=_DELAY,
        leave=False,
        disable=None,
        file=sys.stderr,
    ) as bar:
        while chunk := source.read(_CHUNK):
            chunks.append(chunk)
            bar.update(len(chunk))
    return b"".join(chunks)


@contextlib.contextmanager
def count_parts() -> Iterator[Callable[[str, int, int, str], None]]:
    """Show on a terminal how many parts of each stage are done.

    Yields what says so: the name of the stage, the parts that are done, how many there are, and
    what else to show.
    """
    shown = ("", 0)
    bar: tqdm[Never] = tqdm(disable=True)

    def show_parts(stage: str, done: int, of: int, more: str) -> None:
        nonlocal bar, shown
        if shown != (stage, of):
            bar.close()
            shown = (stage, of)
            bar = tqdm(
                desc=stage, total=of, unit="part", leave=False, disable=None, file=sys.stderr
            )
        bar.set_postfix_str(more, refresh=False)
        if not bar.disable:
            bar.update(done - bar.n)

    try:
        yield show_parts
    finally:
        bar.close()


def _tick(bar: "tqdm[None]", done: threading.Event) -> None:
    if done.wait(_DELAY):
        return
    while not done.wait(_TICK):
        bar.refresh()
