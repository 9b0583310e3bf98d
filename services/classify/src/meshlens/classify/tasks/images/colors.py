"""The colors of a decoded image -> gray, RGB or RGBA as a viewer shows them."""

import functools
import io

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms

from meshlens.classify.errors import InvalidImage

# Modes of 8 bits a channel that Pillow converts to RGB and to gray as a viewer would show them.
_PLAIN_MODES = frozenset({"1", "L", "RGB", "RGBX", "YCbCr", "HSV", "CMYK"})
_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_WHITE = 255
_WIDE_GRAY_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})

# The mode of the images that a profile is for, by its space.
_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
_BECOMES_RGB = frozenset({"L", "P", "1", "RGBA", "RGBX", "YCbCr", "HSV"})
# A color that a conversion moves by less looks the same, and costs no conversion.
_SAME = 2
_PROBE = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), -1).reshape(1, -1, 3)
_LARGEST_PROFILE = 4 * 1024 * 1024
_LONGEST_NAME = 80


def convert_profile(image: Pillow.Image) -> tuple[Pillow.Image, str, str]:
    """Return `image` in sRGB, the name of the profile it was in, and a note if that is unusable.

    An image without a profile, or with that of sRGB, is returned as it is, with no name.
    """
    data = image.info.get("icc_profile")
    if not data:
        return image, "", ""
    try:
        space, name = _read_profile(data)
        return (_convert(image, data, space) if name else image), name, ""
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        return image, "", f"the color profile was not applied: {error}"


@functools.lru_cache(maxsize=16)
def _read_profile(data: bytes) -> tuple[str, str]:
    """Return the mode that a profile is for, and its name; that is empty if it changes no color.

    Raises:
        ValueError, PyCMSError, OSError: it is broken, or for no mode of images.
    """
    if len(data) > _LARGEST_PROFILE:
        raise ValueError(f"it has {len(data)} bytes")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(data)).profile
    space = profile.xcolor_space.strip()
    if space not in _MODES:
        raise ValueError(f"it is for {space}")
    mode = _MODES[space]
    name = (profile.profile_description or "a profile without a name").strip()[:_LONGEST_NAME]
    if mode == "CMYK":
        return mode, name
    probe = Pillow.fromarray(_PROBE).convert(mode)
    moved = np.asarray(_transform(probe, data)).astype(int) - np.asarray(probe.convert("RGB"))
    return mode, name if np.abs(moved).max() > _SAME else ""


def _convert(image: Pillow.Image, data: bytes, mode: str) -> Pillow.Image:
    """Return `image` in sRGB, its alpha as it was.

    Raises:
        ValueError, PyCMSError: its mode is not one that the profile is for.
    """
    alpha = None
    if image.mode in _ALPHA_MODES or image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
    wanted = image.mode == mode or (mode == "RGB" and image.mode in _BECOMES_RGB)
    if not wanted:
        raise ValueError(f"it is for {mode}, the picture is {image.mode}")
    converted = _transform(image.convert(mode), data)
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _transform(image: Pillow.Image, data: bytes) -> Pillow.Image:
    converted = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(data)),
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
    )
    assert converted is not None, "it is not converted in place"  # noqa: S101 - for the type checker
    return converted


def flatten(image: Pillow.Image, mode: str) -> Pillow.Image:
    """Return `image` in `mode`, L or RGB as a viewer on a white page would show it, or RGBA.

    Raises:
        InvalidImage: its mode has no plain look.
    """
    clear = image.info.get("transparency")
    if image.mode in _WIDE_GRAY_MODES:
        wide = np.asarray(image)
        gray = (wide >> 8).astype(np.uint8)
        if isinstance(clear, int):
            gray[wide == clear] = _WHITE
        return Pillow.fromarray(gray).convert(mode)
    if image.mode == "RGB" and isinstance(clear, tuple) and max(clear) > _WHITE:
        # Of 16 bits a channel Pillow keeps 8, but not of the colour that is transparent.
        image.info["transparency"] = tuple(level >> 8 for level in clear)
    if image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode in _ALPHA_MODES or image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in _PLAIN_MODES:
        raise InvalidImage(
            "expected 8 or 16 bits for each channel",
            got=f"a picture of mode {image.mode}",
            remedy="convert it to RGB",
        )
    if image.mode == "RGBA" != mode:
        page = Pillow.new("RGBA", image.size, "white")
        page.alpha_composite(image)
        image = page
    return image if image.mode == mode else image.convert(mode)


def fill_empty_alpha(image: Pillow.Image) -> bool:
    """Make a BMP opaque whose alpha is 0 everywhere, and return whether it was.

    Many programs write that byte and leave it 0; Windows and Photoshop show such a file opaque.
    """
    if image.format != "BMP" or image.mode != "RGBA" or image.getchannel("A").getextrema()[1]:
        return False
    image.putalpha(_WHITE)
    return True
