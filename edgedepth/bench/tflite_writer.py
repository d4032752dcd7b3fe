"""Writing small TFLite graphs without a converter: the floor's convolutions, single operators for checks."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # the generated schema is untyped
    """A buffer whose data starts on 16 bytes, which the schema demands and its generated writer ignores."""

    def Pack(self, builder: flatbuffers.Builder) -> Any:  # noqa: N802 - the schema's own name
        if self.data is None:
            return super().Pack(builder)
        raw = bytes(self.data)
        builder.StartVector(1, len(raw), 16)
        builder.head -= len(raw)
        builder.Bytes[builder.head : builder.head + len(raw)] = raw
        data = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


class TfliteWriter:
    """Collects tensors and operators in order of execution; `finish` gives the file's bytes."""

    def __init__(self) -> None:
        self._buffers: list[Any] = [schema.BufferT()]
        self._codes: list[Any] = []
        self._graph = schema.SubGraphT(name="main", tensors=[], operators=[], inputs=[], outputs=[])

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: str = "float32",
        quantization: tuple[float, int] | None = None,
    ) -> int:
        """A tensor without values; returns its index.

        Args:
            name: as the runtime shows it.
            shape: fixed sizes.
            dtype: NumPy's name.
            quantization: (scale, zero point) of the whole tensor, if it is quantized.
        """
        kind = getattr(schema.TensorType, dtype.upper())
        tensor = schema.TensorT(shape=np.array(shape, np.int32), type=kind, buffer=0, name=name, hasRank=True)
        if quantization is not None:
            scale, zero = quantization
            tensor.quantization = schema.QuantizationParametersT(
                scale=np.array([scale], np.float32), zeroPoint=np.array([zero], np.int64)
            )
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def constant(self, name: str, values: npt.NDArray[Any]) -> int:
        """A tensor with values; returns its index."""
        index = self.tensor(name, values.shape, str(values.dtype))
        self._buffers.append(_AlignedBuffer(data=np.frombuffer(values.tobytes(), np.uint8)))
        self._graph.tensors[index].buffer = len(self._buffers) - 1
        return index

    def operator(self, name: str, inputs: list[int], outputs: list[int], options: Any = None, version: int = 1) -> None:
        """Append an operator.

        Args:
            name: the schema's, such as ``CONV_2D``.
            inputs: tensor indices; -1 for an absent optional one.
            outputs: tensor indices.
            options: the schema's options object of that operator, if it has one.
            version: of the operator, as the runtime's registry counts.
        """
        number = getattr(schema.BuiltinOperator, name)
        self._codes.append(
            schema.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=min(number, 127), version=version)
        )
        operator = schema.OperatorT(
            opcodeIndex=len(self._codes) - 1,
            inputs=np.array(inputs, np.int32),
            outputs=np.array(outputs, np.int32),
        )
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        self._graph.operators.append(operator)

    def finish(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The file's bytes, with the given tensors as the graph's interface under ``serving_default``."""
        self._graph.inputs = np.array(inputs, np.int32)
        self._graph.outputs = np.array(outputs, np.int32)
        signature = schema.SignatureDefT(
            inputs=[self._named(i) for i in inputs],
            outputs=[self._named(i) for i in outputs],
            signatureKey="serving_default",
            subgraphIndex=0,
        )
        model = schema.ModelT(
            version=3,
            operatorCodes=self._codes,
            subgraphs=[self._graph],
            description="edgedepth",
            buffers=self._buffers,
            signatureDefs=[signature],
        )
        return pack(model)

    def _named(self, index: int) -> Any:
        return schema.TensorMapT(name=self._graph.tensors[index].name, tensorIndex=index)


def pack(model: Any) -> bytes:
    """A ``ModelT`` as a file's bytes."""
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
