"""Integer weights of a TFLite graph: their rounding, and the precisions that leave activations in float.

Real weight = scale * integer, with one scale per output channel and no zero point.

- w8: the weights stand behind a DEQUANTIZE, which XNNPACK folds when the graph is loaded. A smaller file, the float
  graph's speed, and arithmetic in float.
- dyn8: convolutions take int8 weights as they are; the runtime rounds each input by the range that it finds in it and
  multiplies in integers. XNNPACK has no depthwise convolution of that kind, so depthwise weights are stored as in w8.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgedepth.artifact.flatbuffer import pack, unpack
from edgedepth.artifact.tflite_graph import describe
from edgedepth.export.quantize.tflite_edit import add_tensor, compact, conversion, operator_code, values

WEIGHTED = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}
"""Operators with constant weights, and the axis of the weights that is the output channel."""

_LEVELS = 127
_HYBRID_VERSION = 5
"""Since which CONV_2D takes int8 weights per channel with a float input."""


def round_weights(weights: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Integers in -127..127, and the scale of each slice along `axis`; a slice of zeros has scale 1."""
    others = tuple(i for i in range(weights.ndim) if i != axis)
    scale = np.abs(weights).max(axis=others, keepdims=True) / np.float32(_LEVELS)
    scale = np.where(scale >= np.finfo(np.float32).tiny, scale, np.float32(1))
    rounded = np.clip(np.rint(weights / scale), -_LEVELS, _LEVELS)
    return rounded.astype(np.int8), scale.reshape(-1)


def quantize_weights(content: bytes, floats: frozenset[int], *, dynamic: bool) -> bytes:
    """Store weights as integers and leave activations in float.

    Args:
        content: the float flatbuffer.
        floats: operators whose weights stay in float.
        dynamic: dyn8 instead of w8.
    """
    model = unpack(content)
    parts = model.subgraphs[0]
    stored: dict[tuple[int, int], int] = {}
    restored: dict[int, int] = {}
    operators: list[Any] = []
    for operator, raw in zip(describe(model).operators, list(parts.operators), strict=True):
        if operator.name in WEIGHTED and operator.index not in floats:
            weights, axis = operator.inputs[1], WEIGHTED[operator.name]
            if (weights, axis) not in stored:
                rounded, scale = round_weights(values(model, weights), axis)
                stored[weights, axis] = add_tensor(model, weights, "int8", scale, axis=axis, data=rounded)
            source = stored[weights, axis]
            inputs = list(operator.inputs)
            if dynamic and operator.name == "CONV_2D":
                inputs[1] = source
                raw.opcodeIndex = operator_code(model, schema.BuiltinOperator.CONV_2D, _HYBRID_VERSION)
            else:
                if source not in restored:
                    restored[source] = _float_twin(model, weights)
                    operators.append(conversion(model, "DEQUANTIZE", source, restored[source]))
                inputs[1] = restored[source]
            raw.inputs = np.array(inputs, np.int32)
        operators.append(raw)
    parts.operators = operators
    return pack(compact(model), len(content))


def _float_twin(model: Any, tensor: int) -> int:
    parts = model.subgraphs[0].tensors
    old, new = parts[tensor], schema.TensorT()
    new.shape, new.name, new.type, new.hasRank, new.buffer = old.shape, old.name, old.type, True, 0
    parts.append(new)
    return len(parts) - 1
