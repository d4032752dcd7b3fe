"""int8 weights in an ONNX graph that stays otherwise in float, or measures its activations' ranges as it runs."""

from __future__ import annotations

import numpy as np
import onnx

from edgedepth.export.quantize.onnx_edit import WEIGHTED, Editor, folded_weight, integers_of, per_channel
from edgedepth.export.quantize.onnx_policy import first_convolution, float_operators


def quantize_weights(model: onnx.ModelProto, kept: frozenset[str]) -> onnx.ModelProto:
    """Store the weights of all operators but the kept ones as int8; arithmetic stays float."""
    edit = Editor(model)
    for node in edit.source:
        inputs = list(node.input)
        if node.name not in kept and edit.weight(node) is not None:
            inputs[1] = folded_weight(edit, node.input[1], WEIGHTED[node.op_type])
        edit.keep(node, inputs)
    return edit.finish()


def quantize_dynamic(model: onnx.ModelProto, kept: frozenset[str]) -> onnx.ModelProto:
    """Turn convolutions into ConvInteger on activations that are quantized as the graph runs.

    The range of an input is found anew for every picture by DynamicQuantizeLinear, so no calibration is needed; the
    int32 products are scaled back to float. What stays in float has int8 weights all the same, but for the first
    convolution and what is kept. Weights are stored as uint8 about 128: ONNX Runtime has no fast ConvInteger for int8
    ones (flex-nano: 5.6 times slower).
    """
    edit = Editor(model)
    exact, floats = kept | first_convolution(edit), float_operators(model, edit)
    for node in edit.source:
        if edit.weight(node) is None or node.name in exact:
            edit.keep(node)
        elif node.op_type == "Conv" and node.name not in floats:
            _dynamic_convolution(edit, node)
        else:
            weight = folded_weight(edit, node.input[1], WEIGHTED[node.op_type])
            edit.keep(node, [node.input[0], weight, *node.input[2:]])
    return edit.finish()


def _dynamic_convolution(edit: Editor, node: onnx.NodeProto) -> None:
    x, name, output = node.input[0], node.input[1], node.output[0]
    values = edit.constants[name]
    column = (-1, *[1] * (values.ndim - 2))  # along the channels of (B, C, H, W)
    scales = per_channel(values, 0)
    about_128 = (integers_of(values, scales, 0).astype(np.int16) + 128).astype(np.uint8)
    edit.add("DynamicQuantizeLinear", [x], f"{x}_integer", f"{x}_scale", f"{x}_zero")
    read = [
        f"{x}_integer",
        edit.constant(f"{name}_uint8", about_128),
        f"{x}_zero",
        edit.constant("weight_zero", np.asarray(np.uint8(128))),
    ]
    sums = edit.add_like(node, "ConvInteger", read, f"{output}_int32")
    sums = edit.add("Cast", [sums], f"{output}_sums", to=onnx.TensorProto.FLOAT)
    scale = edit.add("Mul", [f"{x}_scale", edit.constant(f"{name}_scale", scales.reshape(column))], f"{output}_steps")
    if len(node.input) < 3:
        edit.add("Mul", [sums, scale], output)
        return
    products = edit.add("Mul", [sums, scale], f"{output}_products")
    bias = edit.constant(f"{node.input[2]}_column", edit.constants[node.input[2]].reshape(column))
    edit.add("Add", [products, bias], output)
