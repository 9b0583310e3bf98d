"""Writes cadence.csv: the steps per minute of 300 people, and whether they walk, jog or run.

The numbers are drawn at random around the mean of each gait, not measured; every run writes the
same ones. As in life, some fast walkers take more steps than some slow joggers.
"""

import random
import sys
from pathlib import Path

SEED = 7
PEOPLE = 100
# Steps per minute: mean and standard deviation.
GAITS = {"walk": (112, 11), "jog": (152, 9), "run": (178, 8)}


def main(path: str) -> None:
    """Write the table to `path`."""
    draw = random.Random(SEED)  # noqa: S311 - data, no secret
    rows = [
        (round(draw.gauss(*middle)), gait) for gait, middle in GAITS.items() for _ in range(PEOPLE)
    ]
    draw.shuffle(rows)
    lines = ["cadence,gait", *(f"{cadence},{gait}" for cadence, gait in rows)]
    Path(path).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and a file
        sys.exit("usage: make_cadence.py cadence.csv")
    main(sys.argv[1])
