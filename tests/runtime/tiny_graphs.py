"""Graphs of two operators with a known formula, as real .onnx and .tflite files inside real artifacts.

Each gives ``sigmoid(WEIGHTS . rgb + BIAS)`` per pixel, rgb in 0..1.
"""

from __future__ import annotations

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from msgspec.structs import replace
from onnx import TensorProto, helper, numpy_helper

from edgedepth.artifact.embed import embed_onnx, embed_tflite
from edgedepth.artifact.folder import sha256
from edgedepth.artifact.manifest import (
    FILE_NAME,
    SCHEMA_VERSION,
    Essentials,
    FileEntry,
    InputContract,
    Manifest,
    ModelFacts,
    OutputContract,
    Source,
    TensorQuantization,
    TensorSpec,
    encode,
)

SIZE = (32, 64)
WEIGHTS = np.array([2.0, 1.5, -3.0], np.float32)
BIAS = 0.25
CONSTANTS = {"min_disparity": 0.01, "disparity_range": 9.99}


def expected(rgb):
    """The formula, for (H, W, 3) values in 0..1."""
    return 1 / (1 + np.exp(-(rgb @ WEIGHTS.astype(np.float64) + BIAS)))


def entry(
    path="tiny.onnx",
    *,
    layout=None,
    dtype="float32",
    batch=1,
    meaning="sigmoid-disparity",
    metric=False,
    constants=None,
    value_range=None,
    size=SIZE,
    digest="0" * 64,
    scale=None,
):
    """What a manifest says about one such file; `scale`: (scale, zero point) of the input."""
    file_format = path.rpartition(".")[2]
    layout = layout or ("NCHW" if file_format == "onnx" else "NHWC")
    shapes = {"NCHW": lambda c: (batch, c, *size), "NHWC": lambda c: (batch, *size, c)}
    if value_range is None:
        value_range = (0.0, 255.0) if dtype == "uint8" else (0.0, 1.0)
    return FileEntry(
        path=path,
        format=file_format,
        precision="fp32",
        size=size,
        sha256=digest,
        bytes=0,
        input=InputContract(
            tensor=TensorSpec("image", shapes[layout](3), layout, dtype, TensorQuantization(*scale) if scale else None),
            color="RGB",
            value_range=value_range,
            resize="lanczos",
            normalization="none",
        ),
        output=OutputContract(
            tensor=TensorSpec("disparity", shapes[layout](1), layout, "float32"),
            meaning=meaning,
            decode="depth = 1 / (min_disparity + disparity_range * output)",
            constants=CONSTANTS if constants is None else constants,
            metric=metric,
            value_range=(0.0, 1.0),
        ),
        operators={},
        lowering=(),
        parity={},
        opset=None,
    )


def weights(kind="shipped"):
    """Where the weights came from."""
    return Source(kind=kind, statement=f"{kind} weights", files={}, seed=0 if kind == "random" else None, notes={})


def onnx_model(told):
    """An ONNX graph for that entry."""
    tensor, floating = told.input.tensor, told.input.tensor.dtype == "float32"
    scale = 1.0 if floating else 1 / 255
    kind = TensorProto.FLOAT if floating else TensorProto.UINT8
    name, nodes = "image", []
    if not floating:
        nodes.append(helper.make_node("Cast", [name], ["float"], to=TensorProto.FLOAT))
        name = "float"
    if tensor.layout == "NHWC":
        nodes.append(helper.make_node("Transpose", [name], ["planes"], perm=[0, 3, 1, 2]))
        name = "planes"
    nodes.append(helper.make_node("Conv", [name, "weight", "bias"], ["sum"]))
    last = "disparity" if tensor.layout == "NCHW" else "map"
    nodes.append(helper.make_node("Sigmoid", ["sum"], [last]))
    if tensor.layout == "NHWC":
        nodes.append(helper.make_node("Transpose", [last], ["disparity"], perm=[0, 2, 3, 1]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", kind, tensor.shape)],
        [helper.make_tensor_value_info("disparity", TensorProto.FLOAT, told.output.tensor.shape)],
        [
            numpy_helper.from_array((WEIGHTS * scale).reshape(1, 3, 1, 1).astype(np.float32), "weight"),
            numpy_helper.from_array(np.array([BIAS], np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    return model


def tflite_bytes(told):
    """A TFLite flatbuffer for that entry."""
    floating = told.input.tensor.dtype == "float32"
    scale = 1.0 if floating else 1 / 255
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.description = 3, "tiny"
    model.buffers, graph.tensors, graph.operators, model.operatorCodes = [schema.BufferT()], [], [], []

    def tensor(name, shape, kind=schema.TensorType.FLOAT32, data=None):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, list(shape), kind, 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.astype(np.float32).tobytes(), np.uint8)
            model.buffers.append(buffer)
            made.buffer = len(model.buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(builtin, inputs, output, options=None, options_kind=0):
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 1
        model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = len(model.operatorCodes) - 1, inputs, [output]
        made.builtinOptions, made.builtinOptionsType = options, options_kind
        graph.operators.append(made)

    builtin, option = schema.BuiltinOperator, schema.BuiltinOptions
    kind = schema.TensorType.FLOAT32 if floating else schema.TensorType.UINT8
    image = first = tensor("image", told.input.tensor.shape, kind)
    if not floating:
        image = tensor("float", told.input.tensor.shape)
        operator(builtin.CAST, [first], image, schema.CastOptionsT(), option.CastOptions)
    weight = tensor("weight", (1, 1, 1, 3), data=WEIGHTS * scale)
    bias = tensor("bias", (1,), data=np.array([BIAS]))
    added, out = tensor("sum", told.output.tensor.shape), tensor("disparity", told.output.tensor.shape)
    conv = schema.Conv2DOptionsT()
    conv.padding, conv.strideW, conv.strideH = schema.Padding.VALID, 1, 1
    conv.dilationWFactor = conv.dilationHFactor = 1
    operator(builtin.CONV_2D, [image, weight, bias], added, conv, option.Conv2DOptions)
    operator(builtin.LOGISTIC, [added], out)
    graph.inputs, graph.outputs, graph.name = [first], [out], "main"
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def write_file(folder, told, *, kind="shipped"):
    """Write the entry's file, with its essentials inside; the entry with the true hash."""
    folder.mkdir(parents=True, exist_ok=True)
    inside = Essentials(SCHEMA_VERSION, "tiny", weights(kind), "fp32", told.input, told.output, ())
    path = folder / told.path
    if told.format == "onnx":
        model = onnx_model(told)
        embed_onnx(model, inside)
        onnx.save(model, str(path))
    else:
        path.write_bytes(embed_tflite(tflite_bytes(told), inside))
    return replace(told, sha256=sha256(path), bytes=path.stat().st_size)


def write_artifact(folder, entries, *, kind="shipped"):
    """A whole artifact folder with these files."""
    facts = ModelFacts("tiny", "test", "a tiny graph", {}, 4, {}, "Apache-2.0")
    files = tuple(write_file(folder, told, kind=kind) for told in entries)
    manifest = Manifest(SCHEMA_VERSION, "tiny", facts, weights(kind), files, (), {})
    (folder / FILE_NAME).write_bytes(encode(manifest, indent=1))
    return folder
