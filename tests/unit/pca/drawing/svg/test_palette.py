"""Groups are told apart by everyone, in both themes, on paper too."""

import numpy as np
import numpy.typing as npt
import pytest

from meshlens.pca.drawing.groups import MOST_GROUPS
from meshlens.pca.drawing.svg.palette import DARK, LIGHT, template

Array = npt.NDArray[np.float64]

# Machado, Oliveira and Fernandes (2009), severity 1.0, linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def to_linear(colours: tuple[str, ...]) -> Array:
    values = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_oklab(linear: Array) -> Array:
    """Ottosson (2020)."""
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    lab: Array = np.cbrt(linear.clip(0, 1) @ to_lms.T) @ to_lab.T
    return lab


@pytest.mark.parametrize(("palette", "ground"), [(LIGHT, "#f6f7f9"), (DARK, "#1a212b")])
def test_colours_stand_out_from_the_ground(palette: tuple[str, ...], ground: str) -> None:
    weights = [0.2126, 0.7152, 0.0722]
    colours, back = to_linear(palette) @ weights, to_linear((ground,)) @ weights
    contrast = (np.maximum(colours, back) + 0.05) / (np.minimum(colours, back) + 0.05)
    assert contrast.min() >= 3


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("sight", SIGHT)
def test_colours_stay_apart_for_every_sight(palette: tuple[str, ...], sight: str) -> None:
    seen = to_oklab(to_linear(palette) @ SIGHT[sight].T)
    apart = np.linalg.norm(seen[:, np.newaxis] - seen, axis=2)[np.triu_indices(len(seen), 1)]
    # Okabe and Ito's eight colours come to 0.08 by this measure.
    assert apart.min() > 0.09


def test_as_many_groups_as_are_kept_differ_in_colour_or_shape() -> None:
    looks = {(number % 8, template(number, 4)) for number in range(MOST_GROUPS)}
    assert len(looks) == MOST_GROUPS


def test_neighbours_differ_in_both() -> None:
    for number in range(MOST_GROUPS - 1):
        assert template(number, 4) != template(number + 1, 4)
