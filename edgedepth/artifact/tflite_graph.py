"""What a .tflite file computes, as small typed records: operators, tensors, multiply-adds."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgedepth.errors import InputError

MAGIC = b"TFL3"


@dataclass(frozen=True)
class TfliteTensor:
    """One tensor of the main graph.

    Attributes:
        shape: sizes as stored; a size that is only known at run time is -1.
        dtype: the schema's name in lower case, which is NumPy's where NumPy has the type: ``float32``.
        constant: whether its values are in the file.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    constant: bool

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)


@dataclass(frozen=True)
class TfliteOperator:
    """One operator of the main graph.

    Attributes:
        name: the schema's, such as ``CONV_2D``; of a custom operator, the name it gives itself.
        inputs, outputs: tensor indices; -1 is an optional input that is not there.
        options: the operator's own settings, by the schema's names.
    """

    index: int
    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class TfliteGraph:
    """The main graph of a file.

    Attributes:
        operators: in order of execution.
        inputs, outputs: tensor indices.
        subgraphs: graphs in the file; only the first one is described here.
        metadata: names of the metadata entries.
    """

    tensors: tuple[TfliteTensor, ...]
    operators: tuple[TfliteOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int
    metadata: tuple[str, ...]

    def histogram(self) -> dict[str, int]:
        """How often each operator occurs, most frequent first."""
        return dict(Counter(operator.name for operator in self.operators).most_common())

    def max_rank(self) -> int:
        """Highest rank of any tensor."""
        return max((tensor.rank for tensor in self.tensors), default=0)

    def transposes(self) -> tuple[TfliteOperator, ...]:
        """Every TRANSPOSE."""
        return tuple(operator for operator in self.operators if operator.name == "TRANSPOSE")

    def macs(self) -> int:
        """Multiply-adds of one run in convolutions, fully connected layers and matrix products.

        A convolution that only moves data counts like any other: the file does not say which ones do.

        Raises:
            InputError: a size that has to be counted is only known at run time, or fits no such operator.
        """
        return sum(self._macs_of(operator) for operator in self.operators)

    def _macs_of(self, operator: TfliteOperator) -> int:
        count = _COUNTS.get(operator.name)
        if count is None or not operator.outputs:
            return 0
        shapes = [self.tensors[i].shape if i >= 0 else () for i in operator.inputs]
        out = self.tensors[operator.outputs[0]].shape
        if any(size < 0 for shape in (*shapes, out) for size in shape):
            raise _uncountable(operator, "are not fixed")
        try:
            return count(shapes, math.prod(out), operator.options)
        except IndexError as error:
            raise _uncountable(operator, "do not fit it") from error


def _uncountable(operator: TfliteOperator, why: str) -> InputError:
    return InputError(
        "The multiply-adds of this graph cannot be counted.",
        f"The sizes of operator {operator.index}, a {operator.name}, {why}.",
        "Give the file fixed input sizes, or state the count with --macs.",
    )


Count = Callable[[list[tuple[int, ...]], int, Mapping[str, Any]], int]

_COUNTS: dict[str, Count] = {
    "CONV_2D": lambda shapes, out, _: out * math.prod(shapes[1][1:]),
    "CONV_3D": lambda shapes, out, _: out * math.prod(shapes[1][:4]),
    "DEPTHWISE_CONV_2D": lambda shapes, out, _: out * math.prod(shapes[1][1:3]),
    "TRANSPOSE_CONV": lambda shapes, _, __: math.prod(shapes[2]) * math.prod(shapes[1][:3]),
    "FULLY_CONNECTED": lambda shapes, out, _: out * shapes[1][-1],
    "BATCH_MATMUL": lambda shapes, out, options: out * shapes[0][-2 if options.get("adjX") else -1],
}
"""Multiply-adds from the shapes of the inputs, the elements of the output and the options."""


def read_tflite(path: Path) -> TfliteGraph:
    """Read and describe a file.

    Raises:
        InputError: it cannot be opened, is not a TFLite file, or is damaged.
    """
    return describe(read_model(path))


def read_model(path: Path) -> Any:
    """The file as the schema's own ``ModelT``, for those who edit it.

    Raises:
        InputError: as in `read_tflite`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be opened.", error.strerror or str(error), "Name a .tflite file.") from error
    if content[4:8] != MAGIC:
        raise InputError(
            f"{path} is not a TFLite file.",
            f"It starts with {content[:8]!r} instead of the identifier {MAGIC.decode()} after four bytes.",
            "Name a file that a TFLite converter wrote.",
        )
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        describe(model)
    except (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{path} is damaged.",
            f"Its {len(content)} bytes do not hold a whole graph ({type(error).__name__}: {error}).",
            "Copy or export the file again.",
        ) from error
    return model


def describe(model: Any) -> TfliteGraph:
    """The main graph of a ``ModelT``; errors of the schema's own kind if its parts do not fit together."""
    graph = model.subgraphs[0]
    tensors = tuple(_tensor(i, tensor, model.buffers) for i, tensor in enumerate(graph.tensors))
    operators = tuple(_operator(i, operator, model.operatorCodes) for i, operator in enumerate(graph.operators))
    inputs, outputs = _indices(graph.inputs), _indices(graph.outputs)
    used = [*inputs, *outputs, *(i for o in operators for i in (*o.inputs, *o.outputs))]
    if any(not -1 <= i < len(tensors) for i in used):
        raise IndexError("an operator names a tensor that is not there")
    metadata = tuple(_text(entry.name) for entry in model.metadata or [])
    return TfliteGraph(tensors, operators, inputs, outputs, len(model.subgraphs), metadata)


def _tensor(index: int, tensor: Any, buffers: list[Any]) -> TfliteTensor:
    stored = _indices(tensor.shape)
    signature = _indices(tensor.shapeSignature)
    buffer = buffers[tensor.buffer]
    # Data beyond 2 GB lies behind the flatbuffer, at an offset; 1 and below mean that there is none.
    constant = (buffer.data is not None and len(buffer.data) > 0) or buffer.offset > 1
    return TfliteTensor(index, _text(tensor.name), signature or stored, TYPES[tensor.type], constant)


def _operator(index: int, operator: Any, codes: list[Any]) -> TfliteOperator:
    code = codes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = _text(code.customCode) if OPERATORS[number] == "CUSTOM" else OPERATORS[number]
    options = operator.builtinOptions if operator.builtinOptions is not None else operator.builtinOptions2
    return TfliteOperator(
        index,
        name,
        code.version,
        _indices(operator.inputs),
        _indices(operator.outputs),
        dict(vars(options)) if options is not None else {},
    )


def _indices(vector: Any) -> tuple[int, ...]:
    return () if vector is None else tuple(int(i) for i in vector)


def _text(raw: bytes | str | None) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else raw or ""


def _enumeration(kind: type) -> dict[int, str]:
    return {value: name for name, value in vars(kind).items() if not name.startswith("_")}


class _Known(dict[int, str]):
    def __missing__(self, number: int) -> str:
        raise ValueError(f"number {number} is not in the schema")


OPERATORS = _Known(_enumeration(schema.BuiltinOperator))
TYPES = _Known({number: name.lower() for number, name in _enumeration(schema.TensorType).items()})
