"""Integers at the ends of an ONNX graph: DequantizeLinear behind its input, QuantizeLinear before its output."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgedepth.artifact.manifest import TensorQuantization, TensorSpec
from edgedepth.export.interface import quantization_of


def set_types(model: onnx.ModelProto, given: TensorSpec, made: TensorSpec) -> None:
    """Give the graph an input and an output of the types that are promised, in place.

    Args:
        model: its input and output are floats; of any precision inside.
        given, made: its input and its output; of several, the first.
    """
    graph = model.graph
    before, after = quantization_of(given), quantization_of(made)
    if before is not None:
        end = graph.input[0]
        _rename(graph, end.name)
        node = _conversion(graph, "DequantizeLinear", end.name, f"{end.name}_float", given.dtype, before)
        nodes = [node, *graph.node]
        del graph.node[:]
        graph.node.extend(nodes)
        _set_type(end, given.dtype)
    if after is not None:
        end = graph.output[0]
        _rename(graph, end.name)
        graph.node.append(_conversion(graph, "QuantizeLinear", f"{end.name}_float", end.name, made.dtype, after))
        _set_type(end, made.dtype)


def _rename(graph: onnx.GraphProto, name: str) -> None:
    """Wherever operators read or give that tensor, they shall read or give ``NAME_float``."""
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [f"{name}_float" if one == name else one for one in names]


def _conversion(
    graph: onnx.GraphProto, operator: str, source: str, target: str, dtype: str, scale: TensorQuantization
) -> onnx.NodeProto:
    end = source if operator == "DequantizeLinear" else target
    step, zero = f"{end}_end_scale", f"{end}_end_zero"
    graph.initializer.append(numpy_helper.from_array(np.array(scale.scale, np.float32), step))
    graph.initializer.append(numpy_helper.from_array(np.array(scale.zero_point, dtype), zero))
    return helper.make_node(operator, [source, step, zero], [target], name=target)


def _set_type(end: onnx.ValueInfoProto, dtype: str) -> None:
    end.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
