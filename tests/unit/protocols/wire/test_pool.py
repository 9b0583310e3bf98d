from pathlib import Path

from compile_protos import SOURCE, WIRE, compile_protos
from google.protobuf import descriptor_pool, json_format

from meshlens.protocols.wire import inference_pb2, tensorflow_pb2, tfserving_pb2
from meshlens.protocols.wire.pool import load_pool


def test_what_is_checked_in_is_what_the_protos_compile_to(tmp_path: Path) -> None:
    compile_protos(tmp_path)
    compiled = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert compiled == {name: (SOURCE / WIRE / name).read_bytes() for name in compiled}
    assert "messages.binpb" in compiled


def test_our_messages_are_in_no_pool_but_ours() -> None:
    names = (
        inference_pb2.ModelInferRequest.DESCRIPTOR.full_name,
        tensorflow_pb2.TensorProto.DESCRIPTOR.full_name,
        tfserving_pb2.PredictRequest.DESCRIPTOR.full_name,
    )
    for name in names:
        ours = load_pool().FindMessageTypeByName(name)
        try:
            theirs = descriptor_pool.Default().FindMessageTypeByName(name)
        except KeyError:
            continue
        assert ours is not theirs


def test_messages_of_google_work_in_place() -> None:
    response = tfserving_pb2.GetModelMetadataResponse()
    response.model_spec.version.value = 0
    response.metadata["signature_def"].Pack(tfserving_pb2.SignatureDefMap())
    assert response.model_spec.WhichOneof("version_choice") == "version"
    fields = json_format.MessageToDict(response, descriptor_pool=load_pool())
    assert fields["metadata"]["signature_def"] == {
        "@type": "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    }
