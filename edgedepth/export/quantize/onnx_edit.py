"""Editing a float32 ONNX graph into a quantized one, and weights as int8 with one scale per output channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

WEIGHTED: Mapping[str, int] = {"Conv": 0, "ConvTranspose": 1}
"""Operators with weights (input 1) and a bias (input 2), and the axis of the weights' output channels."""

_SMALLEST = 1e-12
_LARGEST = 127


class Editor:
    """A graph that is written anew, operator by operator, from a float32 graph that stays as it is.

    Attributes:
        source: the float32 graph's operators, in order of execution.
        constants: values of its initializers, by name.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._nodes: list[onnx.NodeProto] = []
        self._made: set[str] = set()
        self.source: tuple[onnx.NodeProto, ...] = tuple(model.graph.node)
        self.constants = {name: numpy_helper.to_array(tensor) for name, tensor in self._tensors.items()}

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Add an initializer, unless it is there."""
        if name not in self._tensors:
            self._tensors[name] = numpy_helper.from_array(np.asarray(values), name)
        return name

    def add(self, operator: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> str:
        """Append an operator, named after its first output, unless that is there; return that output."""
        if outputs[0] not in self._made:
            self._made.add(outputs[0])
            self._nodes.append(helper.make_node(operator, list(inputs), list(outputs), name=outputs[0], **attributes))
        return outputs[0]

    def add_like(self, node: onnx.NodeProto, operator: str, inputs: Sequence[str], output: str) -> str:
        """Append an operator with the attributes of `node`."""
        self.add(operator, inputs, output)
        self._nodes[-1].attribute.extend(node.attribute)
        return output

    def keep(self, node: onnx.NodeProto, inputs: Sequence[str] | None = None) -> None:
        """Append an operator of the float32 graph, reading `inputs` instead of its own where given."""
        twin = onnx.NodeProto()
        twin.CopyFrom(node)
        if inputs is not None:
            del twin.input[:]
            twin.input.extend(inputs)
        self._nodes.append(twin)

    def weight(self, node: onnx.NodeProto) -> NDArray[np.float32] | None:
        """The constant weights of an operator that has such."""
        return self.constants.get(node.input[1]) if node.op_type in WEIGHTED else None

    def finish(self) -> onnx.ModelProto:
        """The new graph, with the constants that it reads.

        Raises:
            onnx.checker.ValidationError: the edit is not a valid graph.
        """
        result = onnx.ModelProto()
        result.CopyFrom(self._model)
        graph = result.graph
        del graph.node[:], graph.initializer[:]
        graph.node.extend(self._nodes)
        read = {name for node in self._nodes for name in node.input}
        graph.initializer.extend(tensor for name, tensor in self._tensors.items() if name in read)
        onnx.checker.check_model(result, full_check=True)
        return result


def per_channel(
    values: NDArray[np.float32], axis: int, floor: NDArray[np.float64] | None = None
) -> NDArray[np.float32]:
    """Symmetric scales that take each channel's largest weight to 127.

    Args:
        values: weights.
        axis: of the channels.
        floor: smallest scale that each channel may have.
    """
    others = tuple(i for i in range(values.ndim) if i != axis)
    scales = np.maximum(np.abs(values).max(axis=others).astype(np.float64) / _LARGEST, _SMALLEST)
    raised: NDArray[np.float64] = scales if floor is None else np.maximum(scales, floor)
    return raised.astype(np.float32)


def integers_of(values: NDArray[np.float32], scales: NDArray[np.float32], axis: int) -> NDArray[np.int8]:
    """Weights as integers of the given scales along `axis`."""
    shape = [1] * values.ndim
    shape[axis] = -1
    integers: NDArray[np.float32] = np.clip(np.rint(values / scales.reshape(shape)), -_LARGEST, _LARGEST)
    return integers.astype(np.int8)


def folded_weight(edit: Editor, name: str, axis: int) -> str:
    """Store weights as int8 behind a cast and a product, which runtimes work out once, when the model is loaded.

    ONNX Runtime keeps a DequantizeLinear for its integer kernels instead, and runs float convolutions behind it in a
    slower form, for their weights are no constants then (flex-nano: 9% slower than float32; behind a product: 0%).

    Args:
        edit: the graph.
        name: of the float32 weights.
        axis: of the output channels.

    Returns:
        The name of the float weights in the new graph.
    """
    values = edit.constants[name]
    scales = per_channel(values, axis)
    shape = [1] * values.ndim
    shape[axis] = -1
    integers = edit.constant(f"{name}_int8", integers_of(values, scales, axis))
    cast = edit.add("Cast", [integers], f"{name}_cast", to=onnx.TensorProto.FLOAT)
    return edit.add("Mul", [cast, edit.constant(f"{name}_scale", scales.reshape(shape))], f"{name}_float")


def int8_weight(edit: Editor, name: str, axis: int, scales: NDArray[np.float32] | None = None) -> str:
    """Store weights as int8 behind a DequantizeLinear.

    Args:
        edit: the graph.
        name: of the float32 weights.
        axis: of the output channels.
        scales: one per channel; `per_channel`'s unless given.

    Returns:
        The name of the dequantized weights.
    """
    values = edit.constants[name]
    scales = per_channel(values, axis) if scales is None else scales
    inputs = [
        edit.constant(f"{name}_int8", integers_of(values, scales, axis)),
        edit.constant(f"{name}_scale", scales),
        edit.constant(f"{name}_zero", np.zeros(scales.shape, np.int8)),
    ]
    return edit.add("DequantizeLinear", inputs, f"{name}_float", axis=axis)
