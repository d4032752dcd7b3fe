"""Static quantization of an ONNX graph: QuantizeLinear/DequantizeLinear around what shall run in integers.

Real value = scale * (integer - zero point); activations have one scale per tensor, weights one per output channel,
biases are int32 in the scale of their products (Jacob et al. 2018, "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", equations 1 to 4 and 11). A runtime fuses an operator with the
DequantizeLinear before and the QuantizeLinear behind it into one on integers; so these stand on every input and output
of an operator that shall be fused, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgedepth.export.lowering.metric_bins import EXACT
from edgedepth.export.quantize.feeds import Feed
from edgedepth.export.quantize.onnx_calibration import Range, correct_last_bias, ranges
from edgedepth.export.quantize.onnx_edit import WEIGHTED, Editor, int8_weight, per_channel
from edgedepth.export.quantize.onnx_layers import groups
from edgedepth.export.quantize.onnx_policy import first_convolution, float_operators
from edgedepth.export.quantize.onnx_split import slice_single_parts

_FOLLOWERS = frozenset({"Add", "Concat", "MaxPool", "Mul", "Sigmoid", "Slice", "Split"})
"""Operators that run in integers where all that they read is in integers."""

_MOVES = frozenset({"MaxPool", "Slice", "Split"})
"""Operators that move values as they are; inputs after the first are no activations."""

_SMALLEST = 1e-6
_INT32 = 2**31 - 1


@dataclass(frozen=True)
class Activation:
    """The unsigned integer type of activations."""

    dtype: type[np.unsignedinteger[Any]]

    def affine(self, span: Range) -> tuple[np.float32, np.unsignedinteger[Any]]:
        """Scale and zero point that cover the range, with zero exact."""
        low, high = min(span[0], 0.0), max(span[1], 0.0)
        largest = np.iinfo(self.dtype).max
        scale = np.float32(max(high - low, _SMALLEST) / largest)
        return scale, self.dtype(np.clip(np.rint(-low / scale), 0, largest))


UINT8, UINT16 = Activation(np.uint8), Activation(np.uint16)


def quantize_static(
    model: onnx.ModelProto,
    activation: Activation,
    batches: Sequence[Feed],
    kept: frozenset[str],
) -> onnx.ModelProto:
    """Quantize what gains by it, and of the rest the weights, apart from the first convolution and what is kept.

    Args:
        model: float32 graph.
        activation: the activations' type.
        batches: calibration inputs.
        kept: names of operators that stay as they are.
    """
    model = slice_single_parts(model)
    edit = Editor(model)
    exact = kept | first_convolution(edit)
    inside = integer_operators(edit, kept | float_operators(model, edit))
    tensors = {name for node in edit.source if node.name in inside for name in (*_read(node), *node.output)}
    spans = _shared(ranges(model, tensors, batches), edit, inside)
    affine = {name: activation.affine(span) for name, span in spans.items()}
    _Writer(edit, inside, exact, affine).write()
    result = edit.finish()
    if groups(model)[-1].name not in EXACT:  # a metric head's last layer gives metres: near ones would suffer
        correct_last_bias(model, result, batches)
    return result


def integer_operators(edit: Editor, floats: frozenset[str]) -> frozenset[str]:
    """Names of the operators that shall run in integers: convolutions, and what reads what these give."""
    inside: set[str] = set()
    integers: set[str] = set()
    for node in edit.source:
        reads = _read(node)
        follows = node.op_type in _FOLLOWERS and integers.issuperset(reads)
        # Of two feature maps, one quantized for the sum is cheaper than a sum in float that is quantized afterwards.
        joins = node.op_type == "Add" and not integers.isdisjoint(reads) and edit.constants.keys().isdisjoint(reads)
        if node.name not in floats and (follows or joins or edit.weight(node) is not None):
            inside.add(node.name)
            integers.update(node.output)
    return frozenset(inside)


def _read(node: onnx.NodeProto) -> list[str]:
    """The activations among an operator's inputs."""
    return list(node.input[:1] if node.op_type in _MOVES.union(WEIGHTED) else node.input)


