"""`meshlens record`: a forwarder between clients and a server, which records what passes."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from meshlens.command.traffic.addresses import read_address
from meshlens.command.traffic.errors import TrafficFault
from meshlens.command.traffic.forwarding.running import Way, forward
from meshlens.command.traffic.recording import MIB, Recorder

_DESCRIPTION = """\
Pass requests of clients on to a server, and append them and the answers to a file, until Ctrl-C.

Give the clients the address of the forwarder in the place of the server's. Headers that hold
credentials are passed on but not written; bodies are written as they are.
"""


def main(arguments: Sequence[str], *, prog: str) -> int:
    """Record until Ctrl-C; return 0, or 2 if an address or the file cannot be used."""
    options = _parse(arguments, prog)
    try:
        recorder = Recorder(options.recording, most=options.most * MIB)
        try:
            asyncio.run(_record(options, recorder))
        finally:
            recorder.close()
    except (TrafficFault, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{recorder.written} recorded, {recorder.left_out} not")
    return 0


async def _record(options: argparse.Namespace, recorder: Recorder) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        for way in options.ways:
            port = await stack.enter_async_context(
                forward(way, recorder, largest=options.largest * MIB)
            )
            print(f"{way.server.door} {way.host}:{port} -> {way.server.url}", flush=True)
        await stopped.wait()


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("recording", type=Path, help="the file to append to")
    parser.add_argument(
        "ways",
        type=_read_way,
        nargs="+",
        metavar="[HOST:]PORT=ADDRESS",
        help="where to listen, and the server: 9000=http://triton:8000 9001=grpc://triton:8001",
    )
    parser.add_argument(
        "--most",
        type=_read_count,
        default=1024,
        metavar="MIB",
        help="MiB that the file may have; what comes then only passes (default: %(default)s)",
    )
    parser.add_argument(
        "--largest",
        type=_read_count,
        default=64,
        metavar="MIB",
        help="MiB of the largest body that is recorded; larger ones only pass"
        " (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def _read_way(text: str) -> Way:
    listen, equals, address = text.partition("=")
    host, _, port = listen.rpartition(":")
    if not equals or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"expected [HOST:]PORT=ADDRESS, got {text!r}")
    try:
        return Way(host.strip("[]") or "127.0.0.1", int(port), read_address(address))
    except TrafficFault as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None


def _read_count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
