"""The tables of docs/performance.md: what each has, and how the page is written from them.

`bench/peers.py` measures. What it finds is kept as JSON in build/performance, one file for each
table, so that one of them can be measured again without the others.
"""

import json
import os
import platform
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sections import write_page

ROOT = Path(__file__).resolve().parents[1]
PIECES = ROOT / "build" / "performance"
PAGE = ROOT / "docs" / "performance.md"
_WIDTH = 100

BARE, SELF, SELF_HTTP = "bare loop", "classify, itself, V2 gRPC", "classify, itself, V2 HTTP"
INVOKE, SIDECAR, PLAIN = "classify, itself, gRPC", "classify, sidecar, gRPC", "plain gRPC server"
FAR = "classify, two sidecars, gRPC"
# What each of the other servers is set against: classify by the same protocol.
OTHERS = {
    PLAIN: INVOKE,
    "MLServer, gRPC": SELF,
    "MLServer, HTTP": SELF_HTTP,
    "KServe, gRPC": SELF,
    "KServe, HTTP": SELF_HTTP,
}
WAYS = (
    BARE,
    INVOKE,
    SELF,
    SELF_HTTP,
    SIDECAR,
    "classify, sidecar, Dapr's invoke",
    "classify, sidecar, HTTP",
    FAR,
    "classify, two sidecars, Dapr's invoke",
    *OTHERS,
)
GROWING = (INVOKE, SIDECAR, PLAIN)
FIT, PLOT = "fit", "plot"

_HEAD = """# Performance, measured

`make performance` writes this page; `make performance TABLES="points cores"` measures some of its
tables again. Everything in a table takes turns, round by round, so that a busy moment meets all of
it. A **ratio** is that of two things in the same round: the column has the median of all rounds,
beside the lowest (**from**) and the highest (**to**). Something is called ahead or behind only if
it was so in every round.

The callers are threads of one Python program on the same cores as what they call, so ratios say
more than calls per second.
"""
_SERVERS = """\
Callers at once: {callers}. Each sends the next picture when the last one is answered. The picture
({picture}, {size} bytes) goes to every server as the file that it is; only to MLServer and KServe
by HTTP in base64, as they take no bytes of a picture there. Each server decodes it by Pillow and
runs the same model ({model}) by LiteRT in {cores} threads. The **bare loop**, to which the ratios
are, is what a program without a server gets: as many threads that do the same in the callers' own
process.

The other servers are {versions}, each with a small program of `bench/peers`. Classify sends no
events. **gRPC** is the invoke method of classify, **V2** the protocol by which MLServer and KServe
are called. CPU is that of the server's processes for one answer; sidecars have their own column."""
_MORE_CALLERS = "The same with {callers} callers at once."
_CORES = """\
Callers, servers and the bare loop are all kept on the first cores (affinity), with two callers and
one worker for each core. The ratio is to the bare loop on the same cores, **growth** is calls per
second relative to the same on one core."""
_CALLERS = """\
The same picture and model, with more callers at once. The ratio is to the bare loop, which always
has {cores} threads."""
_MODELS = """\
One file ({model}) under many names, all loaded, in a process of classify for each row. **start** is
until all are ready, **look-up** the median time of a call for what the service says of one model.
Calls per second are those of two callers of one of the models, and their ratio is to the service
that has one model only."""
_POINTS = """\
In one process: pca's parsing and fit of a table of two columns of text, and its plot in SVG,
relative to the same in bare numpy: numpy's parser, covariance and eigenvectors, and one SVG path of
all points. The ratio says how many times as fast as numpy pca is. A number of points that takes
longer than {patience} seconds has fewer rounds."""


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes:
        name: by which it is asked for.
        title: its heading.
        text: what it says before the figures; measured facts have their names in braces.
        key: the columns that tell rows apart.
        cases: the rows, by these columns.
        figures: the other columns.
    """

    name: str
    title: str
    text: str
    key: tuple[str, ...]
    cases: tuple[tuple[str, ...], ...]
    figures: tuple[str, ...]


SPREAD = ("ratio", "from", "to")
CONCURRENCIES = (1, 8, 32)
CALLERS = (1, 2, 4, 8, 16, 32, 64)
MODELS = (1, 10, 50, 100, 200)
POINTS = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def count_cores(available: int) -> tuple[int, ...]:
    """Return the numbers of cores that are measured where so many are available."""
    return tuple(sorted({1 << power for power in range(available.bit_length())} | {available}))


def list_tables(cores: int) -> dict[str, Table]:
    """Return the tables of the page, in order, by name, for a machine of so many cores."""
    latency = ("p50 ms", "p99 ms")
    rates = ("per s", *SPREAD)
    tables = [
        Table(
            f"peers-{count}",
            f"Servers beside each other, {count} caller{'s' if count > 1 else ''}",
            _SERVERS if count == CONCURRENCIES[0] else _MORE_CALLERS,
            ("way",),
            tuple((way,) for way in WAYS),
            (*rates, *latency, "p99/p50", "CPU ms", "sidecars' CPU ms"),
        )
        for count in CONCURRENCIES
    ]
    tables += [
        Table(
            "cores",
            "Growth with cores",
            _CORES,
            ("cores", "way"),
            tuple((str(n), way) for n in count_cores(cores) for way in (BARE, INVOKE, PLAIN)),
            (*rates, "growth"),
        ),
        Table(
            "callers",
            "Growth with callers",
            _CALLERS,
            ("callers", "way"),
            tuple((str(n), way) for n in CALLERS for way in GROWING),
            (*rates, *latency),
        ),
        Table(
            "models",
            "Growth with models",
            _MODELS,
            ("models",),
            tuple((str(n),) for n in MODELS),
            ("start s", "memory MiB", "look-up ms", *rates),
        ),
        Table(
            "points",
            "Growth with points",
            _POINTS,
            ("points", "work"),
            tuple((f"{n:,}", work) for n in POINTS for work in (FIT, PLOT)),
            ("numpy ms", "pca ms", *SPREAD),
        ),
    ]
    return {table.name: table for table in tables}


def spread(ratios: Sequence[float]) -> dict[str, str]:
    """Return the columns of ratios, one of each round."""
    values = (statistics.median(ratios), min(ratios), max(ratios))
    return {name: f"{value:.2f}" for name, value in zip(SPREAD, values, strict=True)}


def tell(ratios: Mapping[str, Sequence[float]]) -> str:
    """Return a list of names, each with its ratios."""
    told = []
    for name, each in ratios.items():
        found = spread(each)
        told.append(f"{name} {found['ratio']} ({found['from']} to {found['to']})")
    return "; ".join(told) or "nothing"


def tell_apart(ratios: Mapping[str, Sequence[float]]) -> str:
    """Return what was ahead in every round, what behind, and what neither.

    Args:
        ratios: of each thing, its speed relative to what it is set against, one of each round.
    """
    ahead = {name: each for name, each in ratios.items() if len(each) > 1 and min(each) > 1}
    behind = {name: each for name, each in ratios.items() if len(each) > 1 and max(each) < 1}
    rest = {name: each for name, each in ratios.items() if name not in ahead | behind}
    lines = (("ahead", ahead), ("behind", behind), ("not told apart", rest))
    return "\n".join(f"- {group}: {tell(them)}" for group, them in lines)


def wrap(text: str) -> str:
    """Return paragraphs in lines of the page's width."""
    return "\n\n".join(
        textwrap.fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)
        for paragraph in text.split("\n\n")
    )


