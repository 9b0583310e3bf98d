"""`meshlens up`: the mesh on this host until Ctrl-C."""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from meshlens.command.addresses import describe
from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.ports import BASE, FREE, read_base
from meshlens.command.mesh.programs import find_programs
from meshlens.command.mesh.run import MeshRun

_DESCRIPTION = """\
Run pca and classify on this host, each with its Dapr sidecar, until Ctrl-C.

The services' settings are environment variables, such as MODELS=folder. Dapr's programs are those
in the folder DAPR_BIN, else the installed ones.
"""


def main(arguments: Sequence[str], *, prog: str) -> int:
    """Run the mesh; return 0 when it was stopped, 1 if it did not come up or ended by itself."""
    options = _parse(arguments, prog)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` stops as cleanly as Ctrl-C
    try:
        base = read_base(options.ports)
        programs = find_programs(jobs=options.jobs)
        with (
            _choose_folder(options.folder.absolute(), base) as folder,
            MeshRun(
                folder,
                programs,
                profile=options.profile,
                base=base,
                apps=options.app,
                join=options.join,
                listens=options.http,
                jobs=options.jobs,
            ) as run,
        ):
            print(describe(run), flush=True)
            return run.wait()
    except MeshError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nThe mesh has stopped.")
        return 0


@contextlib.contextmanager
def _choose_folder(folder: Path, base: int | None) -> Iterator[Path]:
    """Yield the folder of the mesh: on other ports one of its own, because it is another mesh.

    On free ports nobody would find it again, so it is removed.
    """
    below = folder / ".dapr"
    if base is None:
        below.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="free-", dir=below) as temporary:
            yield Path(temporary)
    else:
        yield folder if base == BASE else below / str(base)


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(state, "meshlens"),
        help="where the mesh keeps its files, in .dapr (default: %(default)s)",
    )
    parser.add_argument(
        "--profile",
        default="embedded",
        choices=("embedded", "redis"),
        help="state and events: in a file and in memory, or in the Redis at REDIS_HOST"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--ports",
        default=str(BASE),
        metavar=f"{{BASE,{FREE}}}",
        help="what the ports are counted from, or any free ones (default: %(default)s)",
    )
    parser.add_argument(
        "--app",
        action="append",
        default=[],
        metavar="ID",
        help="an app of yours that may use the state store, too; repeatable",
    )
    parser.add_argument(
        "--join",
        type=Path,
        metavar="FILE",
        help="a run file of Dapr with apps of yours, to run in the same mesh",
    )
    parser.add_argument(
        "--http",
        action="store_true",
        help="let each service answer HTTP itself, too, by the names pca-rest and classify-rest",
    )
    parser.add_argument(
        "--jobs",
        action="store_true",
        help="run the third service, too, for durable batch jobs; it needs Dapr's placement and"
        " scheduler, which start with it",
    )
    return parser.parse_args(arguments)
