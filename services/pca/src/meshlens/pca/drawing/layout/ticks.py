"""Round numbers along an axis, with labels that stay short for any offset and magnitude."""

import math
from dataclasses import dataclass
from decimal import Decimal

_ROUND = (1, 2, 5, 10)
# An axis further from zero than this many steps shows differences to an offset.
_MOST_STEPS_FROM_ZERO = 10_000
_DIGITS_OF_OFFSET = 3
_PLAIN_EXPONENTS = range(-3, 5)
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Ticks:
    """Where an axis has ticks and what stands there: (position - offset) / 10**exponent."""

    positions: tuple[float, ...]
    labels: tuple[str, ...]
    offset: Decimal
    exponent: int

    def label_axis(self, name: str) -> str:
        """Return what the labels count, for a variable called `name`."""
        if self.offset:
            sign = "+" if self.offset < 0 else MINUS
            name = f"{name} {sign} {abs(self.offset.normalize()):g}"
        if self.exponent:
            name = f"({name})" if self.offset else name
            name = f"{name} / 10{str(self.exponent).translate(_SUPERSCRIPT)}"
        return name


def find_ticks(low: float, high: float, *, most: int) -> Ticks:
    """Find at most `most` + 1 multiples of 1, 2 or 5 times a power of ten from `low` to `high`.

    Args:
        low: one end, finite.
        high: the other, greater than `low`.
        most: how many steps fit between the ends.
    """
    width = (high - low) / most
    power = math.floor(math.log10(width))
    factor = next(factor for factor in _ROUND if factor * 10.0**power >= width * (1 - 1e-9))
    step = Decimal(factor).scaleb(power)
    power = step.adjusted()
    numbers = range(math.ceil(low / float(step)), math.floor(high / float(step)) + 1)
    positions = [number * step for number in numbers]

    offset = Decimal(0)
    if numbers and max(-numbers[0], numbers[-1]) > _MOST_STEPS_FROM_ZERO:
        unit = Decimal(1).scaleb(power + _DIGITS_OF_OFFSET)
        offset = positions[len(positions) // 2] // unit * unit
    shown = [position - offset for position in positions]
    exponent = max((number.adjusted() for number in shown if number), default=0)
    if exponent in _PLAIN_EXPONENTS:
        exponent = 0
    # Zero alone says nothing of the size of a step.
    decimals = max(0, exponent - power) if any(shown) or power in _PLAIN_EXPONENTS else 0
    return Ticks(
        positions=tuple(float(position) for position in positions),
        labels=tuple(
            f"{number.scaleb(-exponent):.{decimals}f}".replace("-", MINUS) for number in shown
        ),
        offset=offset,
        exponent=exponent,
    )
