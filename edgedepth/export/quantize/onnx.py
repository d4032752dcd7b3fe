"""Quantizing ONNX graphs: what each precision does, and where it is legal.

- ``w8``: int8 weights with one scale per output channel; float arithmetic, as fast as float32.
- ``dyn8``: the same weights; activations become uint8 by a range that is found anew in every run (ConvInteger). No
  faster than float32 in ONNX Runtime: finding ranges and scaling sums back takes what the integers gain.
- ``w8a8``: the same weights; uint8 activations with ranges from calibration pictures (QuantizeLinear and
  DequantizeLinear around what runtimes fuse). Unsigned, because x86 multiplies uint8 by int8.
- ``w8a16``: as ``w8a8`` with uint16 activations, which neural processors run; ONNX Runtime's CPU code has no such
  kernels and computes in float between the quantizers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import onnx

from edgedepth.errors import InputError, UsageError, nearest
from edgedepth.export.formats import OPSET_OF_16_BITS
from edgedepth.export.lowering.metric_bins import EXACT
from edgedepth.export.quantize.feeds import Feed
from edgedepth.export.quantize.groups import Group
from edgedepth.export.quantize.onnx_layers import groups
from edgedepth.export.quantize.onnx_static import UINT8, UINT16, quantize_static
from edgedepth.export.quantize.onnx_weights import quantize_dynamic, quantize_weights

__all__ = ["Group", "groups", "quantize"]

PRECISIONS = ("w8", "dyn8", "w8a8", "w8a16")
ALWAYS_FLOAT = EXACT
"""A metric head's metres and probabilities; of other layers `onnx_policy` decides by operator."""


def quantize(model: onnx.ModelProto, precision: str, batches: Sequence[Feed], keep: frozenset[str]) -> onnx.ModelProto:
    """Quantize a float32 graph.

    Args:
        model: as `edgedepth.export.onnx.to_onnx` gives it; not changed.
        precision: ``w8``, ``dyn8``, ``w8a8`` or ``w8a16``.
        batches: calibration inputs, as the graph takes them; not read for ``w8`` and ``dyn8``.
        keep: names of `groups` that stay as they are. (Static quantization still corrects the last convolution's bias.)

    Raises:
        UsageError: no such precision or group, or the operator set has no 16-bit integers.
        InputError: calibration is needed and there are no batches.
    """
    layers = {group.name: group.operators for group in groups(model)}
    _require(precision, PRECISIONS, "precision")
    for name in sorted(keep):
        _require(name, layers, "layer")
    kept = frozenset(str(operator) for name in keep | (ALWAYS_FLOAT & layers.keys()) for operator in layers[name])
    if precision == "w8":
        return quantize_weights(model, kept)
    if precision == "dyn8":
        return quantize_dynamic(model, kept)
    opset = next(entry.version for entry in model.opset_import if entry.domain == "")
    if precision == "w8a16" and opset < OPSET_OF_16_BITS:
        raise UsageError(
            f"w8a16 needs ONNX opset {OPSET_OF_16_BITS} or later.",
            f"The graph is of opset {opset}, whose QuantizeLinear gives 8 bits only.",
            f"Export with opset {OPSET_OF_16_BITS} or 22.",
        )
    if not batches:
        raise InputError(
            f"{precision} needs calibration pictures.", "None were given.", "Give some, or choose w8 or dyn8."
        )
    return quantize_static(model, UINT8 if precision == "w8a8" else UINT16, batches, kept)


def _require(name: str, known: Collection[str], kind: str) -> None:
    if name not in known:
        raise UsageError(f"No {kind} {name!r} to quantize.", f"There are: {', '.join(known)}.", nearest(name, known))
