"""The input of every measurement: a fixed picture in whatever shape and type a graph asks for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CELLS = 12
"""Cells of the coarse pattern along the longest axis."""


def seeded_picture(shape: tuple[int, ...], dtype: str, seed: int = 0) -> npt.NDArray[np.generic]:
    """Smooth patches with fine grain: numbers of a photograph's kind, the same for the same seed.

    Args:
        shape: of the graph's input, NCHW, NHWC or any other.
        dtype: NumPy's name. Floats get values in 0..1, integers their whole range, booleans both.
        seed: of the pattern.
    """
    rng = np.random.default_rng(seed)
    step = max(1, -(-max(shape, default=1) // CELLS))
    coarse = rng.random(tuple(-(-size // step) for size in shape))
    for axis, size in enumerate(shape):
        coarse = np.take(coarse, np.arange(size) // step, axis=axis)
    values = 0.8 * coarse + 0.2 * rng.random(shape)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return np.asarray(values > 0.5)
    if kind.kind in "iu":
        # Wider integers are indices or sizes, not pixels.
        low, high = (np.iinfo(kind).min, np.iinfo(kind).max) if kind.itemsize == 1 else (0, 255)
        return np.asarray((low + values * (high - low)).round().astype(kind))
    return np.asarray(values.astype(kind))
