"""A picture is read as viewers show it, and the answer says what was done to it."""

import importlib
import struct

import numpy as np
import pytest
from installed import need_module
from PIL import Image, ImageCms
from unit.classify.pictures import (
    GRAY_FRAME,
    LIMIT,
    RGB_FRAME,
    blocks,
    difference,
    encode,
)

from meshlens.classify.errors import ImageTooLarge, InvalidImage
from meshlens.classify.formats.card import Resampling, Resize
from meshlens.classify.tasks.images.pixels import Frame, decode_image
from meshlens.classify.tasks.images.pixels import Image as Seen
from meshlens.classify.tasks.images.reading import Reading

SQUARE = Frame(32, 32, 3)
WIDE = Frame(48, 24, 3)


def decode(data: bytes, frame: Frame = RGB_FRAME, max_pixels: int = LIMIT) -> Seen:
    return decode_image(data, frame, max_pixels=max_pixels)


def plain(
    color: tuple[int, ...], mode: str = "RGB", size: tuple[int, int] = (48, 32)
) -> Image.Image:
    return Image.new(mode, size, color)


def srgb() -> bytearray:
    return bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


def permuted_profile() -> bytes:
    """A profile of pictures whose channels are stored as green, blue, red."""
    profile = srgb()
    (count,) = struct.unpack(">I", profile[128:132])
    entries = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    places = {tag: bytes(profile[at + 4 : at + 12]) for tag, at in entries.items()}
    for tag, other in ((b"rXYZ", b"gXYZ"), (b"gXYZ", b"bXYZ"), (b"bXYZ", b"rXYZ")):
        profile[entries[tag] + 4 : entries[tag] + 12] = places[other]
    return bytes(profile)


def shown(image: Seen) -> list[int]:
    return [round(level) for level in image.pixels.reshape(-1, image.pixels.shape[2]).mean(axis=0)]


def near(image: Seen, color: tuple[int, ...]) -> bool:
    return all(abs(level - wanted) < 6 for level, wanted in zip(shown(image), color, strict=True))


# Color profiles ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_colors_are_converted_from_their_profile(kind: str) -> None:
    data = encode(plain((60, 60, 200)), kind, icc_profile=permuted_profile())
    image = decode(data)
    assert near(image, (200, 60, 60))
    assert "converted to sRGB" in image.reading.profile


def test_a_profile_of_srgb_changes_nothing_and_is_not_told() -> None:
    data = encode(blocks(), icc_profile=bytes(srgb()))
    assert difference(decode(data).pixels, decode(encode(blocks())).pixels) == 0
    assert decode(data).reading == decode(encode(blocks())).reading


@pytest.mark.parametrize("mode", ["RGBA", "P", "L"])
def test_modes_that_can_become_rgb_are_converted(mode: str) -> None:
    picture = plain((60, 60, 200)).convert(mode)
    image = decode(encode(picture, icc_profile=permuted_profile()))
    expected = (200, 60, 60) if mode != "L" else (73, 73, 73)
    assert near(image, expected)


def test_alpha_is_kept_beside_converted_colors() -> None:
    picture = plain((60, 60, 200, 0), "RGBA")
    assert near(decode(encode(picture, icc_profile=permuted_profile())), (255, 255, 255))


def test_gray_of_a_picture_with_a_profile_is_that_of_its_colors() -> None:
    data = encode(plain((0, 0, 255)), "JPEG", icc_profile=permuted_profile())
    assert near(decode(data, GRAY_FRAME), (76,))


@pytest.mark.parametrize("profile", [b"no profile", permuted_profile()[:200], b"\0" * 500])
def test_a_broken_profile_is_told_and_left_out(profile: bytes) -> None:
    image = decode(encode(plain((60, 60, 200)), icc_profile=profile))
    assert near(image, (60, 60, 200))
    assert "the color profile was not applied" in image.reading.notes[0]


def test_a_profile_for_another_mode_is_told_and_left_out() -> None:
    picture = plain((0, 255, 255, 0), "CMYK")
    image = decode(encode(picture, "TIFF", icc_profile=permuted_profile()))
    assert near(image, (255, 0, 0))
    assert "it is for RGB, the picture is CMYK" in image.reading.notes[0]


# Formats -----------------------------------------------------------------------------------------


def test_a_bmp_whose_alpha_is_empty_is_opaque() -> None:
    image = decode(bmp_with_alpha(0))
    assert near(image, (200, 60, 60))
    assert "alpha is 0 everywhere" in image.reading.notes[0]


