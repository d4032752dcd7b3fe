"""Files that appear whole or not at all: written under a passing name beside, then renamed."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgedepth.errors import OutputError, UsageError


def require_writable(target: Path) -> None:
    """Check early that a file or folder could be made at `target`.

    Raises:
        OutputError: something on its way is not a folder, or may not be written to.
    """
    parent = target.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise OutputError(f"{target} cannot be written.", f"{parent} is not a folder.", "Name another -o.")
    if not os.access(parent, os.W_OK):
        raise OutputError(f"{target} cannot be written.", f"No permission in {parent}.", "Name another -o.")


def require_other(target: Path, source: Path) -> None:
    """Refuse to write over what is being read.

    Raises:
        UsageError: both are the same file or folder.
    """
    if target.exists() and target.samefile(source):
        raise UsageError(f"{target} is the source itself.", "", "Name another output with -o.")


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A passing name beside `target`, which takes its place when the block ends well.

    A file that was there is replaced in one step. On any exception, Ctrl-C included, it stays as it was and
    the unfinished one is removed. Missing parent folders are made.

    Raises:
        OutputError: the disk is full or read-only, or there is no permission.
    """
    target = target.absolute()
    passing = target.with_name(f".{secrets.token_hex(6)}.partial")
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield passing
            with passing.open("rb") as file:
                os.fsync(file.fileno())
            passing.replace(target)
        finally:
            if passing.exists():
                passing.unlink()
    except OSError as error:
        raise OutputError(
            f"{target} could not be written; nothing half-written was left behind.",
            error.strerror or str(error),
            "Free some space or name another output with -o.",
        ) from error


def write_whole(target: Path, content: bytes) -> None:
    """Write a file in one step.

    Raises:
        OutputError: as `whole_file`.
    """
    with whole_file(target) as passing:
        passing.write_bytes(content)


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """An (H, W, 3) uint8 RGB picture as PNG."""
    # Made in memory first: Pillow hides the reason when its encoder cannot write to a file.
    held = io.BytesIO()
    Image.fromarray(picture).save(held, format="PNG", compress_level=4)
    return held.getvalue()


def npy_bytes(values: NDArray[np.float32]) -> bytes:
    """An array as .npy."""
    held = io.BytesIO()
    np.save(held, values, allow_pickle=False)
    return held.getvalue()
