"""What a .onnx file computes, as small typed records: operators, tensors where known, multiply-adds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

from edgedepth.errors import InputError


@dataclass(frozen=True)
class OnnxTensor:
    """One tensor.

    Attributes:
        shape: sizes, -1 for one that is not fixed; None where shape inference found nothing.
        dtype: NumPy's name, or the format's in lower case where NumPy has none.
        constant: whether its values are in the file.
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: str
    constant: bool

    @property
    def rank(self) -> int | None:
        """Number of dimensions, where known."""
        return None if self.shape is None else len(self.shape)


@dataclass(frozen=True)
class OnnxOperator:
    """One node; absent optional inputs are empty strings."""

    index: int
    name: str
    kind: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class OnnxGraph:
    """The main graph of a file; graphs inside control-flow nodes are not described.

    Attributes:
        opset: of the standard operators.
        tensors: by name.
        inputs, outputs: names; constants are not inputs.
        metadata: keys of the file's metadata_props.
    """

    opset: int
    operators: tuple[OnnxOperator, ...]
    tensors: Mapping[str, OnnxTensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    metadata: tuple[str, ...]

    def histogram(self) -> dict[str, int]:
        """How often each operator occurs, most frequent first; foreign ones with their domain."""
        names = (f"{o.domain}.{o.kind}" if o.domain else o.kind for o in self.operators)
        return dict(Counter(names).most_common())

    def max_rank(self) -> int:
        """Highest rank of any tensor whose rank is known."""
        return max((t.rank for t in self.tensors.values() if t.rank is not None), default=0)

    def transposes(self) -> tuple[OnnxOperator, ...]:
        """Every Transpose."""
        return tuple(operator for operator in self.operators if operator.kind == "Transpose")

    def macs(self) -> int:
        """Multiply-adds of one run in convolutions and matrix products.

        A convolution that only moves data counts like any other: the file does not say which ones do.

        Raises:
            InputError: the shape of an operator that has to be counted is not known.
        """
        return sum(self._macs_of(operator) for operator in self.operators)

    def _macs_of(self, operator: OnnxOperator) -> int:
        try:
            return self._count(operator)
        except IndexError as error:
            raise _uncountable(f"Node {operator.index}, a {operator.kind}, has too few inputs or sizes.") from error

    def _count(self, operator: OnnxOperator) -> int:
        match operator.kind:
            case "Conv" | "ConvInteger" | "FusedConv":
                return self._elements(operator.outputs[0]) * math.prod(self._shape(operator.inputs[1])[1:])
            case "QLinearConv":
                return self._elements(operator.outputs[0]) * math.prod(self._shape(operator.inputs[3])[1:])
            case "ConvTranspose":
                return self._elements(operator.inputs[0]) * math.prod(self._shape(operator.inputs[1])[1:])
            case "MatMul" | "MatMulInteger" | "QLinearMatMul" | "FusedMatMul":
                return self._elements(operator.outputs[0]) * self._inner(operator, "transA")
            case "Gemm" | "FusedGemm":
                return self._elements(operator.outputs[0]) * self._inner(operator, "transA")
        return 0

    def _inner(self, operator: OnnxOperator, transposed: str) -> int:
        return self._shape(operator.inputs[0])[-2 if operator.attributes.get(transposed) else -1]

    def _elements(self, name: str) -> int:
        return math.prod(self._shape(name))

    def _shape(self, name: str) -> tuple[int, ...]:
        tensor = self.tensors.get(name)
        if tensor is None or tensor.shape is None or min(tensor.shape, default=1) < 0:
            raise _uncountable(f"The sizes of tensor {name!r} are not fixed.")
        return tensor.shape


def _uncountable(evidence: str) -> InputError:
    return InputError(
        "The multiply-adds of this graph cannot be counted.",
        evidence,
        "Give the file fixed input sizes, or state the count with --macs.",
    )


def read_onnx(path: Path) -> OnnxGraph:
    """Read and describe a file.

    Raises:
        InputError: it cannot be opened, is not an ONNX model, or is damaged.
    """
    try:
        model = onnx.load(str(path), load_external_data=False)
        onnx.checker.check_model(model, full_check=False)
        return describe(model)
    except OSError as error:
        raise InputError(f"{path} cannot be opened.", error.strerror or str(error), "Name a .onnx file.") from error
    except Exception as error:  # protobuf, checker and shape inference each raise their own types
        said = str(error).strip().partition("\n")[0][:160]
        raise InputError(
            f"{path} is damaged or not an ONNX model.",
            f"{type(error).__name__}: {said}" if said else "It cannot be parsed.",
            "Copy or export the file again.",
        ) from error


def describe(model: onnx.ModelProto) -> OnnxGraph:
    """The main graph of a model, with what shape inference finds."""
    inferred = shape_inference.infer_shapes(model, data_prop=True).graph
    graph = model.graph
    tensors = {info.name: _tensor(info) for info in (*inferred.value_info, *inferred.input, *inferred.output)}
    for constant in graph.initializer:
        tensors[constant.name] = OnnxTensor(
            constant.name, tuple(constant.dims), _dtype(constant.data_type), constant=True
        )
    for node in graph.node:
        if node.op_type == "Constant":
            tensors[node.output[0]] = _constant(node)
    operators = tuple(
        OnnxOperator(
            index,
            node.name,
            node.op_type,
            "" if node.domain == "ai.onnx" else node.domain,
            tuple(node.input),
            tuple(node.output),
            {a.name: helper.get_attribute_value(a) for a in node.attribute},
        )
        for index, node in enumerate(graph.node)
    )
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    constants = {constant.name for constant in graph.initializer}
    inputs = tuple(i.name for i in graph.input if i.name not in constants)
    metadata = tuple(entry.key for entry in model.metadata_props)
    return OnnxGraph(opset, operators, tensors, inputs, tuple(o.name for o in graph.output), metadata)


def _tensor(info: onnx.ValueInfoProto) -> OnnxTensor:
    kind = info.type.tensor_type
    shape = None
    if kind.HasField("shape"):
        shape = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim)
    return OnnxTensor(info.name, shape, _dtype(kind.elem_type), constant=False)


def _constant(node: onnx.NodeProto) -> OnnxTensor:
    value = helper.get_attribute_value(node.attribute[0])
    if isinstance(value, TensorProto):
        array = numpy_helper.to_array(value)
        return OnnxTensor(node.output[0], array.shape, str(array.dtype), constant=True)
    shape = (len(value),) if isinstance(value, (list, tuple)) else ()
    return OnnxTensor(node.output[0], shape, "", constant=True)


def _dtype(number: int) -> str:
    try:
        return str(helper.tensor_dtype_to_np_dtype(number))
    except (KeyError, ValueError):
        return str(TensorProto.DataType.Name(number)).lower()
