"""Which operators of an ONNX graph stay in float, whatever the network.

- The first convolution: it reads three channels, and its few weights stay as they are.
- The last layer, which gives disparity: 8 bits of it would be some metres far away.
- What computes a metric head's metres and probabilities.
- Every operator at a resolution where a convolution is narrow. Integer kernels are slow on few channels, and to
  change to integers and back around the others there costs more than they gain. (flex-nano at half resolution, ONNX
  Runtime 1.31 on x86 with AVX-512 VNNI: 8 to 4 channels take 0.66 ms in integers and 0.41 ms in float.)
"""

from __future__ import annotations

import math

import onnx

from edgedepth.export.lowering.metric_bins import EXACT
from edgedepth.export.quantize.onnx_edit import Editor
from edgedepth.export.quantize.onnx_layers import groups

NARROW = 8
"""Convolutions with fewer channels at either side are narrow."""


def first_convolution(edit: Editor) -> frozenset[str]:
    """The operator that reads the picture; none in a graph without weights."""
    return frozenset([node.name for node in edit.source if edit.weight(node) is not None][:1])


def float_operators(model: onnx.ModelProto, edit: Editor) -> frozenset[str]:
    """Names of the operators that stay in float."""
    layers = groups(model)
    exact = (operator for layer in layers if layer.name in EXACT for operator in layer.operators)
    ends = first_convolution(edit).union(map(str, (*layers[-1].operators, *exact)))
    areas = _areas(model)
    area = {node.name: areas.get(node.output[0], 0) for node in edit.source}
    finest = min((area[n.name] for n in edit.source if n.name not in ends and _is_narrow(edit, n)), default=math.inf)
    return ends.union(name for name, size in area.items() if size >= finest)


def _is_narrow(edit: Editor, node: onnx.NodeProto) -> bool:
    weight = edit.weight(node)
    if weight is None:
        return False
    split = next((a.i for a in node.attribute if a.name == "group"), 1)
    return bool(min(weight.shape[0], weight.shape[1] * split) < NARROW)


def _areas(model: onnx.ModelProto) -> dict[str, int]:
    """Height times width of every feature map (B, C, H, W)."""
    values = onnx.shape_inference.infer_shapes(model).graph.value_info
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in values}
    return {name: shape[2] * shape[3] for name, shape in shapes.items() if len(shape) == 4}
