"""Pictures to a graph's input, as the manifest's input contract says and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgedepth.artifact.manifest import BYTES, InputContract, TensorQuantization
from edgedepth.errors import InputError


def to_batch(pictures: Sequence[NDArray[np.uint8]], contract: InputContract) -> NDArray[Any]:
    """Pictures of any sizes as one batch.

    Args:
        pictures: one to B of (H, W, 3) uint8 RGB; the last is repeated where the graph takes more.
        contract: layout, dtype, size and range of values.

    Returns:
        of exactly the contract's shape, dtype and layout.

    Raises:
        InputError: none or too many pictures, or a contract that this version cannot meet.
    """
    tensor = contract.tensor
    count = tensor.shape[0]
    if not 1 <= len(pictures) <= count:
        raise InputError(f"The graph takes 1 to {count} pictures at a time.", f"It was given {len(pictures)}.")
    size = tensor.shape[2:4] if tensor.layout == "NCHW" else tensor.shape[1:3]
    batch = np.stack([resize(picture, (size[0], size[1])) for picture in pictures])
    if len(batch) < count:
        batch = np.concatenate([batch, np.repeat(batch[-1:], count - len(batch), axis=0)])
    if tensor.layout == "NCHW":
        batch = batch.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(_in_range(batch, contract))


def resize(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize an (H, W, 3) picture to (height, width) by LANCZOS; its aspect is not kept."""
    if picture.shape[:2] == size:
        return picture
    height, width = size
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def _in_range(batch: NDArray[np.uint8], contract: InputContract) -> NDArray[Any]:
    low, high = contract.value_range
    tensor = contract.tensor
    dtype = np.dtype(tensor.dtype)
    if tensor.quantization is not None:
        return _integers(contract, tensor.quantization)[batch]
    if dtype == np.uint8 and (low, high) == (0, 255):
        return batch
    if not np.issubdtype(dtype, np.floating):
        raise InputError(
            f"This version cannot prepare {dtype} input in {low:g}..{high:g}.",
            "It prepares uint8 in 0..255, floats in any range, and integers with a scale and a zero point.",
            "Export the model with --input uint8, --input int8 or --input float.",
        )
    unit = batch.astype(np.float32) / np.float32(255)
    if (low, high) != (0, 1):
        unit = np.float32(low) + np.float32(high - low) * unit
    return np.asarray(unit, dtype=dtype)


def _integers(contract: InputContract, scale: TensorQuantization) -> NDArray[Any]:
    """What each of the 256 bytes becomes; halves go to the even neighbour, and what the type cannot hold to its end."""
    low, high = contract.value_range
    values = low + (high - low) * (np.arange(256) / 255)
    rounded = np.rint(values / scale.scale) + scale.zero_point
    found: NDArray[Any] = rounded.clip(*BYTES[contract.tensor.dtype]).astype(contract.tensor.dtype)
    return found
