"""Reference inputs of the parity check, and calibration pictures: rendered streets, noise, or the user's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from edgedepth.errors import InputError
from edgedepth.scenes import street_frames

CALIBRATION_SCENES = 4
MOST_CALIBRATION_PICTURES = 16
_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
_SCENE_SEED = 2024
_NOISE_SEED = 0


@dataclass(frozen=True)
class ReferencePicture:
    """An input with a name: uint8 (H, W, 3) RGB."""

    name: str
    description: str
    pixels: NDArray[np.uint8]

    def tensor(self) -> torch.Tensor:
        """(1, 3, H, W) float32 in 0..1."""
        return torch.from_numpy(self.pixels.copy()).permute(2, 0, 1)[None].float() / 255


@dataclass(frozen=True)
class Calibration:
    """Pictures that windows are chosen on, with what the manifest says about them."""

    pictures: list[ReferencePicture]
    description: str
    sha256: str


def _resized(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return np.asarray(upright.resize((size[1], size[0]), Image.Resampling.LANCZOS))
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(
            f"{path} cannot be read as a picture.", str(error)[:160], "Name a PNG or JPEG file."
        ) from error


def reference_pictures(size: tuple[int, int], own: Path | None) -> list[ReferencePicture]:
    """A picture (the user's own, or a rendered street) and seeded noise.

    Raises:
        InputError: the user's picture cannot be read.
    """
    if own is not None:
        picture = ReferencePicture("picture", "a picture that the user named", _resized(own, size))
    else:
        frame = street_frames(_SCENE_SEED, 1, *size)[0]
        picture = ReferencePicture("street", f"street scene rendered from seed {_SCENE_SEED}", frame.image)
    noise = np.random.default_rng(_NOISE_SEED).integers(0, 256, (*size, 3), dtype=np.uint8)
    return [picture, ReferencePicture("noise", f"uniform noise of seed {_NOISE_SEED}", noise)]


def calibration(size: tuple[int, int], folder: Path | None) -> Calibration:
    """Pictures of the user's folder (an even spread of at most 16, by name), or rendered streets.

    Raises:
        InputError: the folder has no picture, or one cannot be read.
    """
    if folder is None:
        frames = street_frames(_SCENE_SEED + 1, CALIBRATION_SCENES, *size)
        pictures = [ReferencePicture(f"street-{i}", "", f.image) for i, f in enumerate(frames)]
        return Calibration(pictures, f"{len(pictures)} rendered street scenes", _digest(pictures))
    files = picture_files(folder)
    count = min(len(files), MOST_CALIBRATION_PICTURES)
    chosen = [files[round(i * (len(files) - 1) / max(count - 1, 1))] for i in range(count)]
    pictures = [ReferencePicture(p.stem, "", _resized(p, size)) for p in chosen]
    return Calibration(pictures, f"{len(pictures)} of {len(files)} pictures of a folder", _digest(pictures))


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder by name; of a data set with ``left/``, those of its left camera.

    Raises:
        InputError: no such folder, or none in it.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "", "Name a folder of pictures with --calib.")
    inside = folder / "left" if (folder / "left").is_dir() else folder
    files = sorted(p for p in inside.iterdir() if p.suffix.lower() in _SUFFIXES)
    if not files:
        raise InputError(
            f"{inside} has no pictures.",
            f"Looked for {', '.join(sorted(_SUFFIXES))}.",
            "Name another folder.",
        )
    return files


def _digest(pictures: list[ReferencePicture]) -> str:
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(picture.pixels.tobytes())
    return digest.hexdigest()
