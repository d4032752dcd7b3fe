"""A teacher's predictions on the disk: one .npz per view."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import InputError, UsageError
from edgedepth.evaluation.datasets.base import damaged

DEPTH, CENTRES, PROBABILITIES = "depth", "centres", "probabilities"
Arrays = dict[str, NDArray[np.float32]]


def view_file(folder: Path, name: str) -> Path:
    """Where the view called ``SOURCE/MOMENT/CAMERA`` lies.

    Raises:
        UsageError: its source is not below the data folder, so that its file would not be below this one.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UsageError(
            "A teacher's folder has the sources' folders in it, so they have to be relative.",
            f"This view's name is {name}.",
            "Name sources relative to the data folder, and below it.",
        )
    return folder / f"{name}.npz"


def read_view(folder: Path, name: str) -> Arrays:
    """What a teacher says about one view.

    Returns:
        ``depth`` (H, W) metres, 0 where it says nothing; of one with bins also ``centres`` (K, h, w) in metres and
        ``probabilities`` (K, H, W).

    Raises:
        InputError: missing, damaged, of other shapes, or not finite.
    """
    file = view_file(folder, name)
    if not file.is_file():
        raise InputError(
            f"The teacher's folder {folder} lacks a view.",
            f"There is no {file.relative_to(folder)}.",
            "Write it again with --write-teacher, or take the moment out of the recipe.",
        )
    try:
        with np.load(file, allow_pickle=False) as arrays:
            found = {key: np.asarray(arrays[key], np.float32) for key in arrays.files}
        shapes = {key: values.shape for key, values in found.items()}
        size = shapes[DEPTH]
        bins = [shapes[key] for key in (CENTRES, PROBABILITIES) if key in shapes]
        fitting = not bins or (
            [len(shape) for shape in bins] == [3, 3] and bins[0][0] == bins[1][0] and bins[1][1:] == size
        )
        if len(size) != 2 or not fitting:
            raise ValueError(f"its shapes are {shapes}")
        if not all(np.isfinite(values).all() for values in found.values()):
            raise ValueError("some of its values are not finite")
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise damaged(file, "a teacher's view", error) from error
    return found


def packed_view(depth: NDArray[np.float32], centres: NDArray[np.float32], probabilities: NDArray[np.float32]) -> bytes:
    """A file's content; centres and probabilities are rounded to float16, half a thousandth of themselves at most."""
    content = io.BytesIO()
    halves = {CENTRES: centres.astype(np.float16), PROBABILITIES: probabilities.astype(np.float16)}
    np.savez_compressed(content, allow_pickle=False, **{DEPTH: depth}, **halves)
    return content.getvalue()
