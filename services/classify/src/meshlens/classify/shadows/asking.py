"""How a shadow is asked what another version was asked."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from meshlens.classify.engines.engine import Signature, Tensor
from meshlens.classify.errors import InvalidOption, InvalidTensor, WrongTask
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.tasks.classification.classifier import ClassifyOptions
from meshlens.classify.tasks.lens import Answer, OpenedModel, Payload, choose_signature
from meshlens.classify.tasks.tensors.nested_lists import fits
from meshlens.classify.tasks.tensors.pictures import find_picture_input
from meshlens.classify.tasks.tensors.predictor import Predictor, TensorsAnswer
from meshlens.faults import Place


class SentTensors(Payload):
    """What a model was given by the protocol of another model server: tensors, or pictures.

    Args:
        tensors: an array for each input, of its type and shape, which nobody changes; none if
            pictures were sent.
        pictures: their files, one for each row of the input that takes pictures.
        max_pixels: largest picture that may be decoded.
    """

    __slots__ = ("pictures", "tensors")

    tensors: Mapping[str, Tensor]
    pictures: tuple[bytes, ...]

    def __init__(
        self, tensors: Mapping[str, Tensor], pictures: tuple[bytes, ...], max_pixels: int
    ) -> None:
        object.__setattr__(self, "tensors", tensors)
        object.__setattr__(self, "pictures", pictures)
        object.__setattr__(self, "max_pixels", max_pixels)

    def __reduce__(self) -> tuple[type["SentTensors"], tuple[object, ...]]:
        """Pickle what it was made of, and not `data`, which would be that once more."""
        return SentTensors, (self.tensors, self.pictures, self.max_pixels)

    @property
    def data(self) -> bytes:
        """The bytes of the pictures, or of the tensors, one behind the other."""
        return b"".join(self.pictures or map(_write, self.tensors.values()))

    @property
    def size(self) -> int:
        """How many bytes have been sent."""
        return sum(map(len, self.pictures)) + sum(map(_measure, self.tensors.values()))


# Asks a version what another one was asked. It is sent by name: a function of a module.
Ask: TypeAlias = Callable[[Loaded, Payload, Any], Answer]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a shadow consists of.

    Attributes:
        content: digest of all that its answers depend on.
        labels: of a classifier; None of others.
    """

    content: str
    labels: tuple[str, ...] | None


def ask_lens(loaded: Loaded, payload: Payload, options: Any) -> Answer:  # noqa: ANN401 - those of its lens
    """Return what it says of a picture; of a classifier, all labels.

    Raises:
        WrongTask: it has another task.
        ClassifyError: as `Lens.answer` does.
    """
    if not isinstance(options, loaded.lens.options):
        raise WrongTask(
            "a shadow must have the task of the version that answers",
            got=f"one that {loaded.lens.does}",
            remedy="shadow a version of the same task",
        )
    if isinstance(options, ClassifyOptions):
        options = options.model_copy(update={"top_k": sys.maxsize})
    answer: Answer = loaded.lens.answer(payload, options)
    return answer


def ask_tensors(loaded: Loaded, payload: Payload, options: Any) -> Answer:  # noqa: ANN401 - `PredictOptions`
    """Return its outputs for the inputs in `payload`.

    Raises:
        ClassifyError: as `Predictor.answer` does.
    """
    return Predictor(loaded.model).answer(payload, options)


def ask_tensors_of_picture(loaded: Loaded, payload: Payload, options: Any) -> Answer:  # noqa: ANN401 - the same
    """Return its outputs for the picture in `payload`.

    Raises:
        ClassifyError: as `Predictor.answer_picture` does.
    """
    return Predictor(loaded.model).answer_picture(payload, options)


def ask_sent(loaded: Loaded, payload: Payload, options: Any) -> Answer:  # noqa: ANN401 - `PredictOptions`
    """Return its outputs, as arrays, for the tensors or the pictures in a `SentTensors`.

    Raises:
        InvalidOption: the model has no such function.
        InvalidTensor: the tensors are not those of the function, or pictures make no one tensor.
        InvalidModel: pictures were sent, and the function takes none.
        ClassifyError: as `Signature.run` does.
    """
    assert isinstance(payload, SentTensors), "it is offered with these"  # noqa: S101 - for the type checker
    model = loaded.model
    name = options.signature or model.card.signature
    signature = choose_signature(model.engine, name, InvalidOption)
    if payload.pictures:
        tensors: Mapping[str, Tensor] = _read_pictures(model, signature, payload)
    else:
        tensors = payload.tensors
        _check(tensors, signature)
    outputs = signature.run(tensors)
    shapes = {name: list(array.shape) for name, array in outputs.items()}
    return TensorsAnswer(outputs=dict(outputs), shapes=shapes)


def _read_pictures(
    model: OpenedModel, signature: Signature, payload: SentTensors
) -> dict[str, Tensor]:
    taken = find_picture_input(model, signature)
    rows = [
        taken.encode(picture, taken.see(picture))[taken.spec.name]
        for picture in (Payload(data, payload.max_pixels) for data in payload.pictures)
    ]
    shapes = {row.shape[1:] for row in rows}
    if len(shapes) > 1:
        raise InvalidTensor(
            f"{taken.spec.name} must be of one shape for all pictures",
            got=", ".join(map(str, sorted(shapes))),
            remedy="shadow a version that gives its pictures a size, or send one at a time",
            places=[Place(field=taken.spec.name)],
        )
    return {taken.spec.name: np.concatenate(rows) if len(rows) > 1 else rows[0]}


def _check(tensors: Mapping[str, Tensor], signature: Signature) -> None:
    wanted = {spec.name: spec for spec in signature.inputs}
    if tensors.keys() != wanted.keys():
        raise InvalidTensor(
            f"expected the inputs {', '.join(wanted)}",
            got=", ".join(tensors) or "none",
            remedy="shadow a version with the same inputs",
        )
    for name, array in tensors.items():
        spec = wanted[name]
        if array.dtype != spec.dtype or not (spec.shape is None or fits(array.shape, spec.shape)):
            raise InvalidTensor(
                f"{name} must be of {spec.dtype} and of the shape {spec.shape}",
                got=f"{array.dtype} and {array.shape}",
                remedy="shadow a version with the same inputs",
                places=[Place(field=name)],
            )


def _measure(array: Tensor) -> int:
    return sum(map(len, array.ravel().tolist())) if array.dtype.hasobject else array.nbytes


def _write(array: Tensor) -> bytes:
    """Return the elements row by row; the length of each text is before it, in four bytes."""
    return b"".join(_write_texts(array)) if array.dtype.hasobject else array.tobytes()


def _write_texts(array: Tensor) -> Iterator[bytes]:
    for text in array.ravel().tolist():
        data = text if isinstance(text, bytes) else str(text).encode()
        yield len(data).to_bytes(4, "little")
        yield data
