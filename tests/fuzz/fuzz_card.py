"""Fuzzes classify's cards, guided by coverage: any input gives a card or a named fault.

    python tests/fuzz/fuzz_card.py -max_total_time=60 tests/fuzz/corpus/card

Anything but an InvalidModel ends the run and leaves the input in a file `crash-...`.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["meshlens", "yaml"]):
    from meshlens.classify.errors import InvalidModel
    from meshlens.classify.formats.card import decode_card, locate

ROOT = Path("/models")


def read(data: bytes) -> None:
    """Read a card and locate its file."""
    try:
        card = decode_card(data)
        path = locate(card.model.path, card=ROOT / "pets/card.yaml", repository=ROOT)
    except InvalidModel as error:
        if len(str(error)) > 20_000:
            raise AssertionError("a message repeats the input") from error
        return
    if not path.is_relative_to(ROOT):
        raise AssertionError(f"{path} is outside of the repository")
    hash(card)
    if not all(isinstance(value, tuple) for value in card.constants.values()):
        raise AssertionError("a constant must be a tuple of numbers")


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
