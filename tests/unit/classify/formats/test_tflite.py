"""A model file is asked what it says about itself, and is never believed blindly."""

import io
import os
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metadata_encoding import encode_metadata
from unit.classify.models import build_model

from meshlens.classify.errors import ClassifyError, InvalidModel
from meshlens.classify.formats.producers import Numbers
from meshlens.classify.formats.tflite import _FileBytes, decode_model_file
from meshlens.classify.formats.tflite_graph import read_graphs
from meshlens.classify.formats.tflite_metadata import (
    AssociatedFile,
    FileType,
    Metadata,
    Normalization,
    decode_metadata,
)

AXIS = FileType.TENSOR_AXIS_LABELS
FLOATS = st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=4).map(tuple)
METADATA = st.builds(
    Metadata,
    name=st.text(),
    description=st.text(),
    normalization=st.none() | st.builds(Normalization, FLOATS, FLOATS),
    output_files=st.lists(
        st.builds(AssociatedFile, st.text(), st.sampled_from(FileType), st.text()), max_size=4
    ).map(tuple),
)


def named(*files: AssociatedFile) -> Metadata:
    return Metadata(output_files=files)


@given(METADATA)
def test_metadata_comes_back_as_it_was_written(metadata: Metadata) -> None:
    assert decode_metadata(encode_metadata(metadata)) == metadata


@given(st.binary())
def test_bytes_that_are_no_metadata_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidModel):
        decode_metadata(data)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(METADATA, st.dictionaries(st.integers(0, 10**4), st.integers(0, 255), max_size=6))
def test_damaged_metadata_raises_nothing_but_our_errors(
    metadata: Metadata, changes: dict[int, int]
) -> None:
    data = bytearray(encode_metadata(metadata))
    for place, value in changes.items():
        data[place % len(data)] = value
    with suppress(ClassifyError):
        decode_metadata(bytes(data))


def test_labels_and_subject_are_read_from_the_archive_behind_the_model() -> None:
    file = decode_model_file(
        build_model(
            named(AssociatedFile("names.txt", AXIS)),
            {"names.txt": b"cat\ndog\n", "subject.txt": b"pet\n", "other.txt": b"x\n"},
        )
    )
    assert file.labels == ("cat", "dog")
    assert file.subject == "pet"


def test_names_in_english_come_before_identifiers() -> None:
    files = (
        AssociatedFile("de.txt", AXIS, "de"),
        AssociatedFile("ids.txt", AXIS),
        AssociatedFile("en.txt", AXIS, "en"),
    )
    packed = {"ids.txt": b"/m/01\n", "en.txt": b"cat\n", "de.txt": b"Katze\n"}
    assert decode_model_file(build_model(named(*files), packed)).labels == ("cat",)
    assert decode_model_file(build_model(named(*files[:2]), packed)).labels == ("/m/01",)


def test_a_file_that_is_named_but_not_packed_is_no_label_file() -> None:
    model = build_model(named(AssociatedFile("names.txt", AXIS)), {"else.txt": b"cat\n"})
    assert decode_model_file(model).labels == ()


@pytest.mark.parametrize("missing", [1, 30, 60])
def test_a_file_without_the_end_that_its_metadata_promises_is_refused(missing: int) -> None:
    model = build_model(named(AssociatedFile("names.txt", AXIS)), {"names.txt": b"cat\n" * 99})
    with pytest.raises(InvalidModel, match=r"expected names\.txt packed .* copy the file again"):
        decode_model_file(model[:-missing])


def test_a_file_of_another_kind_is_no_label_file() -> None:
    file = AssociatedFile("notes.txt", FileType.DESCRIPTIONS)
    assert decode_model_file(build_model(named(file), {"notes.txt": b"cat\n"})).labels == ()


def test_a_model_without_metadata_says_nothing() -> None:
    file = decode_model_file(build_model(None))
    assert (file.labels, file.subject, file.normalization) == ((), "", None)


def test_an_archive_that_unpacks_to_gigabytes_is_refused() -> None:
    packed = {"names.txt": bytes(50_000_000)}
    model = build_model(named(AssociatedFile("names.txt", AXIS)), packed)
    assert len(model) < 100_000
    with pytest.raises(InvalidModel, match="at most 4194304 bytes, got 50000000"):
        decode_model_file(model)


def test_an_archive_that_lies_about_its_size_is_not_unpacked_further() -> None:
    model = build_model(named(AssociatedFile("names.txt", AXIS)), {"names.txt": bytes(50_000_000)})
    lying = model.replace((50_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidModel):
            decode_model_file(lying)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5_000_000


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_without_a_bound_is_refused(method: int) -> None:
    file = io.BytesIO(build_model(named(AssociatedFile("names.txt", AXIS))))
    with zipfile.ZipFile(file, "a", method) as archive:
        archive.writestr("names.txt", "cat\n")
    with pytest.raises(InvalidModel, match="stored or deflated"):
        decode_model_file(file.getvalue())


def test_labels_in_another_encoding_are_refused() -> None:
    model = build_model(named(AssociatedFile("names.txt", AXIS)), {"names.txt": b"K\xe4tzchen\n"})
    with pytest.raises(InvalidModel, match="UTF-8"):
        decode_model_file(model)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x08\x00\x00\x00TFL3", bytes(100)])
def test_a_file_that_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidModel):
        decode_model_file(data)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_half_a_model_raises_nothing_but_our_errors(share: float) -> None:
    model = build_model(named(AssociatedFile("names.txt", AXIS)), {"names.txt": b"cat\n"})
    with suppress(ClassifyError):
        decode_model_file(model[: int(share * len(model))])


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.integers(0, 10**6), st.integers(0, 255), min_size=1, max_size=8))
def test_a_damaged_model_raises_nothing_but_our_errors(changes: dict[int, int]) -> None:
    model = bytearray(
        build_model(named(AssociatedFile("names.txt", AXIS)), {"names.txt": b"cat\n"})
    )
    for place, value in changes.items():
        model[place % len(model)] = value
    with suppress(ClassifyError):
        decode_model_file(bytes(model))
    with suppress(ClassifyError):
        read_graphs(bytes(model))


@pytest.mark.parametrize(
    ("name", "classes", "index", "label"),
    [
        ("mobilenet_v2/mobilenet_v2_1.0_224_quant.tflite", 1001, 653, "military uniform"),
        ("mobilenet_v1_025/mobilenet_v1_0.25_128_quant.tflite", 1001, 653, "military uniform"),
        (
            "aiy_birds_v1/lite-model_aiy_vision_classifier_birds_V1_3.tflite",
            965,
            576,
            "Porphyrio martinicus",
        ),
    ],
)
def test_real_models_say_their_labels_and_normalization(
    shared: Path, name: str, classes: int, index: int, label: str
) -> None:
    data = (shared / "models" / name).read_bytes()
    file = decode_model_file(data)
    assert list(read_graphs(data).outputs[0].values()) == [Numbers.DISTRIBUTION]
    assert len(file.labels) == classes
    assert file.labels[index] == label
    assert file.normalization == Normalization((127.5,), (127.5,))
    assert file.probabilities is None


def test_a_file_that_is_cut_short_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(bytes(5000))
    with path.open("rb") as file:
        data = _FileBytes(file)
        assert data[4990:6000] == bytes(10)
        os.truncate(path, 4095)
        assert data[:4095] == bytes(4095)
        with pytest.raises(ValueError, match="expected 5000 bytes, got a file that was cut short"):
            data[4090:4100]
