"""Bytes of an image -> pixels of the size that a model wants.

Unless a card says otherwise, pixels are resized with Pillow's Hamming filter, an average over the
area that keeps edges, without regard to the aspect, as the public models' own figures were
measured. A JPEG is decoded at the smallest scale (1/8, 1/4, 1/2, 1) that is not below the model's
size: half of the work is saved, and probabilities move by some hundredths.
"""

import io
import math
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from meshlens.classify.errors import InvalidImage
from meshlens.classify.formats.card import Resampling, Resize
from meshlens.classify.tasks.images.colors import convert_profile, fill_empty_alpha, flatten
from meshlens.classify.tasks.images.containers import (
    PILLOWS_LIMIT,
    check_size,
    complete_jpeg,
    find_orientation,
    has_several,
    open_image,
    refusing,
)
from meshlens.classify.tasks.images.reading import Reading
from meshlens.timing import Phase, noted

# The default: a camera's image, and up to 200 MB once it is decoded.
MAX_PIXELS = 50_000_000

_TRANSPOSITIONS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
_SWAPS_SIDES = frozenset({5, 6, 7, 8})
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_RESIZED = {
    Resize.STRETCH: "stretched",
    Resize.CROP: "cropped",
    Resize.LETTERBOX: "letterboxed",
}
_FILTERS = {filter_: Pillow.Resampling[filter_.name] for filter_ in Resampling}
# Aspects that differ by less are one: sides are whole pixels.
_SAME_ASPECT = 0.01


@dataclass(frozen=True, slots=True)
class Frame:
    """What a model wants its images to be.

    Attributes:
        width: in pixels.
        height: in pixels.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA).
        fixed: whether an image gets exactly that size; else it keeps its aspect, is made smaller
            if it is larger, and left as it is otherwise.
        resize: how an image of another aspect gets that size.
        resampling: the filter.
        fill: gray of the bars of a letterbox.
    """

    width: int
    height: int
    channels: int
    fixed: bool = True
    resize: Resize = Resize.STRETCH
    resampling: Resampling = Resampling.HAMMING
    fill: int = 114

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height in this frame of an image of that size."""
        if self.fixed and self.resize is not Resize.LETTERBOX:
            return self.width, self.height
        scale = min(self.width / width, self.height / height)
        if not self.fixed:
            scale = min(scale, 1.0)
        return max(round(width * scale), 1), max(round(height * scale), 1)

    @property
    def crops(self) -> bool:
        """Whether only the middle of an image is shown."""
        return self.fixed and self.resize is Resize.CROP

    def crop(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return the part of an image of that size that is shown: left, top, right, bottom."""
        if not self.crops:
            return 0, 0, width, height
        wide = min(width, height * self.width / self.height)
        high = min(height, width * self.height / self.width)
        left, top = (width - wide) / 2, (height - high) / 2
        return left, top, left + wide, top + high

    def describe_fit(self, width: int, height: int) -> str:
        """Return what became of an image of that size, empty if its aspect is the frame's."""
        aspects = self.width * height / (self.height * width)
        return _RESIZED[self.resize] if self.fixed and abs(aspects - 1) > _SAME_ASPECT else ""


# Pixels, the whole image's own size, what was done to it.
_Read: TypeAlias = tuple[Pillow.Image, tuple[int, int], Reading]
# Larger than any image.
_WHOLE = Frame(width=1 << 30, height=1 << 30, channels=3, fixed=False)


@dataclass(frozen=True, slots=True)
class Image:
    """An image as its owner sees it, upright, perhaps of another size.

    Attributes:
        pixels: (h, w, channels), gray, RGB or RGBA, 0 to 255.
        width: of the whole image, upright, in pixels.
        height: likewise.
        region: what `pixels` show, in pixels of the whole image: left, top, right, bottom; a
            letterbox reaches beyond the image. None if they show all of it and nothing else.
        reading: what was done to it.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    region: tuple[float, float, float, float] | None = None
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that was decoded once, of which models of any frame see all or a part.

    Attributes:
        whole: RGB of 8 bits, upright; several threads may read it.
        reading: what was done to it.
    """

    whole: Pillow.Image
    reading: Reading = field(default_factory=Reading)

    def show(self, frame: Frame) -> Image:
        """Return what `decode_image` returns of a PNG with these pixels."""
        own = self.whole.size
        pixels = _resize(flatten(self.whole, _MODES[frame.channels]), frame, turned=False)
        resized = frame.describe_fit(*own)
        return _put_in(frame, pixels, own, self.reading.model_copy(update={"resized": resized}))

    def cut(self, left: float, top: float, right: float, bottom: float) -> "Picture":
        """Return the part between four sides, in pixels; whole pixels, and none outside of it.

        Raises:
            InvalidImage: there is none.
        """
        low = max(math.floor(left), 0), max(math.floor(top), 0)
        high = min(math.ceil(right), self.whole.width), min(math.ceil(bottom), self.whole.height)
        if left >= right or top >= bottom or low[0] >= high[0] or low[1] >= high[1]:
            raise InvalidImage(
                f"expected a box with an area in {self.whole.width} x {self.whole.height} pixels",
                got=f"{left:g}, {top:g} to {right:g}, {bottom:g}",
                remedy="set a higher threshold, or use another detector",
            )
        return Picture(self.whole.crop((*low, *high)))


def gray_image(frame: Frame) -> Image:
    """Return an image of `frame` that shows nothing."""
    shape = frame.height, frame.width, frame.channels
    return Image(np.full(shape, 127, dtype=np.uint8), frame.width, frame.height)


