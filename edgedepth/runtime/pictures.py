"""Pictures from files, whatever their mode, as upright 8-bit RGB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from edgedepth.errors import InputError

FULL_16_BIT = 65535


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read an image file.

    The EXIF orientation is applied; of an animation the first frame is taken.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: not an image, damaged, or of a kind whose brightness has no agreed range.
    """
    with _opened(path) as image:
        return to_rgb(ImageOps.exif_transpose(image))


def require_picture(path: Path) -> None:
    """Check a file's header, without reading its pixels.

    Raises:
        InputError: not an image.
    """
    with _opened(path):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            yield image
    except InputError as error:
        raise InputError(f"{path}: {error.cause}", error.evidence, error.remedy) from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path} is not an image.", _opening_bytes(path), "Name a PNG, JPEG, WebP, BMP or TIFF file."
        ) from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} is too large a picture.", str(error), "Scale it down first.") from error
    except Exception as error:  # each of Pillow's decoders raises its own kind on damaged data
        raise InputError(
            f"{path} cannot be read as an image.", str(error) or type(error).__name__, "Replace the file."
        ) from error


def to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Any picture as 8-bit RGB.

    Grey becomes three equal channels; 16-bit grey is scaled from 0..65535, not clipped; palettes are
    looked up; what is transparent shows white, as image viewers do.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: a float picture, or an integer one beyond 16 bits.
    """
    if image.mode == "F":
        raise InputError("Its pixels are floats.", "Their range is not stated.", "Convert it to 8 or 16 bits.")
    if image.mode.startswith("I"):
        return _from_integers(np.asarray(image))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return np.asarray(Image.alpha_composite(ground, layer).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def _from_integers(values: NDArray[np.integer]) -> NDArray[np.uint8]:
    wide = values.astype(np.int64)
    low, high = int(np.min(wide)), int(np.max(wide))
    if low < 0 or high > FULL_16_BIT:
        raise InputError(
            "Its pixels do not fit 16 bits.",
            f"They reach from {low} to {high}.",
            "Convert it to 8 bits.",
        )
    grey = ((wide * 255 + FULL_16_BIT // 2) // FULL_16_BIT).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _opening_bytes(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(12)
    return f"It starts with {start!r}." if start else "It is empty."
