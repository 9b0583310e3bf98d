"""Whatever is sent as a picture is decoded as a viewer shows it, or refused by name."""

import io
import resource
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps
from unit.classify.pictures import (
    FORMATS,
    GRAY_FRAME,
    LIMIT,
    RGB_FRAME,
    blocks,
    difference,
    encode,
    png_header,
    png_of_sixteen_bits,
)

from meshlens.classify.errors import ClassifyError, ImageTooLarge, InvalidImage
from meshlens.classify.tasks.images.pixels import Frame, decode_image

# Pillow warns about damaged EXIF and the like, on bytes that it then refuses or reads all the same.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def decode(data: bytes, frame: Frame, *, max_pixels: int) -> NDArray[np.uint8]:
    return decode_image(data, frame, max_pixels=max_pixels).pixels


PLAIN = decode(encode(blocks()), RGB_FRAME, max_pixels=LIMIT)


@pytest.mark.parametrize("kind", FORMATS)
def test_each_allowed_format_shows_the_same_picture(kind: str) -> None:
    pixels = decode(encode(blocks(), kind), RGB_FRAME, max_pixels=LIMIT)
    assert pixels.shape == (32, 48, 3)
    assert pixels.dtype == np.uint8
    assert difference(pixels, PLAIN) < 2


@pytest.mark.parametrize("kind", ["PPM", "TGA", "ICO", "PCX", "JPEG2000", "EPS", "PDF"])
def test_a_format_that_is_not_allowed_is_refused_by_the_names_that_are(kind: str) -> None:
    with pytest.raises(InvalidImage, match="JPEG, PNG, WEBP, GIF, BMP, TIFF"):
        decode(encode(blocks(), kind), RGB_FRAME, max_pixels=LIMIT)


@pytest.mark.parametrize("body", [b"this is a text file, not a picture", b"\x00", b"FORM"])
def test_bytes_that_are_no_picture_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidImage, match="expected a picture") as fault:
        decode(body, RGB_FRAME, max_pixels=LIMIT)
    assert repr(body[:12]) in str(fault.value)


def test_an_empty_body_is_refused() -> None:
    with pytest.raises(InvalidImage, match="empty body"):
        decode(b"", RGB_FRAME, max_pixels=LIMIT)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("P", "PNG"),
        ("P", "GIF"),
        ("P", "BMP"),
        ("RGBA", "PNG"),
        ("RGBA", "WEBP"),
        ("PA", "TIFF"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("YCbCr", "TIFF"),
        ("RGBX", "TIFF"),
    ],
)
def test_a_picture_in_another_mode_looks_the_same(mode: str, kind: str) -> None:
    pixels = decode(encode(blocks().convert(mode), kind), RGB_FRAME, max_pixels=LIMIT)
    assert difference(pixels, PLAIN) < 2


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("mode", ["L", "1"])
def test_gray_stays_gray_for_a_model_of_colours(mode: str, kind: str) -> None:
    data = encode(blocks().convert(mode), kind)
    colours = decode(data, RGB_FRAME, max_pixels=LIMIT)
    gray = decode(data, GRAY_FRAME, max_pixels=LIMIT)
    assert gray.shape == (32, 48, 1)
    assert difference(colours, np.repeat(gray, 3, axis=2)) < 1


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "YCbCr"])
def test_colours_become_gray_for_a_model_of_gray(mode: str) -> None:
    gray = decode(encode(blocks().convert(mode), "JPEG"), GRAY_FRAME, max_pixels=LIMIT)
    expected = decode(encode(blocks().convert("L")), GRAY_FRAME, max_pixels=LIMIT)
    assert difference(gray, expected) < 2


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_gray_keep_their_upper_eight(kind: str) -> None:
    eight = np.asarray(blocks().convert("L"))
    sixteen = Image.fromarray(eight.astype(np.uint16) * 256 + 255)
    pixels = decode(encode(sixteen, kind), GRAY_FRAME, max_pixels=LIMIT)
    expected = decode(encode(Image.fromarray(eight)), GRAY_FRAME, max_pixels=LIMIT)
    assert difference(pixels, expected) == 0


@pytest.mark.parametrize(
    ("kind", "sample", "seen"),
    [
        (2, (0xFF80, 0x8000, 0x0040), (255, 128, 0)),
        (6, (0xFF80, 0x8000, 0x0040, 0xFFFF), (255, 128, 0)),
        (6, (0xFF80, 0x8000, 0x0040, 0), (255, 255, 255)),
        (4, (0x8000, 0), (255, 255, 255)),
    ],
)
def test_sixteen_bits_of_each_channel_keep_their_upper_eight(
    kind: int, sample: tuple[int, ...], seen: tuple[int, ...]
) -> None:
    data = png_of_sixteen_bits(kind, sample)
    assert (decode(data, RGB_FRAME, max_pixels=LIMIT) == seen).all()


