"""The stages that find a model: sums over all parts, and factors where these lack digits."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.batch.errors import InputChanged, ObjectsFailed, PartFailed
from meshlens.batch.job import Fields, GoOn
from meshlens.batch.objects import Objects
from meshlens.pca.batch.packing import pack_factor, pack_moments, unpack_factor, unpack_moments
from meshlens.pca.batch.rows import Rows
from meshlens.pca.batch.source import Source
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.decomposition import find_centering
from meshlens.pca.numbers.moments import Moments, find_shift, fold, split_blocks
from meshlens.pca.numbers.scaling import Divisor, Scaling
from meshlens.pca.numbers.solvers.factors import Factor

Array: TypeAlias = npt.NDArray[np.float64]

# As many rows decide on the shift; a block of a source may be large.
_ROWS = 2048


def find_first_shift(source: Source, parts: Sequence[Fields], rows: Rows) -> Array:
    """Return the shift (p,) of all parts: that of the first rows that can be used.

    Parts that cannot be worked on are passed over; whether they may is decided when they are.

    Raises:
        PartFailed: none of them can be worked on.
        InvalidTable: no observation is complete.
    """
    failed: PartFailed | None = None
    for part in parts:
        try:
            for block in rows.read(source, part, lambda: None):
                return find_shift(block[:_ROWS])
        except PartFailed as error:
            failed = failed or PartFailed.of(error, where=source.locate(part))
    raise failed or no_observation()


def fold_part(
    source: Source, part: Fields, rows: Rows, shift: Array, scaling: Scaling, go_on: GoOn
) -> bytes:
    """Return the moments of a part, as bytes.

    Raises:
        PartFailed: the part cannot be worked on.
    """
    moments: Moments | None = None
    # What overflows is refused in the end, as a variance that is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        for block in rows.read(source, part, go_on):
            found = fold(block, shift=shift, extremes=scaling is Scaling.RANGE)
            moments = found if moments is None else moments.merge(found)
    return pack_moments(moments, rows.dropped)


def merge_moments(pieces: Sequence[bytes]) -> bytes:
    """Return the moments of neighbouring parts as those of one."""
    unpacked = [unpack_moments(piece) for piece in pieces]
    known = [moments for moments, _ in unpacked if moments is not None]
    with np.errstate(over="ignore", invalid="ignore"):
        merged = reduce(Moments.merge, known) if known else None
    return pack_moments(merged, sum(dropped for _, dropped in unpacked))


def reduce_part(
    source: Source, part: Fields, rows: Rows, moments: Moments, options: Fields, go_on: GoOn
) -> bytes:
    """Return the triangular factor of a part, centred and scaled as the whole is, as bytes.

    Raises:
        PartFailed: the part cannot be worked on.
    """
    centering = find_centering(moments, Scaling(options["scaling"]), Divisor(options["divisor"]))

    def standard() -> Iterator[Array]:
        for block in rows.read(source, part, go_on):
            yield from map(centering.apply, split_blocks(block))

    return pack_factor(Factor.of(standard(), len(moments.shift)))


def merge_factors(pieces: Sequence[bytes]) -> bytes:
    """Return the factor of neighbouring parts as that of one."""
    return pack_factor(reduce(Factor.merge, map(unpack_factor, pieces)))


def keep_moments(objects: Objects, moments: Moments) -> str:
    """Keep what a second pass needs of moments; return the name of the object."""
    return keep(
        objects,
        pack_moments(
            Moments(
                moments.n, moments.shift, moments.offset, moments.squares, None, moments.extremes
            )
        ),
    )


def load_moments(objects: Objects, name: str) -> Moments:
    """Return the moments that `keep_moments` has kept.

    Raises:
        ObjectsFailed: they are not there, or damaged.
    """
    moments, _ = unpack_moments(load(objects, name))
    if moments is None:
        raise _absent(name)
    return moments


def keep(objects: Objects, piece: bytes) -> str:
    """Keep the piece of a whole stage for a later one; return the name of the object."""
    name = f"sums/{hashlib.sha256(piece).hexdigest()}"
    objects.put(name, piece)
    return name


def load(objects: Objects, name: str) -> bytes:
    """Return the piece that `keep` has kept.

    Raises:
        ObjectsFailed: it is not there, or damaged.
    """
    piece = objects.get(name)
    if piece is None or hashlib.sha256(piece).hexdigest() != name.rpartition("/")[2]:
        raise _absent(name)
    return piece


def check_same(found: int, n: int) -> None:
    """Refuse another number of observations than the first pass has read.

    Raises:
        InputChanged: it is another one.
    """
    if found != n:
        raise InputChanged(
            f"a further pass must read the {n} observations of the first",
            got=f"{found}",
            remedy="start the job again when nobody writes the input",
        )


def _absent(name: str) -> ObjectsFailed:
    return ObjectsFailed(
        f"the objects of the job must hold {name[:17]}",
        got="none, or a damaged one",
        remedy="start the job again with `again`",
    )


def no_observation() -> InvalidTable:
    """Return the fault of a table without any complete observation."""
    return InvalidTable(
        "at least one observation must be complete",
        got="missing numbers in all of them, or no rows at all",
        remedy="leave out the variables whose numbers are missing with drop=x,y",
    )
