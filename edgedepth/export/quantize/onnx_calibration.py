"""What the activations of an ONNX graph are on calibration pictures: their ranges, and the mean error of the last."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

from edgedepth.export.quantize.feeds import Feed, named

Range = tuple[float, float]
Batches = Sequence[Feed]


def ranges(model: onnx.ModelProto, tensors: Collection[str], batches: Batches) -> dict[str, Range]:
    """Smallest and largest value of each tensor over all batches.

    Args:
        model: the float32 graph.
        tensors: float activations of it.
        batches: what the graph's inputs take.
    """
    found = dict.fromkeys(tensors, (np.inf, -np.inf))
    for values in _activations(model, tensors, batches):
        for name, (low, high) in found.items():
            found[name] = min(low, float(values[name].min())), max(high, float(values[name].max()))
    return found


def correct_last_bias(model: onnx.ModelProto, quantized: onnx.ModelProto, batches: Batches) -> None:
    """Take the mean error of the last convolution out of its bias, in place (Nagel et al. 2019).

    Errors of rounding need not have mean zero, and what they add to the disparity before its sigmoid changes the
    scale of all depth (flex-nano: by 1%). ("Data-Free Quantization Through Weight Equalization and Bias Correction",
    section 4.2; here measured on pictures, at the one layer that all errors pass.)

    Args:
        model: the float32 graph.
        quantized: made of it; its last convolution is in float.
        batches: what the graph's inputs take.
    """
    (last,) = [node for node in quantized.graph.node if node.op_type == "Conv"][-1:]
    output = last.output[0]
    pairs = zip(_activations(model, [output], batches), _activations(quantized, [output], batches), strict=True)
    axes = (0, 2, 3)  # all but the channels of (B, C, H, W)
    errors = [(exact[output] - found[output]).mean(axes, dtype=np.float64) for exact, found in pairs]
    shift = np.mean(errors, axis=0)
    if not shift.any():
        return
    constants = {tensor.name: tensor for tensor in quantized.graph.initializer}
    if len(last.input) > 2:
        shift = shift + numpy_helper.to_array(constants[last.input[2]])
        quantized.graph.initializer.remove(constants[last.input[2]])
        del last.input[2:]
    last.input.append(f"{output}_bias")
    quantized.graph.initializer.append(numpy_helper.from_array(shift.astype(np.float32), f"{output}_bias"))


def _activations(
    model: onnx.ModelProto, tensors: Collection[str], batches: Batches
) -> Iterator[dict[str, NDArray[np.float32]]]:
    """The values of these tensors, and of the graph's inputs and outputs, for one batch after the other."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    own = {value.name for value in (*model.graph.input, *model.graph.output)}
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(set(tensors) - own))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    only = session.get_inputs()[0].name
    names = [value.name for value in session.get_outputs()]
    for batch in batches:
        feeds = named(batch, only)
        yield feeds | dict(zip(names, session.run(names, feeds), strict=True))
