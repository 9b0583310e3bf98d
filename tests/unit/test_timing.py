"""The phases of a request, as the domain names them and a stopwatch times them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field

from meshlens.timing import Phase, attach, current, detach, note, noted


@dataclass
class Notes:
    """A stopwatch that notes which phases have begun and ended."""

    kept: list[str] = field(default_factory=list)

    def beside(self) -> "Notes":
        return Notes()

    @contextmanager
    def time(self, phase: Phase) -> Iterator[None]:
        self.kept.append(f"{phase} begins")
        yield
        self.kept.append(f"{phase} ends")


@noted(Phase.DECODE)
def read(text: str, *, upper: bool) -> str:
    """What it is."""
    return text.upper() if upper else text


def test_phases_are_noted_where_a_stopwatch_is_attached_and_in_copies_of_the_context() -> None:
    notes = Notes()
    token = attach(notes)
    copied = copy_context()
    detach(token)
    assert read("a", upper=True) == "A"
    assert current() is None
    assert notes.kept == []
    assert copied.run(read, "a", upper=False) == "a"
    assert notes.kept == ["decode begins", "decode ends"]


def test_without_a_stopwatch_nothing_is_noted() -> None:
    with note(Phase.COMPUTE), note(Phase.DECODE):
        assert current() is None


def test_what_is_noted_keeps_its_name_and_text() -> None:
    assert (read.__name__, read.__doc__) == ("read", "What it is.")
