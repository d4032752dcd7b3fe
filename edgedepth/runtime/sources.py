"""What a user points at, as named frames: one picture, a folder of pictures, or a video."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import InputError
from edgedepth.runtime import video
from edgedepth.runtime.pictures import read_picture, require_picture

PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".jp2", ".avif"}
)


class Frame(NamedTuple):
    """One picture to run.

    Attributes:
        name: the picture's file name, or a video frame's number from 0.
        picture: (H, W, 3) uint8 RGB.
    """

    name: str
    picture: NDArray[np.uint8]


@dataclass(frozen=True)
class Source:
    """A picture, a folder or a video.

    Attributes:
        path: as named.
        kind: which of the three.
        count: how many frames it says it has; None for a video that does not say.
        rate: frames per second of a video, otherwise None.
        files: the pictures, in order; empty for a video.
        frames: starts reading from the beginning; each call anew.
    """

    path: Path
    kind: Literal["picture", "folder", "video"]
    count: int | None
    rate: Fraction | None
    files: tuple[Path, ...]
    frames: Callable[[], Generator[Frame, None, None]]


def open_source(path: Path) -> Source:
    """Find out what `path` is, by its header; a folder's pictures are not opened yet.

    A folder gives the pictures directly in it, in the order of their names; other files in it are left alone.

    Raises:
        InputError: nothing there, a folder without pictures, or neither an image nor a video.
        MissingDependencyError: a video, and PyAV is not installed.
    """
    if path.is_dir():
        files = _pictures_in(path)
        return Source(path, "folder", len(files), None, files, lambda: _read_all(files))
    if not path.is_file():
        raise InputError(f"There is nothing at {path}.", "", "Name an image, a folder of images or a video.")
    if path.suffix.lower() in video.SUFFIXES:
        facts = video.probe(path)
        return Source(path, "video", facts.count, facts.rate, (), lambda: _numbered(path))
    require_picture(path)
    return Source(path, "picture", 1, None, (path,), lambda: _read_all((path,)))


def _pictures_in(folder: Path) -> tuple[Path, ...]:
    try:
        held = sorted(entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder} cannot be read.", error.strerror or str(error), "Check its permissions.") from error
    found = tuple(file for file in held if file.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        raise InputError(
            f"{folder} holds no image.",
            f"It has {len(held)} files; none ends in {', '.join(sorted(PICTURE_SUFFIXES))}.",
            "Name a folder that has the images directly in it.",
        )
    return found


def _read_all(files: tuple[Path, ...]) -> Generator[Frame, None, None]:
    for file in files:
        yield Frame(file.name, read_picture(file))


def _numbered(path: Path) -> Generator[Frame, None, None]:
    for number, picture in enumerate(video.read_frames(path)):
        yield Frame(str(number), picture)
