"""Integers at the ends of a TFLite graph: its input and its output as quantized tensors.

An integer input stands before a DEQUANTIZE, an integer output behind a QUANTIZE; every delegate takes both, where a
CAST would stay outside XNNPACK. A graph that computes in integers may quantize its input at once: where it does so with
the scale and the zero point of the input itself, both conversions are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgedepth.artifact.flatbuffer import pack, unpack
from edgedepth.artifact.manifest import TensorQuantization, TensorSpec
from edgedepth.artifact.tflite_graph import describe
from edgedepth.export.interface import quantization_of
from edgedepth.export.quantize.tflite_edit import add_tensor, compact, conversion


def with_types(content: bytes, given: TensorSpec, made: TensorSpec) -> bytes:
    """The graph with an input and an output of the types that are promised.

    Args:
        content: a flatbuffer whose input and output are floats, of any precision inside.
        given, made: its input and its output; of several, the first.
    """
    before, after = quantization_of(given), quantization_of(made)
    if before is None and after is None:
        return content
    model = unpack(content)
    graph = model.subgraphs[0]
    if before is not None:
        _take_integers(model, _end(model, int(graph.inputs[0]), given.dtype, before))
    if after is not None:
        floats = int(graph.outputs[0])
        integers = _end(model, floats, made.dtype, after)
        graph.operators.append(conversion(model, "QUANTIZE", floats, integers))
        _rewire(model, "outputs", integers)
    return pack(compact(model), len(content))


def _end(model: Any, floats: int, dtype: str, scale: TensorQuantization) -> int:
    """An integer tensor with the name of a float one, which gets another."""
    index = add_tensor(model, floats, dtype, [scale.scale], scale.zero_point)
    model.subgraphs[0].tensors[floats].name = model.subgraphs[0].tensors[floats].name + b"_float"
    return index


def _take_integers(model: Any, integers: int) -> None:
    graph = model.subgraphs[0]
    floats = int(graph.inputs[0])
    twins = _same_integers(model, floats, integers)
    graph.operators = [o for o in graph.operators if int(o.outputs[0]) not in twins]
    for operator in graph.operators:
        operator.inputs = np.array([integers if int(i) in twins else i for i in operator.inputs], np.int32)
    if any(floats in operator.inputs for operator in graph.operators):
        graph.operators.insert(0, conversion(model, "DEQUANTIZE", integers, floats))
    _rewire(model, "inputs", integers)


def _same_integers(model: Any, floats: int, integers: int) -> frozenset[int]:
    """What the graph's own QUANTIZE operators make of the input, where these are the integers of the input itself."""
    tensors = model.subgraphs[0].tensors
    read = (o for o in describe(model).operators if o.name == "QUANTIZE" and o.inputs == (floats,))
    return frozenset(o.outputs[0] for o in read if _same(tensors[o.outputs[0]], tensors[integers]))


def _same(one: Any, other: Any) -> bool:
    a, b = one.quantization, other.quantization
    return bool(
        one.type == other.type
        and np.allclose(a.scale, b.scale, rtol=1e-6, atol=0)
        and np.array_equal(a.zeroPoint, b.zeroPoint)
    )


def _rewire(model: Any, end: str, tensor: int) -> None:
    """Make a tensor the graph's first input or output."""
    graph = model.subgraphs[0]
    old = int(getattr(graph, end)[0])
    setattr(graph, end, np.array([tensor, *getattr(graph, end)[1:]], np.int32))
    for entry in (entry for signature in model.signatureDefs or [] for entry in getattr(signature, end)):
        if entry.tensorIndex == old:
            entry.tensorIndex = tensor
