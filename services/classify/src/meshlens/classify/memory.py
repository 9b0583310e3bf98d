"""Returns freed memory to the operating system."""

import gc
from contextlib import suppress


def give_memory_back() -> None:
    """Collect the cycles that closed engines leave, and return their memory to the system."""
    gc.collect()
    trim_memory()


def trim_memory() -> None:
    """Return free heap memory to the operating system, where the C library supports it."""
    import ctypes  # noqa: PLC0415 - only a service that loads models needs it

    with suppress(OSError, AttributeError):  # a C library without it
        ctypes.CDLL(None).malloc_trim(0)
