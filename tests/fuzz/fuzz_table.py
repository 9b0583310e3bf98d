"""Fuzzes pca's parsers, guided by coverage: any input gives a table or a named fault.

The first byte says how the rest is written, the second how it is read. Run it for a minute:

    python tests/fuzz/fuzz_table.py -max_total_time=60 tests/fuzz/corpus/table

Anything but a PcaError ends the run and leaves the input in a file `crash-...`. The corpus is
small and kept by hand: seeds of every type, and what has once found a fault.
"""

import sys

import atheris

with atheris.instrument_imports(include=["meshlens"]):
    from meshlens.pca.errors import PcaError
    from meshlens.pca.numbers import decomposition
    from meshlens.pca.numbers.imputation import Missing
    from meshlens.pca.tables.binary import (
        arrow_ipc,  # noqa: F401 - imported here, so that its first use is not measured
        parquet,  # noqa: F401 - as above
    )
    from meshlens.pca.tables.containers import workbook  # noqa: F401 - as above
    from meshlens.pca.tables.delimited import arrow_csv  # noqa: F401 - as above
    from meshlens.pca.tables.parts.roles import Roles
    from meshlens.pca.tables.table import decode_table

import numpy as np

TYPES = (
    "text/csv",
    "application/x-www-form-urlencoded",
    "application/json",
    "application/x-npy",
    "application/vnd.apache.arrow.stream",
    "application/octet-stream",
    "application/x-ndjson",
)
MISSING = tuple(Missing)


def read(data: bytes) -> None:
    """Read a table in the way that two bytes select, and fit it if it is small."""
    if len(data) < 2:
        return
    content_type, how, body = TYPES[data[0] % len(TYPES)], data[1], data[2:]
    try:
        table = decode_table(
            body,
            content_type,
            missing=MISSING[how % 4],
            columns=(None, 1, 2, 3)[how // 4 % 4],
            roles=Roles(group=("", "x1", "kind")[how // 16 % 3]),
            header=(None, True, False)[how // 64 % 3],
        )
    except PcaError as error:
        if len(str(error)) > 2000:
            raise AssertionError("a message repeats the input") from error
        return
    n, p = table.values.shape
    if not (n and p and np.isfinite(table.values).all()):
        raise AssertionError("a table must hold finite numbers")
    if any(len(names) not in (0, n) for names in (table.groups, table.labels)):
        raise AssertionError("every observation must have its group and name")
    try:
        model = decomposition.fit(table.values, names=table.names)
        decomposition.project(model, table.values)
    except PcaError:
        return


if __name__ == "__main__":
    # Numbers beyond a double's range are found by the parsers, or overflow as they do in numpy.
    np.seterr(over="ignore", invalid="ignore")
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
