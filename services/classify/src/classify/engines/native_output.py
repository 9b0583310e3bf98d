"""What libraries write to standard error by themselves, past Python's logging."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def native_output_logged(log: logging.Logger) -> Iterator[None]:
    """Log, for debugging, what native code writes to standard error meanwhile.

    A log of JSON lines stays one. Lines that are JSON already, as other threads log them, pass.
    """
    try:
        kept = os.dup(_STDERR)
    except OSError:  # closed: nobody reads it
        yield
        return
    reading, writing = os.pipe()
    others: list[str] = []
    reader = threading.Thread(target=_sort, args=(reading, kept, others), daemon=True)
    os.dup2(writing, _STDERR)
    os.close(writing)
    reader.start()
    try:
        yield
    finally:
        os.dup2(kept, _STDERR)  # which closes the pipe
        reader.join()
        os.close(kept)
        # Not before: what is logged would go into the pipe again.
        for line in others:
            log.debug("%s", line)


def _sort(reading: int, kept: int, others: list[str]) -> None:
    with os.fdopen(reading, "rb") as lines:
        for line in lines:
            if line.startswith(b"{"):
                os.write(kept, line)
            elif text := line.decode(errors="replace").strip():
                others.append(text)