def keep(
    table: Table,
    rows: Sequence[Mapping[str, str]],
    *,
    rounds: int,
    load: float,
    facts: Mapping[str, object],
    verdict: str = "",
) -> None:
    """Keep what was measured for a table, with the machine and the day.

    Args:
        table: which.
        rows: its figures, in the order of its cases.
        rounds: how many were measured.
        load: the machine's load average before.
        facts: what the text names.
        verdict: what the figures say.

    Raises:
        ValueError: the rows are not those of the table.
    """
    if tuple(tuple(row[name] for name in table.key) for row in rows) != table.cases:
        raise ValueError(f"{table.name}: these are not the rows of the table")
    memory = psutil.virtual_memory().total / 1024**3
    when = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {len(os.sched_getaffinity(0))} cores,"
        f" {memory:.0f} GiB of memory, Python {platform.python_version()}, load {load:.1f} before;"
        f" {'a trial of one round, which has no spread' if rounds == 1 else f'{rounds} rounds'}."
    )
    columns = (*table.key, *table.figures)
    section = {
        "title": table.title,
        "text": "\n\n".join(filter(None, [wrap(table.text.format(**facts)), wrap(when), verdict])),
        "rows": [{name: row[name] for name in columns} for row in rows],
    }
    PIECES.mkdir(parents=True, exist_ok=True)
    (PIECES / f"{table.name}.json").write_text(json.dumps(section, indent=1))


def write() -> None:
    """Write docs/performance.md from what has been measured."""
    files = [PIECES / f"{name}.json" for name in list_tables(1)]
    write_page(PAGE, _HEAD, (json.loads(file.read_text()) for file in files if file.exists()))
