"""What the files of models are, and which form of them would be faster or smaller."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from meshlens.classify.errors import InvalidModel, ModelNotFound, NoModels
from meshlens.classify.formats.card import Kind, Task
from meshlens.classify.formats.tflite_advice import Advice, advise, read_weights
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.source import Source, read_model


@dataclass(frozen=True, slots=True)
class Shown:
    """A version of a model, by its files alone.

    Attributes:
        model: its name.
        version: its number.
        error: why its files cannot be read; empty if they can.
        kind: its format; empty if that is not known.
        size: bytes of its file, or of its folder as packed by `packing.pack`.
        weights: what its weights are, as in `Weights.type`; empty for other formats.
        advice: the forms of its file that would be faster or smaller.
    """

    model: str
    version: str
    error: str = ""
    kind: str = ""
    size: int = 0
    weights: str = ""
    advice: tuple[Advice, ...] = ()

    def to_fields(self) -> dict[str, Any]:
        """Return what is known of it, as JSON values."""
        return {name: value for name, value in asdict(self).items() if value}

    def describe(self) -> str:
        """Return a line about it, and one for each advice."""
        name = f"{self.model}@{self.version}"
        if self.error:
            return f"{name}: {self.error}"
        weights = f", {self.weights} weights" if self.weights else ""
        lines = [f"{name}: {self.kind}{weights}, {self.size} bytes"]
        lines += [
            f"  {each.reason}: {each.text} Measured: {each.measured}." for each in self.advice
        ]
        return "\n".join(lines)


def show(folder: Path, names: Sequence[str] = ()) -> Iterator[Shown]:
    """Yield every version of the models in a folder.

    Args:
        folder: of models.
        names: of those to show; all if there are none.

    Raises:
        NoModels: the folder has none.
        ModelNotFound: it has none of one of the names.
    """
    sources = [it for it in find_models(folder) if not it.card.chain]  # which have no file
    if not sources:
        raise NoModels(folder)
    known = sorted({source.model for source in sources})
    for name in names:
        if name not in known:
            raise ModelNotFound(name, known)
    for source in sources:
        if source.model in (names or known):
            yield _show(source)


def _show(source: Source) -> Shown:
    try:
        data = read_model(source)
        kind = source.kind
        tflite = kind is Kind.TFLITE
        return Shown(
            source.model,
            source.version,
            kind=kind,
            size=len(data),
            weights=read_weights(data).type if tflite else "",
            advice=advise(data) if tflite and source.likely_task is Task.CLASSIFY else (),
        )
    except InvalidModel as error:
        return Shown(source.model, source.version, error=str(error))
