"""Comparing an exported file with the PyTorch model, and the gate it must pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.manifest import FileEntry, OutputContract, Parity
from edgedepth.errors import GateError
from edgedepth.export.formats import QUANTIZED
from edgedepth.export.references import ReferencePicture
from edgedepth.runtime.decode import dequantized
from edgedepth.runtime.preprocess import to_batch

Map = NDArray[np.float32]
FLAT = 1e-3
"""A reference output whose standard deviation is below this share of its range proves nothing, unless it is a good
share of its mean: disparity of scenes of tens of metres lies wholly within a hundredth of its range."""
FLAT_OF_MEAN = 0.05


@dataclass(frozen=True)
class Gate:
    """Bounds that a file must keep on every reference picture; the figures are `Parity`'s, of an output up to 1."""

    max_abs: float
    mean_abs: float
    correlation: float
    absrel_drift: float


GATES = {
    "fp32": Gate(max_abs=1e-4, mean_abs=1e-5, correlation=0.999999, absrel_drift=1e-3),
    "fp16": Gate(max_abs=2e-2, mean_abs=1e-3, correlation=0.9999, absrel_drift=1e-2),
}
# What integers may cost is for the accuracy contract to say, on real pictures; this only tells a broken graph.
GATES |= dict.fromkeys(QUANTIZED, Gate(max_abs=1.0, mean_abs=0.1, correlation=0.8, absrel_drift=1.0))


@dataclass(frozen=True)
class Rounding:
    """What rounding a file's output to integers adds to the figures of `Parity` at most; nothing to a float output.

    Attributes:
        max_abs, mean_abs, absrel_drift: to the figures of these names.
        angle: radians between a reference output and its rounded form, each less its mean; its cosine is their
            correlation.
    """

    max_abs: float = 0.0
    mean_abs: float = 0.0
    absrel_drift: float = 0.0
    angle: float = 0.0


NO_ROUNDING = Rounding()


def rounding(output: OutputContract, expected: Map, constants: dict[str, float]) -> Rounding:
    """Half a step of the output in each pixel, worked out for one reference.

    An error of at most h in each of n pixels is a vector no longer than h * sqrt(n), and the reference, less its mean,
    one of std * sqrt(n): the angle that the one turns the other by has a sine of at most h / std.

    Args:
        output: of the file, in the network's own meaning: depth decoded in the graph is never rounded.
        expected: the PyTorch model's output (H, W).
        constants: of the depth formula; none where the output is depth already.
    """
    if output.tensor.quantization is None:
        return NO_ROUNDING
    half = output.tensor.quantization.scale / 2
    exact = expected.astype(np.float64)
    depth = _depth(exact, constants)
    moved = [_depth(np.clip(exact + shift, *output.value_range), constants) for shift in (-half, half)]
    return Rounding(
        max_abs=half / unit(expected, constants),
        mean_abs=half / unit(expected, constants),
        absrel_drift=float((np.maximum(*(np.abs(one - depth) for one in moved)) / depth).mean()),
        angle=float(np.arcsin(min(1.0, half / exact.std()))),
    )


def feed(picture: ReferencePicture, entry: FileEntry) -> NDArray[Any]:
    """The reference picture as the file's own input; within a batch, every second one is turned upside down."""
    upright = picture.pixels
    return to_batch(
        [np.flip(upright, 0) if i % 2 else upright for i in range(entry.input.tensor.shape[0])], entry.input
    )


def network_outputs(raw: NDArray[Any], output: OutputContract, constants: dict[str, float]) -> list[Map]:
    """A file's output (B, H, W, 1) or (B, 1, H, W) as what the network itself gives: (H, W) per picture.

    Depth that the graph decoded is turned back, so that one gate serves all files.
    """
    maps = dequantized(raw, output.tensor).astype(np.float64)
    maps = maps[:, 0] if output.tensor.layout == "NCHW" else maps[..., 0]
    if output.meaning == "depth":
        maps = (1 / maps - constants["min_disparity"]) / constants["disparity_range"]
    return [one.astype(np.float32) for one in maps]


