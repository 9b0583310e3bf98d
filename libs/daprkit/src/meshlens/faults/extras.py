"""What is installed: a service's imports, and an extra that is missing, in one line."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing_server(extra: str) -> Iterator[None]:
    """Import what a service is made of; without its extra, the program ends with a line.

    Nothing is collected meanwhile, nor looked through later: of the hundreds of thousands of
    objects that modules consist of none is garbage, and each collection looks at all that are
    there so far, which is a seventh of a start.

    Args:
        extra: as `explain_missing`.

    Raises:
        SystemExit: a module is missing; the exit code is 2.
        ModuleNotFoundError: one of the project's own is.
    """
    gc.disable()
    try:
        yield
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{explain_missing(error, 'serving', extra)}\n")
        raise SystemExit(2) from error
    finally:
        gc.freeze()
        gc.enable()


def explain_missing(error: ModuleNotFoundError, what: str, extra: str) -> str:
    """Return the message for something that needs an extra which is not installed.

    Args:
        error: names the module that is missing.
        what: needs it, such as serving.
        extra: with its distribution, such as meshlens-pca[serve].

    Raises:
        ModuleNotFoundError: the same, if the module is the project's own: that is no extra.
    """
    if error.name is None or error.name.partition(".")[0] == "meshlens":
        raise error
    name, _, rest = extra.partition("[")
    folder = name.removeprefix("meshlens-")
    return (
        f"{what} needs {extra}, got no module {error.name}; install it, in a clone of Meshlens:"
        f" uv tool install './services/{folder}[{rest}'"
    )
