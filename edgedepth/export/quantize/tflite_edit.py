"""Small edits of a TFLite ``ModelT`` that every precision needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

Array = NDArray[Any]

_BYTE_CODES = 127
"""The greatest operator number that fits the schema's older one-byte field."""


def values(model: Any, tensor: int) -> NDArray[np.float32]:
    """A constant float tensor."""
    parts = model.subgraphs[0].tensors[tensor]
    raw = np.asarray(model.buffers[parts.buffer].data, np.uint8).tobytes()
    return np.frombuffer(raw, np.float32).reshape(list(parts.shape))


def add_tensor(
    model: Any, like: int, dtype: str, scale: Iterable[float], zero: int = 0, axis: int = 0, data: Array | None = None
) -> int:
    """Append a quantized tensor; returns its index.

    Args:
        like: a tensor whose name and shape it gets.
        dtype: NumPy's name.
        scale: one value, or one per slice along `axis`.
        zero: zero point of all of them.
        data: values of a constant.
    """
    parts = model.subgraphs[0].tensors
    old, new = parts[like], schema.TensorT()
    new.shape, new.name, new.hasRank, new.buffer = old.shape, old.name, True, 0
    new.type = getattr(schema.TensorType, dtype.upper())
    scales = np.array([*scale], np.float32)
    new.quantization = schema.QuantizationParametersT()
    new.quantization.scale = scales
    new.quantization.zeroPoint = np.full(len(scales), zero, np.int64)
    new.quantization.quantizedDimension = axis
    if data is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(data, dtype).tobytes(), np.uint8)
        model.buffers.append(buffer)
        new.buffer = len(model.buffers) - 1
    parts.append(new)
    return len(parts) - 1


def operator_code(model: Any, number: int, version: int) -> int:
    """Index of a built-in operator of at least that version, added where the file does not list it."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == number and code.version >= version:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, _BYTE_CODES), version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def conversion(model: Any, name: str, source: int, target: int) -> Any:
    """A new QUANTIZE or DEQUANTIZE, not yet in the graph."""
    operator = schema.OperatorT()
    version = 2 if name == "DEQUANTIZE" else 1
    operator.opcodeIndex = operator_code(model, getattr(schema.BuiltinOperator, name), version)
    operator.inputs, operator.outputs = np.array([source], np.int32), np.array([target], np.int32)
    return operator


def compact(model: Any) -> Any:
    """Drop what no operator uses any more, and let constants with the same bytes share a buffer.

    What the converter noted in the metadata goes too: it described the float graph.
    """
    graph = model.subgraphs[0]
    touched = {int(i) for o in graph.operators for i in (*o.inputs, *o.outputs)}
    used = sorted((touched | {int(i) for i in (*graph.inputs, *graph.outputs)}) - {-1})
    place = {old: new for new, old in enumerate(used)} | {-1: -1}
    for holder in (graph, *graph.operators):
        holder.inputs = np.array([place[int(i)] for i in holder.inputs], np.int32)
        holder.outputs = np.array([place[int(i)] for i in holder.outputs], np.int32)
    for signature in model.signatureDefs or []:
        for entry in (*signature.inputs, *signature.outputs):
            entry.tensorIndex = place[entry.tensorIndex]
    graph.tensors = [graph.tensors[i] for i in used]
    codes = sorted({operator.opcodeIndex for operator in graph.operators})
    for operator in graph.operators:
        operator.opcodeIndex = codes.index(operator.opcodeIndex)
    model.operatorCodes = [model.operatorCodes[i] for i in codes]
    _share_buffers(model)
    model.metadata, model.metadataBuffer = None, None
    return model


def _share_buffers(model: Any) -> None:
    buffers, places = [schema.BufferT()], {b"": 0}
    for tensor in model.subgraphs[0].tensors:
        buffer = model.buffers[tensor.buffer]
        content = b"" if buffer.data is None else np.asarray(buffer.data, np.uint8).tobytes()
        if content not in places:
            places[content] = len(buffers)
            buffers.append(buffer)
        tensor.buffer = places[content]
    model.buffers = buffers
