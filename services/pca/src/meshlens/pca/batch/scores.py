"""The stage of the scores: each part's observations on the components, as Parquet."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from meshlens.batch.errors import ObjectsFailed, PartFailed
from meshlens.batch.job import Failure, Fields, GoOn, Stage, encode
from meshlens.batch.objects import Objects
from meshlens.pca.batch.rows import Rows
from meshlens.pca.batch.source import Source
from meshlens.pca.errors import InvalidTable
from meshlens.pca.methods import project_table
from meshlens.pca.models import decode_model
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.numbers.diagnostics import find_limits
from meshlens.pca.tables.table import Table


def load(objects: Objects, model_id: str) -> PcaModel:
    """Return the model that the job has found.

    Raises:
        ObjectsFailed: it is not there, or another.
    """
    data = objects.get("model.json")
    if data is None or hashlib.sha256(data).hexdigest() != model_id:
        raise ObjectsFailed(
            f"the objects of the job must hold the model {model_id[:12]}",
            got="none, or another",
            remedy="start the job again with `again`",
        )
    return decode_model(data)


def project_part(
    source: Source,
    part: Fields,
    rows: Rows,
    model: PcaModel,
    options: Fields,
    name: str,
    go_on: GoOn,
) -> tuple[bytes, bytes]:
    """Return a part's scores as a Parquet file, and its entry of the manifest.

    The columns are `row`, the number of each observation, from 1, in its file if the source knows
    it, else in the part; one for each component; and with `diagnostics` t2, spe and outlier.

    Raises:
        PartFailed: the part cannot be worked on, or has scores that are not finite.
    """
    confidence = options["confidence"] if options["diagnostics"] else None
    schema = _describe(model, confidence)
    file = io.BytesIO()
    count, outliers = 0, 0
    with pq.ParquetWriter(file, schema) as writer:
        for observations in rows.select(source.read(part), part, go_on):
            try:
                found = project_table(Table(values=observations.values), model, confidence)
            except InvalidTable as error:
                raise PartFailed.of(error) from error
            columns = [observations.numbers, *np.ascontiguousarray(found.values.T)]
            if (diagnosed := found.diagnostics) is not None:
                columns += [diagnosed.t2, diagnosed.spe, diagnosed.outliers]
                outliers += int(diagnosed.outliers.sum())
            writer.write_table(pa.table([*map(pa.array, columns)], schema=schema))
            count += len(observations.values)
    entry = {"object": name, "part": source.locate(part), "rows": count, "outliers": outliers}
    return file.getvalue(), encode([entry])


def merge_scores(pieces: Sequence[bytes]) -> bytes:
    """Return the entries of neighbouring parts together."""
    return encode([entry for piece in pieces for entry in json.loads(piece)])


def keep_manifest(stage: Stage, piece: bytes, failures: Sequence[Failure], objects: Objects) -> str:
    """Keep the list of the objects that hold the scores, with the limits; return its name."""
    options = stage.inputs["options"]
    model = load(objects, stage.inputs["model"])
    limits = find_limits(model, confidence=options["confidence"])
    manifest = {
        "model": stage.inputs["model"],
        "columns": _describe(
            model, options["confidence"] if options["diagnostics"] else None
        ).names,
        "limits": asdict(limits) if options["diagnostics"] else None,
        "parts": json.loads(piece),
        "left_out": [asdict(failure) for failure in failures],
    }
    objects.put("scores.json", encode(manifest))
    return "scores.json"


def _describe(model: PcaModel, confidence: float | None) -> pa.Schema:
    fields = [("row", pa.int64()), *((name, pa.float64()) for name in model.component_names)]
    if confidence is not None:
        fields += [("t2", pa.float64()), ("spe", pa.float64()), ("outlier", pa.bool_())]
    return pa.schema(fields)