def test_a_bmp_with_some_alpha_is_laid_over_white() -> None:
    image = decode(bmp_with_alpha(0, 255))
    assert shown(image)[1] > 100
    assert image.reading.notes == ()


def bmp_with_alpha(*levels: int) -> bytes:
    """A BMP with the header of version 4 and rows of red, each with one of the levels of alpha."""
    width, height = 48, 32
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, 0, 2835, 2835, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header += masks + b"BGRs" + bytes(36) + bytes(12)
    pixels = b"".join(
        bytes((60, 60, 200, levels[row % len(levels)])) * width for row in range(height)
    )
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + pixels


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG", "AVIF"])
def test_the_first_of_several_frames_is_told_as_such(kind: str) -> None:
    frames = [plain(color) for color in ((200, 60, 60), (60, 200, 60))]
    image = decode(encode(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert near(image, (200, 60, 60))
    assert image.reading.frame == "the first of several"
    assert decode(encode(frames[0], kind)).reading.frame == ""


@pytest.mark.parametrize("lost", [2, 1])
def test_a_jpeg_without_its_end_marker_is_whole(lost: int) -> None:
    data = encode(blocks(), "JPEG")
    image = decode(data[:-lost])
    assert difference(image.pixels, decode(data).pixels) == 0
    assert image.reading.notes == (
        "the JPEG ends without its end marker: nothing that the model sees is lost",
    )


def test_a_jpeg_that_is_cut_off_near_its_end_says_what_is_lost() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (640, 640, 3), np.uint8)
    data = encode(Image.fromarray(noise), "JPEG", quality=90)
    image = decode(data[: -len(data) // 100], Frame(640, 640, 3))
    assert "rows are gray" in image.reading.notes[0]
    with pytest.raises(InvalidImage, match="truncated"):
        decode(data[: -len(data) // 10], Frame(640, 640, 3))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_is_cut_off_anywhere_is_refused_or_almost_whole(mode: str) -> None:
    data = encode(blocks(120, 80).convert(mode), "JPEG")
    whole = decode(data)
    refused = 0
    for length in range(2, len(data) - 2):
        try:
            image = decode(data[:length])
        except (InvalidImage, ImageTooLarge):
            refused += 1
        else:
            assert "without its end marker" in image.reading.notes[0]
            assert difference(image.pixels, whole.pixels) < 5
    assert refused > len(data) / 2


def test_a_progressive_jpeg_that_is_cut_off_is_refused() -> None:
    data = encode(blocks(), "JPEG", progressive=True)
    for lost in (2, 10, 100, 1000):
        with pytest.raises(InvalidImage, match="truncated"):
            decode(data[:-lost])


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_other_formats_that_are_cut_off_are_refused(kind: str) -> None:
    data = encode(blocks(), kind)
    with pytest.raises(InvalidImage):
        decode(data[: len(data) * 3 // 4])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "MP4"),
        (b"\0\0\0\x18ftypqt  \0\0\2\0", "QuickTime"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "RAW (CR3)"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- made by hand -->\n<svg>", "SVG"),
        (b"8BPS\0\1", "PSD"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\1\0\1\0", "ICO"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"PK\x03\x04", "ZIP"),
        (b'{"image": "..."}', "JSON"),
    ],
)
def test_a_known_format_is_refused_by_its_name(data: bytes, name: str) -> None:
    with pytest.raises(InvalidImage) as fault:
        decode(data + bytes(64))
    assert f"got {name}; convert the {name} file" in str(fault.value)
    assert "begin with" not in str(fault.value)


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"hevc"])
def test_heic_that_cannot_be_read_is_refused_by_its_name(brand: bytes) -> None:
    with pytest.raises(
        InvalidImage, match=r"got HEIC; (is it truncated|convert the HEIC file, or)"
    ):
        decode(b"\0\0\0\x18ftyp" + brand + bytes(64))


def test_heic_is_read_where_its_decoder_is_installed() -> None:
    need_module("pillow_heif", "uv sync")
    importlib.import_module("pillow_heif").register_heif_opener()
    data = encode(blocks(240, 160), "HEIF", quality=95)
    image = decode(data)
    assert (image.width, image.height) == (240, 160)
    assert difference(image.pixels, decode(encode(blocks(240, 160))).pixels) < 8
    with pytest.raises(ImageTooLarge):
        decode(data, max_pixels=100)


@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")
def test_a_large_jpeg_is_decoded_at_a_scale_within_the_limit() -> None:
    data = encode(blocks(900, 600), "JPEG")
    image = decode(data, max_pixels=200_000)
    assert (image.width, image.height) == (900, 600)
    assert difference(image.pixels, decode(data).pixels) == 0
    with pytest.raises(ImageTooLarge, match="540000 pixels"):
        decode(data, max_pixels=100_000)
    with pytest.raises(ImageTooLarge, match="900 x 600"):
        decode(data, Frame(500, 500, 3), max_pixels=200_000)


@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")
def test_a_large_progressive_jpeg_is_refused_because_it_is_held_whole() -> None:
    data = encode(blocks(900, 600), "JPEG", progressive=True)
    with pytest.raises(ImageTooLarge, match="900 x 600"):
        decode(data, max_pixels=200_000)


# Shape and size ----------------------------------------------------------------------------------


def halves() -> Image.Image:
    """A wide picture: red, white in its middle square, blue."""
    picture = Image.new("RGB", (160, 80), "white")
    picture.paste("red", (0, 0, 40, 80))
    picture.paste("blue", (120, 0, 160, 80))
    return picture


def test_a_crop_is_the_middle_as_large_as_it_can_be() -> None:
    image = decode(encode(halves()), Frame(32, 32, 3, resize=Resize.CROP))
    # Only the filter reaches a pixel beyond.
    assert (image.pixels[:, 1:-1] == 255).all()
    assert image.region == (40, 0, 120, 80)
    assert image.reading.resized == "cropped"


def test_a_letterbox_shows_everything_between_bars() -> None:
    image = decode(encode(halves()), Frame(32, 32, 3, resize=Resize.LETTERBOX, fill=7))
    assert (image.pixels[:8] == 7).all()
    assert (image.pixels[24:] == 7).all()
    assert (image.pixels[8:24, 0] == (255, 0, 0)).all()
    assert (image.pixels[8:24, 31] == (0, 0, 255)).all()
    assert image.region == (0, -40, 160, 120)
    assert image.reading.resized == "letterboxed"


def test_a_stretched_picture_is_told_as_such() -> None:
    assert decode(encode(halves()), SQUARE).reading.resized == "stretched"
    assert decode(encode(halves()), Frame(64, 32, 3)).reading.resized == ""


@pytest.mark.parametrize("resize", [Resize.CROP, Resize.LETTERBOX])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_is_shown_of_a_turned_picture_is_that_of_the_upright_one(
    resize: Resize, orientation: int, kind: str
) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    frame = Frame(48, 24, 3, resize=resize)
    data = encode(blocks(120, 80), kind, exif=exif)
    image = decode(data, frame)
    upright = Image.fromarray(decode(data, Frame(image.width, image.height, 3)).pixels)
    expected = decode(encode(upright), frame)
    assert difference(image.pixels, expected.pixels) < 3
    assert image.region == expected.region
    assert image.reading.orientation == orientation


@pytest.mark.parametrize("resampling", Resampling)
def test_the_filter_is_the_one_of_the_frame(resampling: Resampling) -> None:
    frame = Frame(40, 40, 3, resampling=resampling)
    expected = blocks(60, 60).resize((40, 40), Image.Resampling[resampling.name])
    assert difference(decode(encode(blocks(60, 60)), frame).pixels, np.asarray(expected)) < 1


def test_a_frame_with_alpha_gets_it() -> None:
    frame = Frame(48, 32, 4)
    assert near(decode(encode(plain((200, 60, 60, 128), "RGBA")), frame), (200, 60, 60, 128))
    assert near(decode(encode(plain((200, 60, 60)), "JPEG"), frame), (200, 60, 60, 255))
    boxed = Frame(32, 32, 4, resize=Resize.LETTERBOX)
    assert decode(encode(halves()), boxed).pixels[0, 0].tolist() == [114, 114, 114, 255]


def test_a_plain_picture_has_nothing_to_tell() -> None:
    assert decode(encode(blocks(48, 32))).reading.model_dump() == {}


def test_the_reading_is_one_sentence_or_none() -> None:
    assert Reading().describe() == ""
    reading = Reading(
        orientation=5,
        frame="the first of several",
        profile="Display P3, converted to sRGB",
        resized="stretched",
        notes=("alpha is 0 everywhere: taken for opaque",),
        assumed=("pixels from 0 to 255",),
    )
    assert reading.describe() == (
        "The picture as it was read: turned upright; mirrored back; the first of several in the"
        " file; colors of Display P3, converted to sRGB; stretched to the shape that the model"
        " takes; alpha is 0 everywhere: taken for opaque; assumed: pixels from 0 to 255."
    )
