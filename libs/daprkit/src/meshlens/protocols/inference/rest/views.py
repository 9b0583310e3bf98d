"""What is known of the server and its models, in the JSON of Triton and of KServe."""

from collections.abc import Mapping, Sequence
from typing import Any

from meshlens.protocols.inference.datatypes import name_in_config
from meshlens.protocols.inference.statistics import BatchStatistics, Duration, ModelStatistics
from meshlens.protocols.inference.views import ModelMetadata, TensorMetadata


def show_statistics(statistics: Sequence[ModelStatistics]) -> Mapping[str, Any]:
    """Return what versions have computed since the start."""
    return {"model_stats": [_show_version(version) for version in statistics]}


def _show_version(version: ModelStatistics) -> Mapping[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "last_inference": version.last_inference,
        "inference_count": version.inference_count,
        "execution_count": version.execution_count,
        "inference_stats": {
            "success": _show(version.success),
            "fail": _show(version.fail),
            "queue": _show(version.queue),
            "compute_input": _show(version.compute_input),
            "compute_infer": _show(version.compute_infer),
            "compute_output": _show(version.compute_output),
            "cache_hit": _show(version.cache_hit),
            "cache_miss": _show(version.cache_miss),
        },
        "batch_stats": [_show_batch(size, batch) for size, batch in version.batches.items()],
    }


def _show_batch(size: int, batch: BatchStatistics) -> Mapping[str, Any]:
    return {
        "batch_size": size,
        "compute_input": _show(batch.compute_input),
        "compute_infer": _show(batch.compute_infer),
        "compute_output": _show(batch.compute_output),
    }


def _show(duration: Duration) -> Mapping[str, int]:
    return {"count": duration.count, "ns": duration.ns}


def show_config(model: ModelMetadata) -> Mapping[str, Any]:
    """Return a model as Triton would configure it, without a batch axis of its own."""
    return {
        "name": model.name,
        "platform": model.platform,
        "backend": "",
        "version_policy": {"specific": {"versions": [int(it) for it in model.versions]}},
        "max_batch_size": 0,
        "input": [_show_tensor(tensor) for tensor in model.inputs],
        "output": [_show_tensor(tensor) for tensor in model.outputs],
    }


def _show_tensor(tensor: TensorMetadata) -> Mapping[str, Any]:
    type_ = name_in_config(tensor.datatype)
    return {"name": tensor.name, "data_type": type_, "dims": list(tensor.shape)}
