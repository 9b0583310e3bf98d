"""Messages about the server, its models and their statistics."""

from collections.abc import Sequence

from meshlens.protocols.inference.datatypes import name_in_config
from meshlens.protocols.inference.statistics import Duration, ModelStatistics
from meshlens.protocols.inference.views import (
    IndexEntry,
    ModelMetadata,
    ServerMetadata,
    TensorMetadata,
)
from meshlens.protocols.wire import inference_pb2 as pb


def make_server_metadata(metadata: ServerMetadata) -> pb.ServerMetadataResponse:
    """Return what the server is."""
    return pb.ServerMetadataResponse(
        name=metadata.name, version=metadata.version, extensions=metadata.extensions
    )


def make_metadata(metadata: ModelMetadata) -> pb.ModelMetadataResponse:
    """Return what a model takes and answers."""
    return pb.ModelMetadataResponse(
        name=metadata.name,
        versions=metadata.versions,
        platform=metadata.platform,
        inputs=[_make_tensor(tensor) for tensor in metadata.inputs],
        outputs=[_make_tensor(tensor) for tensor in metadata.outputs],
    )


def make_config(metadata: ModelMetadata) -> pb.ModelConfigResponse:
    """Return the configuration of a model: every axis is its own, so it has no largest batch."""
    config = pb.ModelConfig(
        name=metadata.name,
        platform=metadata.platform,
        backend=metadata.platform.partition("_")[0],
        max_batch_size=0,
        model_transaction_policy=pb.ModelTransactionPolicy(decoupled=False),
    )
    for tensors, described in ((metadata.inputs, config.input), (metadata.outputs, config.output)):
        for each in tensors:
            described.add(name=each.name, data_type=name_in_config(each.datatype), dims=each.shape)
    return pb.ModelConfigResponse(config=config)


def make_index(entries: Sequence[IndexEntry]) -> pb.RepositoryIndexResponse:
    """Return the index of the repository."""
    response = pb.RepositoryIndexResponse()
    for entry in entries:
        response.models.add(
            name=entry.name, version=entry.version, state=entry.state, reason=entry.reason
        )
    return response


def make_statistics(versions: Sequence[ModelStatistics]) -> pb.ModelStatisticsResponse:
    """Return the statistics of versions."""
    return pb.ModelStatisticsResponse(model_stats=[_make_statistics(it) for it in versions])


def _make_statistics(known: ModelStatistics) -> pb.ModelStatistics:
    message = pb.ModelStatistics(
        name=known.name,
        version=known.version,
        last_inference=known.last_inference,
        inference_count=known.inference_count,
        execution_count=known.execution_count,
        inference_stats=pb.InferStatistics(
            success=_make_duration(known.success),
            fail=_make_duration(known.fail),
            queue=_make_duration(known.queue),
            compute_input=_make_duration(known.compute_input),
            compute_infer=_make_duration(known.compute_infer),
            compute_output=_make_duration(known.compute_output),
            cache_hit=_make_duration(known.cache_hit),
            cache_miss=_make_duration(known.cache_miss),
        ),
    )
    for size, batch in sorted(known.batches.items()):
        message.batch_stats.add(
            batch_size=size,
            compute_input=_make_duration(batch.compute_input),
            compute_infer=_make_duration(batch.compute_infer),
            compute_output=_make_duration(batch.compute_output),
        )
    return message


def _make_duration(duration: Duration) -> pb.StatisticDuration:
    return pb.StatisticDuration(count=duration.count, ns=duration.ns)


def _make_tensor(tensor: TensorMetadata) -> pb.ModelMetadataResponse.TensorMetadata:
    return pb.ModelMetadataResponse.TensorMetadata(
        name=tensor.name, datatype=tensor.datatype, shape=tensor.shape
    )
