"""A graph's output to depth, as the manifest's output contract says and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.manifest import OutputContract, TensorSpec
from edgedepth.errors import InputError

Quantity = Literal["depth", "inverse depth"]
Unit = Literal["metres", "up to scale", "up to scale and shift"]


@dataclass(frozen=True)
class Meaning:
    """What decoded values are.

    Attributes:
        quantity: ``depth`` grows with distance, ``inverse depth`` shrinks with it.
        unit: what stands between them and metres.
    """

    quantity: Quantity
    unit: Unit

    @property
    def statement(self) -> str:
        """One line for people."""
        if self.unit == "metres":
            return f"{self.quantity} in metres"
        unknown = "scale" if self.unit == "up to scale" else "scale and one unknown shift"
        return f"{self.quantity}, up to one unknown {unknown} per picture"


@dataclass(frozen=True)
class DepthMap:
    """One decoded picture.

    Attributes:
        values: (H, W) float32 in `meaning`.
        closeness: (H, W) float32, large where near; what is coloured. Not finite or negative where invalid.
        meaning: what `values` are.
    """

    values: NDArray[np.float32]
    closeness: NDArray[np.float32]
    meaning: Meaning


def meaning_of(contract: OutputContract) -> Meaning:
    """What `decode` will give."""
    if contract.meaning == "affine-invariant-disparity":
        return Meaning("inverse depth", "up to scale and shift")
    return Meaning("depth", "metres" if contract.metric else "up to scale")


def dequantized(values: NDArray[Any], tensor: TensorSpec) -> NDArray[np.float32]:
    """A graph's raw output as float32: integers become what they stand for, floats stay.

    Args:
        values: of any shape, in the dtype of `tensor`.
        tensor: the output.
    """
    if tensor.quantization is None:
        return np.asarray(values, np.float32)
    steps = values.astype(np.float32) - np.float32(tensor.quantization.zero_point)
    return np.float32(tensor.quantization.scale) * steps


def decode(output: NDArray[np.float32], contract: OutputContract, size: tuple[int, int]) -> DepthMap:
    """Decode one output map at a picture's size.

    What the graph gives is what is interpolated: disparity is resized and then decoded, as the Monodepth
    family is evaluated; depth that the graph decodes itself is resized as depth.

    Args:
        output: (h, w) float32, one map of `Session.maps`.
        contract: its meaning and constants.
        size: (height, width) of the picture.

    Raises:
        InputError: a constant of the formula is missing from the manifest.
    """
    wide = resize_map(output, size)
    meaning = meaning_of(contract)
    if contract.meaning == "sigmoid-disparity":
        disparity = sigmoid_to_disparity(wide, contract)
        return DepthMap(_reciprocal(disparity), disparity, meaning)
    if contract.meaning == "affine-invariant-disparity":
        return DepthMap(wide, wide, meaning)
    return DepthMap(wide, _reciprocal(wide), meaning)


def sigmoid_to_disparity(output: NDArray[np.float32], contract: OutputContract) -> NDArray[np.float32]:
    """``min_disparity + disparity_range * output``, the reciprocal of depth.

    Raises:
        InputError: the manifest lacks one of the two constants.
    """
    try:
        offset, factor = contract.constants["min_disparity"], contract.constants["disparity_range"]
    except KeyError as error:
        raise InputError(
            f"The manifest lacks the constant {error.args[0]}.",
            f"Its formula is: {contract.decode}",
            "Export the model again.",
        ) from error
    disparity: NDArray[np.float32] = np.float32(offset) + np.float32(factor) * output
    return disparity


def resize_map(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Bilinear resize of an (h, w) map to (height, width), pixel centres aligned, without anti-aliasing.

    A constant map stays exactly constant, and a map of that size already is returned unchanged.
    """
    height, width = size
    if values.shape == (height, width):
        return values
    left, right, across = _taps(values.shape[1], width)
    lines = values[:, left]
    lines += (values[:, right] - lines) * across
    upper, lower, down = _taps(values.shape[0], height)
    result = lines[upper]
    result += (lines[lower] - result) * down[:, None]
    return result


def _taps(length: int, wanted: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    position = np.clip((np.arange(wanted) + 0.5) * length / wanted - 0.5, 0, length - 1)
    first = np.floor(position).astype(np.intp)
    return first, np.minimum(first + 1, length - 1), (position - first).astype(np.float32)


def _reciprocal(values: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(divide="ignore", invalid="ignore"):
        reciprocal: NDArray[np.float32] = np.float32(1) / values
    return reciprocal