@pytest.mark.parametrize("frame", [RGB_FRAME, GRAY_FRAME])
@pytest.mark.parametrize("sample", [(0x8012,), (0x8012, 0x4000, 0x2000)])
def test_the_transparent_colour_of_sixteen_bits_is_white(
    sample: tuple[int, ...], frame: Frame
) -> None:
    kind = 0 if len(sample) == 1 else 2
    clear = decode(png_of_sixteen_bits(kind, sample, sample), frame, max_pixels=LIMIT)
    assert (clear == 255).all()
    another = (sample[0] + 0x100, *sample[1:])
    shown = decode(png_of_sixteen_bits(kind, another, sample), frame, max_pixels=LIMIT)
    assert (shown < 255).all()


@pytest.mark.parametrize("mode", ["I", "F", "LAB"])
def test_a_mode_that_has_no_plain_look_is_refused_by_name(mode: str) -> None:
    picture = blocks().convert("L").convert(mode) if mode != "LAB" else blocks().convert("LAB")
    with pytest.raises(InvalidImage, match=f"mode {mode}"):
        decode(encode(picture, "TIFF"), RGB_FRAME, max_pixels=LIMIT)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF"])
def test_what_is_transparent_is_white(kind: str) -> None:
    clear = Image.new("RGBA", (60, 60), (255, 0, 0, 0))
    pixels = decode(encode(clear, kind), RGB_FRAME, max_pixels=LIMIT)
    assert (pixels == 255).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_of_several_frames_is_seen(kind: str) -> None:
    frames = [Image.new("RGB", (60, 60), colour) for colour in ("red", "lime")]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    pixels = decode(data, RGB_FRAME, max_pixels=LIMIT)
    assert difference(pixels, np.full_like(pixels, (255, 0, 0))) < 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_as_its_exif_says(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    data = encode(blocks(), kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    pixels = decode(data, RGB_FRAME, max_pixels=LIMIT)
    assert difference(pixels, np.asarray(upright.resize((48, 32), Image.Resampling.HAMMING))) < 2


@pytest.mark.parametrize("orientation", [0, 9, 60000])
def test_an_orientation_that_does_not_exist_is_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    pixels = decode(encode(blocks(), "PNG", exif=exif), RGB_FRAME, max_pixels=LIMIT)
    assert difference(pixels, PLAIN) == 0


def test_damaged_exif_does_not_spoil_a_whole_picture() -> None:
    data = encode(blocks(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff broken")
    assert difference(decode(data, RGB_FRAME, max_pixels=LIMIT), PLAIN) < 2


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (33, 17), (900, 700)])
@pytest.mark.parametrize("frame", [RGB_FRAME, GRAY_FRAME, Frame(1, 1, 3), Frame(300, 200, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_any_size_becomes_the_models_size(size: tuple[int, int], frame: Frame, kind: str) -> None:
    pixels = decode(encode(blocks(*size), kind), frame, max_pixels=LIMIT)
    assert pixels.shape == (frame.height, frame.width, frame.channels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_of_a_picture_is_what_a_viewer_sees(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    data = encode(blocks(240, 160), kind, exif=exif)
    seen = decode_image(data, Frame(100, 100, 3, fixed=False), max_pixels=LIMIT)
    lies = orientation >= 5
    assert (seen.width, seen.height) == ((160, 240) if lies else (240, 160))
    assert seen.pixels.shape == ((100, 67, 3) if lies else (67, 100, 3))


def test_a_picture_within_the_bounds_is_left_as_it_is() -> None:
    seen = decode_image(encode(blocks(60, 40)), Frame(60, 60, 3, fixed=False), max_pixels=LIMIT)
    np.testing.assert_array_equal(seen.pixels, np.asarray(blocks(60, 40)))


def test_a_picture_as_long_as_a_line_still_has_a_pixel_of_width() -> None:
    seen = decode_image(encode(blocks(5000, 1)), Frame(100, 100, 3, fixed=False), max_pixels=LIMIT)
    assert seen.pixels.shape == (1, 100, 3)


def test_a_scaled_jpeg_looks_like_the_whole_one() -> None:
    large = blocks(width=960, height=640)
    scaled = decode(encode(large, "JPEG", quality=95), RGB_FRAME, max_pixels=LIMIT)
    whole = decode(encode(large, "PNG"), RGB_FRAME, max_pixels=LIMIT)
    assert difference(scaled, whole) < 3


def test_a_picture_of_a_gigapixel_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ImageTooLarge, match="at most 1000000 pixels, got 2500000000") as fault:
        decode(png_header(50_000, 50_000), RGB_FRAME, max_pixels=LIMIT)
    assert fault.value.limit == LIMIT


def test_a_gif_whose_frame_is_larger_than_its_screen_is_refused() -> None:
    screen = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x02\x01\x00\x00;"
    with pytest.raises(ImageTooLarge, match="3600000000 pixels"):
        decode(screen + frame, RGB_FRAME, max_pixels=LIMIT)


def test_a_gif_gets_no_canvas_beyond_the_limit_when_it_is_opened() -> None:
    screen = b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0)
    restored = b"!\xf9\x04" + struct.pack("<BHB", 2 << 2, 0, 0) + b"\x00"  # to the background
    frame = b"," + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x02\x01\x00\x00;"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageTooLarge, match="3600000000 pixels"):
        decode(screen + restored + frame, RGB_FRAME, max_pixels=LIMIT)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20  # kilobytes


def test_the_limit_counts_pixels_and_is_allowed_itself() -> None:
    data = encode(blocks(100, 100))
    assert decode(data, RGB_FRAME, max_pixels=10_000).shape == (32, 48, 3)
    with pytest.raises(ImageTooLarge, match="100 x 100"):
        decode(data, RGB_FRAME, max_pixels=9_999)


def test_pillows_own_limit_holds_outside_and_follows_ours_inside() -> None:
    limit = Image.MAX_IMAGE_PIXELS
    assert limit is not None
    with pytest.raises(InvalidImage, match="truncated"):
        decode(png_header(limit, 3), RGB_FRAME, max_pixels=4 * limit)
    assert limit == Image.MAX_IMAGE_PIXELS
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(png_header(limit, 3)))


def test_pillows_own_limit_is_back_after_decodes_at_once() -> None:
    limit, data = Image.MAX_IMAGE_PIXELS, encode(blocks())
    with ThreadPoolExecutor(8) as threads:
        decoded = threads.map(lambda _: decode(data, RGB_FRAME, max_pixels=LIMIT), range(64))
        assert all(difference(pixels, PLAIN) == 0 for pixels in decoded)
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("kind", ["BMP", "PNG"])
def test_a_picture_without_pixels_is_refused(kind: str) -> None:
    if kind == "PNG":
        data = png_header(0, 5)
    else:
        whole = encode(blocks(4, 4), "BMP")
        data = whole[:18] + bytes(8) + whole[26:]
    with pytest.raises(InvalidImage):
        decode(data, RGB_FRAME, max_pixels=LIMIT)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
@settings(deadline=None, max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_picture_is_refused_or_was_whole(kind: str, share: float) -> None:
    data = encode(blocks(), kind)
    whole = decode(data, RGB_FRAME, max_pixels=LIMIT)
    try:
        image = decode_image(data[: int(share * len(data))], RGB_FRAME, max_pixels=LIMIT)
    except InvalidImage:
        return
    if image.reading.notes:
        assert "end marker" in image.reading.notes[0]
        assert difference(image.pixels, whole) < 8
    else:
        assert difference(image.pixels, whole) == 0


@pytest.mark.parametrize("lost", [5000, 20_000, 60_000])
def test_a_truncated_photograph_is_refused(shared: Path, lost: int) -> None:
    data = (shared / "images/grace_hopper.jpg").read_bytes()
    with pytest.raises(InvalidImage, match="truncated"):
        decode(data[:-lost], RGB_FRAME, max_pixels=LIMIT)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(
    start=st.sampled_from(
        [
            b"",
            b"\xff\xd8\xff\xe0",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a",
            b"BM",
            b"II*\x00",
            b"MM\x00*",
            b"RIFF\x20\x00\x00\x00WEBPVP8 ",
            b"RIFF\x20\x00\x00\x00WEBPVP8L",
        ]
    ),
    rest=st.binary(max_size=300),
)
def test_arbitrary_bytes_raise_nothing_but_our_errors(start: bytes, rest: bytes) -> None:
    with suppress(ClassifyError):
        decode(start + rest, RGB_FRAME, max_pixels=LIMIT)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.dictionaries(st.integers(0, 10**6), st.integers(0, 255), max_size=8))
def test_damaged_pictures_raise_nothing_but_our_errors(kind: str, changes: dict[int, int]) -> None:
    data = bytearray(encode(blocks(60, 40), kind))
    for place, value in changes.items():
        # Most of what a decoder believes stands at the beginning.
        data[place % min(len(data), 200)] = value
    with suppress(ClassifyError):
        pixels = decode(bytes(data), RGB_FRAME, max_pixels=LIMIT)
        assert pixels.shape == (32, 48, 3)
