"""`meshlens replay`: recorded requests to two servers, and what their answers differ in."""

import argparse
import asyncio
import math
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tqdm import tqdm

from meshlens.command.traffic.addresses import Address, read_address
from meshlens.command.traffic.answers.comparison import Tolerance
from meshlens.command.traffic.errors import TrafficFault
from meshlens.command.traffic.recording import MIB, read_recording
from meshlens.command.traffic.replaying import Replay
from meshlens.command.traffic.server import Server
from meshlens.command.traffic.tally import Tally, describe_difference

_DESCRIPTION = """\
Send recorded requests to two servers and print what their answers differ in.

Without --first, the answers of --second are compared with the recorded ones. Requests that load or
unload models, or change settings, are not sent, nor are those for statistics.
"""
_EPILOG = """\
The exit code is 0 if all answers are the same, 1 if some are not or were not given, 2 if the
recording or an address cannot be used.
"""


def main(arguments: Sequence[str], *, prog: str) -> int:
    """Compare; return 0 if all answers are the same, 1 if not, 2 if nothing can be compared."""
    options = _parse(arguments, prog)
    try:
        tally = asyncio.run(_replay(options))
    except (TrafficFault, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 1
    print(tally.describe())
    return 0 if tally.agrees else 1


async def _replay(options: argparse.Namespace) -> Tally:
    tally, shown = Tally(), 0
    largest = options.largest * MIB
    # A line has a request and its answer, in base64.
    exchanges = read_recording(options.recording, largest=4 * largest)
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(
                Server(
                    name,
                    getattr(options, name),
                    headers=[*options.header, *getattr(options, f"{name}_header")],
                    seconds=options.timeout,
                    largest=largest,
                )
            )
            for name in ("first", "second")
        ]
        replay = Replay(
            first=first if options.first else None,
            second=second,
            tolerance=Tolerance(options.atol, options.rtol),
            ignored=options.ignore,
            concurrency=options.concurrency,
            largest=largest,
            everything=options.everything,
        )
        progress = stack.enter_context(
            tqdm(desc="requests", unit="", disable=not sys.stderr.isatty())
        )
        async for exchange, differences in replay.run(exchanges, tally):
            progress.update()
            for difference in differences:
                shown += 1
                if shown <= options.show:
                    progress.write(describe_difference(exchange, difference), file=sys.stdout)
    if shown > options.show:
        print(f"{shown - options.show} more differences; --show {shown} prints them all")
    return tally


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("recording", type=Path, help="what `meshlens record` has written")
    for name, what in (
        ("first", "the server that is left; without it, the recorded answers"),
        ("second", "the server that is compared with it"),
    ):
        parser.add_argument(
            f"--{name}",
            type=_address,
            action="append",
            default=[],
            required=name == "second",
            metavar="ADDRESS",
            help=f"{what}: http://host:8000/path or grpc://host:8001, one of each",
        )
        parser.add_argument(
            f"--{name}-header",
            type=_header,
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help=f"a header, or item of metadata, for the {name} server alone; repeatable",
        )
    parser.add_argument(
        "--header",
        type=_header,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the same for both servers",
    )
    for name, default, what in (
        ("--rtol", 1e-4, "relative difference of numbers that count as equal"),
        ("--atol", 1e-6, "absolute difference that is added to it"),
    ):
        parser.add_argument(
            name, type=_tolerance, default=default, help=f"{what} (default: %(default)s)"
        )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="PLACE",
        help="a place that may differ, as text, model_version or 'outputs.*'; repeatable",
    )
    for name, number, what in (
        ("--concurrency", 1, "requests at a time; only 1 keeps their order"),
        ("--show", 20, "differences to print"),
        ("--timeout", 60, "seconds for each request"),
        ("--largest", 64, "MiB of the largest answer"),
    ):
        parser.add_argument(
            name,
            type=_count,
            default=number,
            metavar="NUMBER",
            help=f"{what} (default: %(default)s)",
        )
    parser.add_argument(
        "--everything",
        action="store_true",
        help="send what loads, unloads, sets or counts, too",
    )
    return parser.parse_args(arguments)


def _address(text: str) -> Address:
    try:
        return read_address(text)
    except TrafficFault as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name, value


def _tolerance(text: str) -> float:
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