def _shared(spans: Mapping[str, Range], edit: Editor, inside: frozenset[str]) -> dict[str, Range]:
    """Ranges with one range for all that an operator moves: for its inputs and its outputs.

    Concatenations move values too, if all that they read has their scale; else they look up every value in a table
    (flex-nano, ONNX Runtime 1.31, 48 channels at a quarter of the resolution: 0.15 ms, or 0.04 ms as copies). The
    values lose little: the concatenation would have rounded them to its scale afterwards.
    """
    member = {name: {name} for name in spans}
    for node in edit.source:
        if node.name in inside and node.op_type in _MOVES | {"Concat"}:
            joined = set[str]().union(*(member[name] for name in (*_read(node), *node.output)))
            member.update(dict.fromkeys(joined, joined))
    return {
        name: (min(spans[other][0] for other in group), max(spans[other][1] for other in group))
        for name, group in member.items()
    }


class _Writer:
    """Writes the quantized graph.

    Args:
        edit: reads the float graph, takes the new one.
        inside: operators that run in integers.
        exact: operators whose weights stay as they are.
        affine: scale and zero point of every activation of the operators `inside`.
    """

    def __init__(
        self,
        edit: Editor,
        inside: frozenset[str],
        exact: frozenset[str],
        affine: Mapping[str, tuple[np.float32, np.unsignedinteger[Any]]],
    ) -> None:
        self.edit, self.inside, self.exact, self.affine = edit, inside, exact, affine
        self.integers = {name for node in edit.source if node.name in inside for name in node.output}
        self.scales = self._weight_scales()

    def write(self) -> None:
        """Append every operator with what it needs around it."""
        for node in self.edit.source:
            integer = node.name in self.inside
            # A float operator reads a float operator's own output, even where integer ones need it quantized.
            behind = self.integers.union(_read(node)) if integer else self.integers
            inputs = [self._dequantized(name) if name in behind else name for name in node.input]
            if self.edit.weight(node) is not None and node.name not in self.exact:
                scales = self.scales.get(node.input[1])
                inputs[1] = int8_weight(self.edit, node.input[1], WEIGHTED[node.op_type], scales)
                if integer and len(inputs) > 2:
                    inputs[2] = self._bias(node)
            self.edit.keep(node, inputs)

    def _weight_scales(self) -> dict[str, NDArray[np.float32]]:
        """Scales of integer convolutions' weights, no finer than lets every bias fit 32 bits."""
        scales: dict[str, NDArray[np.float32]] = {}
        for node in self.edit.source:
            weight = self.edit.weight(node)
            if weight is None or node.name not in self.inside:
                continue
            name, axis = node.input[1], WEIGHTED[node.op_type]
            floor = scales.get(name, np.zeros(weight.shape[axis], np.float32)).astype(np.float64)
            if len(node.input) > 2:
                bias = np.abs(self.edit.constants[node.input[2]].astype(np.float64))
                floor = np.maximum(floor, bias / (float(self.affine[node.input[0]][0]) * _INT32))
            scales[name] = per_channel(weight, axis, floor)
        return scales

    def _bias(self, node: onnx.NodeProto) -> str:
        """The bias as int32 in the scale of the products; named after the operator, for inputs differ in scale."""
        edit, label = self.edit, f"{node.name}_bias"
        scales = self.affine[node.input[0]][0] * self.scales[node.input[1]]
        integers = np.rint(edit.constants[node.input[2]].astype(np.float64) / scales).clip(-_INT32, _INT32)
        inputs = [
            edit.constant(f"{label}_int32", integers.astype(np.int32)),
            edit.constant(f"{label}_scale", scales),
            edit.constant(f"{label}_zero", np.zeros(scales.shape, np.int32)),
        ]
        return edit.add("DequantizeLinear", inputs, f"{label}_float", axis=0)

    def _dequantized(self, name: str) -> str:
        scale, zero = self.affine[name]
        constants = [
            self.edit.constant(f"{name}_scale", np.asarray(scale)),
            self.edit.constant(f"{name}_zero", np.asarray(zero)),
        ]
        integers = self.edit.add("QuantizeLinear", [name, *constants], f"{name}_integer")
        return self.edit.add("DequantizeLinear", [integers, *constants], f"{name}_float")