def unit(expected: Map, constants: dict[str, float]) -> float:
    """What differences are measured in: 1 for sigmoid disparity, the largest reference depth where depth is given.

    Float32 keeps seven digits of a number, so how far it may be off in metres depends on how many metres there are.
    """
    return 1.0 if constants else float(expected.max())


def require_varied(expected: Map, constants: dict[str, float]) -> float:
    """The reference output's standard deviation, in its `unit`.

    Raises:
        GateError: it is flat, so that no comparison means anything.
    """
    spread = float(expected.std()) / unit(expected, constants)
    if not (spread > FLAT or float(expected.std()) > FLAT_OF_MEAN * abs(float(expected.mean()))):
        raise GateError(
            "The PyTorch model's own output is flat, so a comparison would prove nothing.",
            f"Its standard deviation on the reference picture is {spread:.2e}.",
            "Check the checkpoint; name another picture with --reference; or export with --no-check.",
        )
    return spread


def compare(found: Map, expected: Map, constants: dict[str, float]) -> Parity:
    """Figures of `found` against `expected`, both network outputs (H, W).

    Args:
        found, expected: disparity, or metric depth.
        constants: of the depth formula; none where the outputs are depth already.

    Raises:
        GateError: the reference does not vary, so that no comparison means anything; or `found` has values that
            are not finite.
    """
    spread = require_varied(expected, constants)
    if not np.isfinite(found).all():
        raise GateError(
            "The exported file gives values that are not finite.",
            f"{int((~np.isfinite(found)).sum())} of {found.size} pixels.",
            "Try --lowering none to tell the lowering from the converter.",
        )
    a, b = found.astype(np.float64), expected.astype(np.float64)
    difference = np.abs(a - b)
    scale = unit(expected, constants)
    depth_a, depth_b = _depth(a, constants), _depth(b, constants)
    deviation_a, deviation_b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((deviation_a**2).sum() * (deviation_b**2).sum()))
    return Parity(
        max_abs=float(difference.max()) / scale,
        mean_abs=float(difference.mean()) / scale,
        correlation=float((deviation_a * deviation_b).sum()) / norm if norm else 0.0,
        absrel_drift=float((np.abs(depth_a - depth_b) / depth_b).mean()),
        reference_std=spread,
    )


def _depth(output: NDArray[np.float64], constants: dict[str, float]) -> NDArray[np.float64]:
    if not constants:
        return output
    depth: NDArray[np.float64] = 1 / (constants["min_disparity"] + constants["disparity_range"] * output)
    return depth


def misses(parity: Parity, precision: str, allowed: Rounding = NO_ROUNDING) -> list[str]:
    """What of the gate is not met, as text; empty when all is. NaN never passes.

    Args:
        parity: of a file.
        precision: decides the gate.
        allowed: comes on top of it.
    """
    gate = GATES[precision]
    digits = 0 if allowed is NO_ROUNDING else 2
    found = []
    for name in ("max_abs", "mean_abs", "absrel_drift"):
        value, bound = getattr(parity, name), getattr(gate, name) + getattr(allowed, name)
        if not value <= bound:
            found.append(f"{name} {value:.2e} > {bound:.{digits}e}")
    least = gate.correlation
    if allowed.angle:
        least = math.cos(min(math.pi, math.acos(least) + allowed.angle))
    if not parity.correlation >= least:
        found.append(f"correlation {parity.correlation:.6f} < {least:.6g}")
    return found


def rejection(
    path: Path,
    parities: dict[str, Parity],
    precision: str,
    first: str,
    allowed: Mapping[str, Rounding] = MappingProxyType({}),
) -> GateError | None:
    """The error for a file that misses the gate on any picture, or None.

    Args:
        path: of the file.
        parities: by reference picture.
        precision: decides the gate.
        first: says which tensor diverged first.
        allowed: what comes on top of the gate, by reference picture.
    """
    missed = {
        name: lines for name, p in parities.items() if (lines := misses(p, precision, allowed.get(name, NO_ROUNDING)))
    }
    if not missed:
        return None
    return GateError(
        f"{path.name} does not compute what the PyTorch model does.",
        "; ".join(f"{name}: {', '.join(lines)}" for name, lines in missed.items()) + f". {first}",
        "The files are kept in the .rejected folder beside the output. Try --lowering none to tell the lowering "
        "from the converter.",
    )
