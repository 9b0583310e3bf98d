"""The functions of a loaded version, as the protocols of other model servers call them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meshlens.classify.answer_cache.cache import AnswerCache
from meshlens.classify.answer_cache.lookups import Lookups
from meshlens.classify.answer_cache.outputs import Outputs, describe_call, may_keep
from meshlens.classify.engines.bounds import within
from meshlens.classify.engines.engine import Signature, Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.shadows.asking import SentTensors, ask_sent
from meshlens.classify.shadows.shadows import Shadows
from meshlens.classify.tasks.lens import Payload
from meshlens.classify.tasks.tensors.pictures import PictureInput
from meshlens.classify.tasks.tensors.predictor import PredictOptions, TensorsAnswer
from meshlens.daprkit.application.admission import find_caller, time_left
from meshlens.protocols.models import Lookup
from meshlens.timing import Phase, note


@dataclass(frozen=True, slots=True)
class SignatureFunction:
    """A signature of an engine, as `protocols.models.Function`.

    Attributes:
        signature: computes.
        classes: the labels by the output whose scores are theirs.
        picture_input: what a picture becomes; None if it takes none.
        max_pixels: largest picture that is decoded.
    """

    signature: Signature
    classes: Mapping[str, tuple[str, ...]]
    picture_input: PictureInput | None
    max_pixels: int

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What `run` takes."""
        return self.signature.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What `run` returns."""
        return self.signature.outputs

    @property
    def picture(self) -> str:
        """The input that `read_picture` makes; empty if the function takes no pictures."""
        return self.picture_input.spec.name if self.picture_input else ""

    @property
    def widens(self) -> bool:
        """False: an engine takes its own types, as in Triton."""
        return False

    def read_picture(self, data: bytes) -> Tensor:
        """Return the input for the encoded picture in `data`, its batch axis first.

        Raises:
            InvalidImage, ImageTooLarge: it is no picture, or too large.
            InvalidModel: the function takes no pictures.
        """
        if self.picture_input is None:
            raise InvalidModel("expected a function that takes a picture", got="one of tensors")
        payload = Payload(data, self.max_pixels)
        image = self.picture_input.see(payload)
        return self.picture_input.encode(payload, image)[self.picture]

    def labels(self, output: str) -> Sequence[str]:
        """Return the names of the classes whose scores are the output; empty if it has none."""
        return self.classes.get(output, ())

    def run(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Compute every output, in what is left of the request's time.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
            EngineGone: what ran the model has died.
        """
        with within(time_left(), find_caller()), note(Phase.COMPUTE):
            return self.signature.run(tensors)

    @property
    def lookup(self) -> Lookup | None:
        """None: outputs are kept by a `RequestFunction`."""
        return None


@dataclass(slots=True)
class _Course:
    """How a request goes.

    Attributes:
        pictures: those that nothing has been computed of yet, as they were sent.
        reading: seconds that reading these took.
        computing: seconds that the last computation took.
        lookup: the last one.
    """

    pictures: list[bytes] = field(default_factory=list)
    reading: float = 0.0
    computing: float = 0.0
    lookup: Lookup | None = None


# Without slots, with which `super()` would not know its class.
@dataclass(frozen=True)
class RequestFunction(SignatureFunction):
    """A signature as one request calls it: outputs may be kept, and a shadow may see them.

    Attributes:
        loaded: the version, leased for the request.
        name: of the signature.
        options: name it for the shadow.
        shadows: draw what they see; None if the model has none.
        answers: those that are kept; None if those of this version are not.
    """

    loaded: Loaded
    name: str
    options: PredictOptions
    shadows: Shadows | None
    answers: AnswerCache | None
    _course: _Course = field(default_factory=_Course, init=False)

    def read_picture(self, data: bytes) -> Tensor:
        """Return the input for the encoded picture in `data`, as `SignatureFunction` does."""
        began = time.perf_counter()
        tensor = super().read_picture(data)
        self._course.pictures.append(data)
        self._course.reading += time.perf_counter() - began
        return tensor

    def run(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return every output, as `SignatureFunction` does, or those that are kept."""
        arrays = {spec.name: tensors[spec.name] for spec in self.inputs}
        try:
            if self.answers is None or not may_keep(self.outputs):
                return self._compute(arrays)
            return self._look_up(self.answers, arrays)
        finally:
            self._course.pictures, self._course.reading = [], 0.0

    @property
    def lookup(self) -> Lookup | None:
        """How `run` last looked for outputs that are kept; None if there are none to look for."""
        return self._course.lookup

    def _look_up(self, answers: AnswerCache, arrays: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the outputs that are kept, or those that are computed."""
        began = time.perf_counter()
        lookups = Lookups(answers)
        outputs = lookups.answer(
            self.loaded,
            describe_call(self.name, arrays),
            SentTensors(arrays, (), self.max_pixels),
            PredictOptions(),
            Outputs,
            lambda: Outputs.of(self._compute(arrays)),
        ).read()
        seconds = time.perf_counter() - began
        if not lookups.kept:
            seconds -= self._course.computing
        self._course.lookup = Lookup(lookups.kept, int(seconds * 1e9))
        return outputs

    def _compute(self, arrays: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        began = time.perf_counter()
        outputs = super().run(arrays)
        self._course.computing = time.perf_counter() - began
        if self.shadows:
            seconds = self._course.reading + self._course.computing
            pictures = tuple(self._course.pictures)
            sent = SentTensors({} if pictures else arrays, pictures, self.max_pixels)
            shapes = {name: list(array.shape) for name, array in outputs.items()}
            answer = TensorsAnswer(outputs=dict(outputs), shapes=shapes)
            self.shadows.offer(self.loaded.answerer, ask_sent, sent, self.options, answer, seconds)
        return outputs
