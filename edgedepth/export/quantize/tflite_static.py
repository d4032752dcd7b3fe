"""Static quantization of a TFLite graph: activations and weights as integers, floating point where asked.

Real value = scale * (integer - zero point). Activations have one scale per tensor, weights one per output channel
(Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
equations 1 to 4). int8 activations have a zero point, int16 ones are symmetric, as LiteRT's kernels want them.

Operators that only move values have one scale for all they touch, so they stay plain copies and nothing is rescaled on
the way: of a DySample, the shifted copies, the joining of the sub-pixels and DEPTH_TO_SPACE. Where integers meet floats
stands a QUANTIZE or DEQUANTIZE; XNNPACK takes both, so the graph stays whole.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgedepth.artifact.flatbuffer import pack, unpack
from edgedepth.artifact.tflite_graph import TfliteGraph, TfliteOperator, describe
from edgedepth.export.quantize.tflite_edit import add_tensor, compact, conversion, operator_code, values
from edgedepth.export.quantize.tflite_weights import WEIGHTED, round_weights

MOVES = frozenset({"CONCATENATION", "DEPTH_TO_SPACE", "MAX_POOL_2D", "PAD", "RESHAPE", "RESIZE_BILINEAR", "SLICE"})
"""Operators whose inputs and output have one scale."""

VERSIONS = {
    **dict.fromkeys(MOVES, 2),
    "RESHAPE": 1,
    "ADD": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "LOGISTIC": 2,
    "MUL": 2,
    "SUB": 2,
}
"""Operators that are computed in integers, and the version since which they are in some integer type."""

Range = tuple[float, float]
_NARROWEST = 1e-3
_MOST_APART = 128


@dataclass(frozen=True)
class Activation:
    """The integer type of activations.

    Attributes:
        dtype: NumPy's name.
        low, high: the integers' range; symmetric means that the zero point is 0.
        bias: NumPy's name of the biases' type.
        logistic: scale and zero point that LiteRT's LOGISTIC gives in this type.
        operators: those that have kernels of this type.
    """

    dtype: str
    low: int
    high: int
    bias: str
    logistic: tuple[float, int]
    operators: frozenset[str]

    def affine(self, span: Range) -> tuple[float, int]:
        """Scale and zero point that cover the range, with zero exact."""
        low, high = min(span[0], 0.0), max(span[1], 0.0)
        if self.low == -self.high:
            return max(-low, high, _NARROWEST) / self.high, 0
        scale = max(high - low, _NARROWEST) / (self.high - self.low)
        return scale, int(np.clip(round(self.low - low / scale), self.low, self.high))


INT8 = Activation("int8", -128, 127, "int32", (1 / 256, -128), frozenset(VERSIONS))
INT16 = Activation(
    "int16", -32767, 32767, "int64", (1 / 32768, 0), frozenset(VERSIONS) - {"DEPTH_TO_SPACE", "RESIZE_BILINEAR"}
)


def activations(operator: TfliteOperator) -> tuple[int, ...]:
    """Inputs that have a scale: all but weights, biases, shapes and positions."""
    single = operator.name in WEIGHTED or (operator.name in MOVES and operator.name != "CONCATENATION")
    return operator.inputs[:1] if single else operator.inputs


def scale_groups(graph: TfliteGraph, inside: frozenset[int]) -> dict[int, int]:
    """For each activation of the operators `inside`, the one that stands for all that have its scale."""
    parent: dict[int, int] = {}

    def find(i: int) -> int:
        while parent.setdefault(i, i) != i:
            i = parent[i]
        return i

    for operator in (graph.operators[i] for i in sorted(inside)):
        roots = sorted({find(i) for i in (*activations(operator), *operator.outputs)})
        if operator.name in MOVES:
            parent.update(dict.fromkeys(roots[1:], roots[0]))
    return {i: find(i) for i in sorted(parent)}


def raise_scales(scales: dict[int, float], sums: Iterable[Sequence[int]], fixed: Container[int]) -> None:
    """Raise, in place, scales that are too small beside others of the same sum.

    XNNPACK leaves a sum to LiteRT where an input's scale is 2**8 times the output's or more, or below 2**-10 of it.
    That happens where a tensor is all but constant; the coarser steps are still far below those of the others.

    Args:
        scales: by tensor.
        sums: the tensors of each sum.
        fixed: tensors whose scale is not for us to choose.
    """
    changed = True
    while changed:
        changed = False
        for tensors in sums:
            least = max(scales[i] for i in tensors) / _MOST_APART
            for i in tensors:
                if scales[i] < least and i not in fixed:
                    scales[i], changed = least, True


def quantize_static(content: bytes, inside: frozenset[int], ranges: Mapping[int, Range], kind: Activation) -> bytes:
    """Rewrite a float graph.

    Args:
        content: the flatbuffer.
        inside: operators to compute in integers, all of them in `kind.operators`.
        ranges: least and greatest value of every activation that they touch.
        kind: type of the activations.
    """
    model = unpack(content)
    _Rewriter(model, inside, ranges, kind).run()
    return pack(compact(model), len(content))


class _Rewriter:
    """One rewrite in place; an activation may exist in float, as integers, or both."""

    def __init__(self, model: Any, inside: frozenset[int], ranges: Mapping[int, Range], kind: Activation) -> None:
        self.model, self.inside, self.kind = model, inside, kind
        self.graph, self.parts = describe(model), model.subgraphs[0]
        self.affine = self._affine(ranges)
        self.twins: dict[int, int] = {}
        self.floats = set(self.graph.inputs)
        self.weights: dict[int, tuple[int, Any]] = {}
        self.operators: list[Any] = []

    def _affine(self, ranges: Mapping[int, Range]) -> dict[int, tuple[float, int]]:
        groups = scale_groups(self.graph, self.inside)
        spans: dict[int, list[Range]] = {}
        for tensor, root in groups.items():
            spans.setdefault(root, []).append(ranges[tensor])
        affine = {r: self.kind.affine((min(s[0] for s in v), max(s[1] for s in v))) for r, v in spans.items()}
        computed = [self.graph.operators[i] for i in sorted(self.inside)]
        fixed = {groups[o.outputs[0]] for o in computed if o.name == "LOGISTIC"}
        affine |= dict.fromkeys(sorted(fixed), self.kind.logistic)
        pairs = [[groups[i] for i in (*activations(o), *o.outputs)] for o in computed if o.name in ("ADD", "SUB")]
        scales = {root: scale for root, (scale, _) in affine.items()}
        raise_scales(scales, pairs, fixed)
        return {tensor: (scales[root], affine[root][1]) for tensor, root in groups.items()}

    def run(self) -> None:
        """Rewrite all operators in order."""
        for operator, raw in zip(self.graph.operators, self.parts.operators, strict=True):
            if operator.index in self.inside:
                self._integers(operator, raw)
            else:
                for tensor in operator.inputs:
                    self._need_float(tensor)
                self.floats.update(operator.outputs)
                self.operators.append(raw)
        for tensor in self.graph.outputs:
            self._need_float(tensor)
        self.parts.operators = self.operators

    def _integers(self, operator: TfliteOperator, raw: Any) -> None:
        inputs = list(operator.inputs)
        for place, tensor in enumerate(activations(operator)):
            inputs[place] = self._as_integers(tensor)
        if operator.name in WEIGHTED:
            inputs[1:] = self._weights_and_bias(operator)
        raw.inputs = np.array(inputs, np.int32)
        raw.outputs = np.array([self._twin(i) for i in operator.outputs], np.int32)
        if operator.name in ("ADD", "SUB"):
            raw.builtinOptions.potScaleInt16 = False  # scales of int16 sums are not powers of two
        number = self.model.operatorCodes[raw.opcodeIndex].builtinCode
        raw.opcodeIndex = operator_code(self.model, number, max(operator.version, VERSIONS[operator.name]))
        self.operators.append(raw)

    def _twin(self, tensor: int, data: Any = None) -> int:
        """The integer form of an activation."""
        if tensor not in self.twins:
            scale, zero = self.affine[tensor]
            self.twins[tensor] = add_tensor(self.model, tensor, self.kind.dtype, [scale], zero, data=data)
        return self.twins[tensor]

    def _as_integers(self, tensor: int) -> int:
        if tensor in self.twins:
            return self.twins[tensor]
        if self.graph.tensors[tensor].constant:
            scale, zero = self.affine[tensor]
            rounded = np.rint(values(self.model, tensor).astype(np.float64) / scale) + zero
            return self._twin(tensor, np.clip(rounded, self.kind.low, self.kind.high))
        self.operators.append(conversion(self.model, "QUANTIZE", tensor, self._twin(tensor)))
        return self.twins[tensor]

    def _need_float(self, tensor: int) -> None:
        if tensor in self.twins and tensor not in self.floats and not self.graph.tensors[tensor].constant:
            self.operators.append(conversion(self.model, "DEQUANTIZE", self.twins[tensor], tensor))
            self.floats.add(tensor)

    def _weights_and_bias(self, operator: TfliteOperator) -> list[int]:
        weights, bias = operator.inputs[1:]
        axis = WEIGHTED[operator.name]
        if weights not in self.weights:
            rounded, scale = round_weights(values(self.model, weights), axis)
            index = add_tensor(self.model, weights, "int8", scale, axis=axis, data=rounded)
            self.weights[weights] = index, scale
        index, scale = self.weights[weights]
        steps = scale.astype(np.float64) * self.affine[operator.inputs[0]][0]
        limits = np.iinfo(np.int32)  # of the accumulator, whatever type holds the bias
        rounded = np.clip(np.rint(values(self.model, bias) / steps), limits.min, limits.max)
        return [index, add_tensor(self.model, bias, self.kind.bias, steps, data=rounded)]
