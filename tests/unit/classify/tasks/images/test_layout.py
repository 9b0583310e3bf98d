"""The axes of an input are read in the one way that there is, or the card says which."""

import numpy as np
import pytest

from meshlens.classify.engines.engine import TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import decode_card
from meshlens.classify.tasks.images.input import ImageInput

COLORS = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)
GRAY = COLORS[:, :, :1]
ALPHA = np.arange(6 * 5 * 4, dtype=np.uint8).reshape(6, 5, 4)


def image_input(shape: tuple[int, ...], card: str = "{}", largest: int | None = None) -> ImageInput:
    spec = TensorSpec("picture", shape, np.dtype("uint8"))
    part = decode_card(f"input: {card}".encode()).input
    return ImageInput(spec, part, None, channels=(1, 3, 4), largest=largest)


@pytest.mark.parametrize(
    ("shape", "pixels", "expected"),
    [
        ((1, 6, 5, 3), COLORS, COLORS[np.newaxis]),
        ((-1, 6, 5, 3), COLORS, COLORS[np.newaxis]),
        ((6, 5, 3), COLORS, COLORS),
        ((1, 3, 6, 5), COLORS, COLORS.transpose(2, 0, 1)[np.newaxis]),
        ((-1, 3, 6, 5), COLORS, COLORS.transpose(2, 0, 1)[np.newaxis]),
        ((3, 6, 5), COLORS, COLORS.transpose(2, 0, 1)),
        ((2, 6, 5, 3), COLORS, np.stack([COLORS] * 2)),
        ((2, 3, 6, 5), COLORS, np.stack([COLORS.transpose(2, 0, 1)] * 2)),
        ((1, 6, 5, 1), GRAY, GRAY[np.newaxis]),
        ((1, 1, 6, 5), GRAY, GRAY.transpose(2, 0, 1)[np.newaxis]),
        ((1, 6, 5), GRAY, GRAY[:, :, 0][np.newaxis]),
        ((1, 6, 5, 4), ALPHA, ALPHA[np.newaxis]),
        ((1, 4, 6, 5), ALPHA, ALPHA.transpose(2, 0, 1)[np.newaxis]),
    ],
)
def test_axes_are_those_of_the_shape(
    shape: tuple[int, ...], pixels: np.ndarray, expected: np.ndarray
) -> None:
    made = image_input(shape)
    assert (made.frame.height, made.frame.width) == (6, 5)
    np.testing.assert_array_equal(made.encode(pixels), expected)


@pytest.mark.parametrize("shape", [(1, 3, 224, 3), (1, 1, 28, 1), (1, 4, 16, 3), (3, 8, 3)])
def test_axes_that_can_be_read_in_two_ways_need_the_card(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidModel, match=r"say input\.layout: nhwc or nchw in a card"):
        image_input(shape)
    last, first = image_input(shape, "{layout: nhwc}"), image_input(shape, "{layout: nchw}")
    assert last.frame.channels == shape[-1]
    assert first.frame.channels == shape[-3]


def test_a_layout_that_the_shape_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidModel, match="expected an input of shape"):
        image_input((1, 6, 5, 3), "{layout: nchw}")


def test_open_axes_come_from_the_card() -> None:
    made = image_input((-1, -1, -1, -1), "{size: [5, 6], type: rgb8}")
    assert made.encode(COLORS).shape == (1, 6, 5, 3)
    first = image_input((-1, 3, -1, -1), "{size: [5, 6]}")
    assert first.encode(COLORS).shape == (1, 3, 6, 5)


def test_four_channels_are_red_green_blue_alpha() -> None:
    made = image_input((1, 8, 5, 4), "{type: rgba8}")
    assert made.frame.channels == 4
    with pytest.raises(InvalidModel, match="4 channels of uint8, the card says rgb8"):
        image_input((1, 8, 5, 4), "{type: rgb8}")


def test_blue_comes_first_in_channels_that_come_first() -> None:
    encoded = image_input((1, 3, 6, 5), "{type: bgr8}").encode(COLORS)
    np.testing.assert_array_equal(encoded[0], COLORS[:, :, ::-1].transpose(2, 0, 1))


def test_the_card_says_how_a_picture_gets_its_size() -> None:
    card = "{resize: letterbox, resampling: bilinear, fill: 0}"
    frame = image_input((1, 8, 5, 3), card).frame
    assert (frame.resize, frame.resampling, frame.fill) == ("letterbox", "bilinear", 0)


def test_a_model_that_answers_places_sees_the_whole_picture() -> None:
    with pytest.raises(InvalidModel, match=r"input\.resize: stretch"):
        image_input((1, 8, 5, 3), "{resize: crop}", largest=100)