@noted(Phase.DECODE)
def decode_image(data: bytes, frame: Frame, *, max_pixels: int) -> Image:
    """Return the first image in `data`, upright, with the pixels that `frame` wants.

    Colors are those of sRGB; alpha is laid over white unless the frame has it; 16-bit gray keeps
    its upper 8 bits.

    Raises:
        ImageTooLarge: more pixels than `max_pixels` would have to be decoded; none was.
        InvalidImage: empty, of no allowed format, truncated or damaged.
    """
    return _put_in(frame, *_read(data, frame, max_pixels))


@noted(Phase.DECODE)
def decode_picture(data: bytes, *, max_pixels: int) -> Picture:
    """Return all pixels of the first image in `data`, upright, in sRGB, on white where it is clear.

    Raises:
        ImageTooLarge: more pixels than `max_pixels` would have to be decoded; none was.
        InvalidImage: empty, of no allowed format, truncated or damaged.
    """
    pixels, _, reading = _read(data, _WHOLE, max_pixels)
    return Picture(pixels, reading)


def _read(data: bytes, frame: Frame, max_pixels: int) -> _Read:
    """Return what a frame shows of the first image in `data`, upright; a letterbox has no bars."""
    if not data:
        raise InvalidImage(
            "expected a picture", got="an empty body", remedy="send the bytes of the file"
        )
    with refusing(data, max_pixels), PILLOWS_LIMIT.follow(max_pixels):
        try:
            return _decode(data, frame, max_pixels)
        except UnidentifiedImageError:
            raise
        except OSError:
            completed = complete_jpeg(data, _MODES[frame.channels], _needed(frame), max_pixels)
            if completed is None:
                raise
            whole, note = completed
            return _decode(whole, frame, max_pixels, note)


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return the PNG of (h, w, 1, 3 or 4) pixels."""
    file = io.BytesIO()
    plain = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    Pillow.fromarray(plain).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _needed(frame: Frame) -> tuple[int, int]:
    """Return the least size to decode: the longer side twice, as the image may lie on its side."""
    longer = max(frame.width, frame.height)
    return longer, longer


def _decode(data: bytes, frame: Frame, max_pixels: int, *notes: str) -> _Read:
    with open_image(data) as image:
        width, height = image.size
        mode = _MODES[frame.channels]
        plain = mode == "L" and "icc_profile" not in image.info
        image.draft("L" if plain else "RGB", _needed(frame))
        check_size(image, width, height, max_pixels)
        image.load()
        orientation = find_orientation(image)
        turned = orientation in _SWAPS_SIDES
        own = (height, width) if turned else (width, height)
        if fill_empty_alpha(image):
            notes += ("alpha is 0 everywhere: taken for opaque",)
        converted, profile, note = convert_profile(image)
        notes += (note,) if note else ()
        pixels = _resize(flatten(converted, mode), frame, turned=turned)
        several = has_several(image)
    if orientation in _TRANSPOSITIONS:
        pixels = pixels.transpose(_TRANSPOSITIONS[orientation])
    reading = Reading(
        orientation=orientation if orientation in _TRANSPOSITIONS else 1,
        frame="the first of several" if several else "",
        profile=f"{profile}, converted to sRGB" if profile else "",
        resized=frame.describe_fit(*own),
        notes=notes,
    )
    return pixels, own, reading


def _put_in(frame: Frame, pixels: Pillow.Image, own: tuple[int, int], reading: Reading) -> Image:
    """Return what has been resized for `frame`, of an image whose own size is `own`."""
    region = frame.crop(*own) if frame.crops else None
    if frame.fixed and pixels.size != (frame.width, frame.height):
        pixels, region = _letterbox(pixels, frame, own)
    array = np.asarray(pixels).reshape(pixels.height, pixels.width, frame.channels)
    return Image(array, *own, region, reading)


def _letterbox(
    image: Pillow.Image, frame: Frame, own: tuple[int, int]
) -> tuple[Pillow.Image, tuple[float, float, float, float]]:
    """Return an upright image in the middle of `frame`, and the region that then is shown."""
    bars = f"rgb({frame.fill}, {frame.fill}, {frame.fill})"
    page = Pillow.new(image.mode, (frame.width, frame.height), bars)
    left, top = (page.width - image.width) // 2, (page.height - image.height) // 2
    page.paste(image, (left, top))
    across, down = own[0] / image.width, own[1] / image.height
    region = (
        -left * across,
        -top * down,
        (page.width - left) * across,
        (page.height - top) * down,
    )
    return page, region


def _resize(image: Pillow.Image, frame: Frame, *, turned: bool) -> Pillow.Image:
    """Return what the frame shows of an image that is not turned upright yet."""
    width, height = image.size
    # Where sides are swapped, so are those of the frame; what is centred stays where it is.
    left, top, right, bottom = frame.crop(*((height, width) if turned else (width, height)))
    chosen = frame.fit(*((height, width) if turned else (width, height)))
    box = (top, left, bottom, right) if turned else (left, top, right, bottom)
    lying = chosen[::-1] if turned else chosen
    if image.size == lying and box == (0, 0, width, height):
        return image
    # Its first, coarser step is an average of whole pixels.
    gap = None if frame.resampling is Resampling.NEAREST else 2.0
    return image.resize(lying, _FILTERS[frame.resampling], box=box, reducing_gap=gap)
