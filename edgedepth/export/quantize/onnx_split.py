"""Splits of which one part is read, as the slice that gives this part.

A graph in which a concatenation reads a feature map whole, and not its two halves, leaves one output of the Split
unread. ONNX Runtime fuses a Split on integers only where all its outputs are quantized again, and nothing quantizes an
unread one: the map would become float, be split and be quantized once more.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper


def slice_single_parts(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace every Split with one output that is read by a Slice of the same name; values stay bit for bit.

    Args:
        model: not changed. Splits along an axis of unknown length stay.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    values = onnx.shape_inference.infer_shapes(model).graph.value_info
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in values}
    read = {name for node in graph.node for name in node.input}.union(value.name for value in graph.output)
    for node in graph.node:
        parts = [name for name in node.output if name in read]
        if node.op_type == "Split" and len(parts) == 1:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
            lengths = [shapes[name][axis] if shapes.get(name) else 0 for name in node.output]
            if all(lengths):
                _become_slice(graph, node, list(node.output).index(parts[0]), lengths, axis)
    return result


def _become_slice(graph: onnx.GraphProto, node: onnx.NodeProto, part: int, lengths: list[int], axis: int) -> None:
    output, start = node.output[part], sum(lengths[:part])
    limits = {"starts": start, "ends": start + lengths[part], "axes": axis}
    constants = [numpy_helper.from_array(np.array([at], np.int64), f"{output}_{name}") for name, at in limits.items()]
    graph.initializer.extend(constants)
    inputs = [node.input[0], *(tensor.name for tensor in constants)]
    node.CopyFrom(helper.make_node("Slice", inputs, [output], name=node.name))
