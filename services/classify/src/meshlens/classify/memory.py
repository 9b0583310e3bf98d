"""Memory that the operating system gets back."""

import gc
from contextlib import suppress


def give_memory_back() -> None:
    """Free what closed engines leave in cycles, and return it to the operating system."""
    gc.collect()
    trim_memory()


def trim_memory() -> None:
    """Return what is free to the operating system, where the C library can be told to."""
    import ctypes  # noqa: PLC0415 - only a service that loads models needs it

    with suppress(OSError, AttributeError):  # a C library without it
        ctypes.CDLL(None).malloc_trim(0)
