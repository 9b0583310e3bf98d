"""pca's parsing, fit and plot, relative to the same in bare numpy, in one process.

The reference is what no Python program can avoid: numpy's own parser, its covariance and
eigenvectors, and one SVG path of all points. scikit-learn and matplotlib are measured too.
"""

import argparse
import io
import os
import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np
from load import Call
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from meshlens.pca.drawing.plot import draw
from meshlens.pca.numbers import decomposition
from meshlens.pca.tables.table import decode_table

SIZES = (150, 10_000, 100_000, 1_000_000)


def make_points(n: int) -> bytes:
    """Return n points as a sensor sends them: `x1,y1,x2,y2,...`, with six decimals."""
    values = np.random.default_rng(n).normal(size=(n, 2)) @ [[2, 1], [0, 0.5]]
    return ",".join(f"{value:.6f}" for value in values.ravel()).encode()


def time_call(call: Call) -> float:
    """Return the seconds of a call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def time_in_turn(ways: Mapping[str, Call], seconds: float) -> Mapping[str, float]:
    """Return the median seconds of each way.

    They take turns, so that a busy moment meets all of them, and none finds its data in the cache
    because it has just done the same.
    """
    taken = {name: [time_call(call)] for name, call in ways.items()}
    rounds = max(1, min(300, int(seconds * len(ways) / sum(sum(each) for each in taken.values()))))
    taken = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            taken[name].append(time_call(call))
    return {name: statistics.median(each) for name, each in taken.items()}


def make_ways(body: bytes) -> Mapping[str, Callable[[], object]]:
    """Return the functions to measure, by name."""

    def limit_fit() -> tuple[np.ndarray, np.ndarray]:
        values = np.fromstring(body, sep=",").reshape(-1, 2)
        return values, np.linalg.eigh(np.cov(values.T))[1]

    def limit_plot() -> str:
        values, directions = limit_fit()
        low, high = values.min(axis=0), values.max(axis=0)
        pixels = ((values - low) / (high - low) * [6400, 4800]).astype(int).tolist()
        path = "M" + "h0M".join([f"{x} {y}" for x, y in pixels]) + "h0"
        return f'<svg><path d="{path}"/><desc>{directions.tolist()}</desc></svg>'

    def fit() -> decomposition.PcaModel:
        return decomposition.fit(decode_table(body).values)

    def plot() -> bytes:
        table = decode_table(body)
        return draw(table, decomposition.fit(table.values)).svg

    def scikit_learn() -> object:
        return PCA().fit(np.fromstring(body, sep=",").reshape(-1, 2))

    def matplotlib() -> str:
        values = np.fromstring(body, sep=",").reshape(-1, 2)
        model = PCA().fit(values)
        figure = Figure()
        axes = figure.add_subplot()
        axes.scatter(values[:, 0], values[:, 1], s=9)
        for axis, spread in zip(model.components_, model.explained_variance_, strict=True):
            axes.annotate("", model.mean_ + 2 * spread**0.5 * axis, model.mean_)
        picture = io.StringIO()
        figure.savefig(picture, format="svg")
        return picture.getvalue()

    return {
        "limit, fit": limit_fit,
        "pca, fit": fit,
        "scikit-learn, fit": scikit_learn,
        "limit, plot": limit_plot,
        "pca, plot": plot,
        "with matplotlib, plot": matplotlib,
    }


def main() -> None:
    """Print one table for each number of points."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    arguments.add_argument("--seconds", type=float, default=2.0, help="for each way, on average")
    options = arguments.parse_args()
    print(f"\nparse, fit and plot in process; load {os.getloadavg()[0]:.1f}")
    print(f"{'points':>9} {'way':21} {'ms':>10} {'ratio':>6}")
    for size in options.sizes:
        limits: dict[str, float] = {}
        for name, seconds in time_in_turn(make_ways(make_points(size)), options.seconds).items():
            kind = name.rpartition(" ")[2]
            limit = limits.setdefault(kind, seconds)
            print(f"{size:9} {name:21} {seconds * 1000:10.3f} {seconds / limit:6.2f}")


if __name__ == "__main__":
    main()
