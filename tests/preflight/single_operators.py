"""Graphs of one operator each: ground truth for what a delegate takes."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgedepth.bench.tflite_writer import TfliteWriter

SHAPE = (1, 8, 8, 4)


def _unary(name, *, shape=SHAPE, out=None, options=None, version=1, dtype="float32", out_dtype=None):
    def build():
        w = TfliteWriter()
        x = w.tensor("x", shape, dtype)
        y = w.tensor("y", out or shape, out_dtype or dtype)
        w.operator(name, [x], [y], options, version)
        return w.finish([x], [y])

    return build


def _with_constants(name, constants, out, options=None, *, version=1, shape=SHAPE, out_dtype="float32"):
    """One activation, then constants."""

    def build():
        w = TfliteWriter()
        x = w.tensor("x", shape)
        held = [w.constant(f"c{i}", np.asarray(c)) for i, c in enumerate(constants)]
        y = w.tensor("y", out, out_dtype)
        w.operator(name, [x, *held], [y], options, version)
        return w.finish([x], [y])

    return build


def _of_two(name, a, b, out, options=None, *, version=1, out_dtype="float32", extra=()):
    """Two activations."""

    def build():
        w = TfliteWriter()
        x, z = w.tensor("x", a), w.tensor("z", b)
        y = w.tensor("y", out, out_dtype)
        w.operator(name, [x, z, *extra], [y], options, version)
        return w.finish([x, z], [y])

    return build


def _select(name):
    """y = x > 0 ? x : z, with the comparison that a condition needs."""

    def build():
        w = TfliteWriter()
        x, z = w.tensor("x", SHAPE), w.tensor("z", SHAPE)
        condition = w.tensor("condition", SHAPE, "bool")
        y = w.tensor("y", SHAPE)
        options = schema.SelectOptionsT() if name == "SELECT" else schema.SelectV2OptionsT()
        w.operator("GREATER", [x, z], [condition], schema.GreaterOptionsT())
        w.operator(name, [condition, x, z], [y], options)
        return w.finish([x, z], [y])

    return build


def i32(*values):
    return np.array(values, np.int32)


def _conv_weights():
    return np.ones((4, 3, 3, 4), np.float32) / 36, np.zeros(4, np.float32)


def _dequantize(dtype, zero):
    """A quantized picture as floats in 0..1, in one operator."""

    def build():
        w = TfliteWriter()
        x = w.tensor("x", SHAPE, dtype, (1 / 255, zero))
        y = w.tensor("y", SHAPE)
        w.operator("DEQUANTIZE", [x], [y], schema.DequantizeOptionsT(), 2)
        return w.finish([x], [y])

    return build


def _dysample_named():
    """A rank-5 addition whose result bears the name of the module that it came from."""
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 2, 2, 2, 2)), w.tensor("net/DySample_0;39", (1, 2, 2, 2, 2))
    w.operator("ADD", [x, x], [y], schema.AddOptionsT(), 4)
    return w.finish([x], [y])


CASES = {
    "DEQUANTIZE from uint8": _dequantize("uint8", 0),
    "DEQUANTIZE from int8": _dequantize("int8", -128),
    "ADD rank 5 of DySample": _dysample_named,
    "SQUEEZE": _unary("SQUEEZE", out=(8, 8, 4), options=schema.SqueezeOptionsT(squeezeDims=[0])),
    "LOG_SOFTMAX": _unary("LOG_SOFTMAX", options=schema.LogSoftmaxOptionsT()),
    "POW": _of_two("POW", SHAPE, SHAPE, SHAPE, schema.PowOptionsT()),
    "REVERSE_V2": _with_constants("REVERSE_V2", [i32(1)], SHAPE, schema.ReverseV2OptionsT()),
    "SIGN": _unary("SIGN", options=schema.SignOptionsT()),
    "CONV_2D": _with_constants("CONV_2D", _conv_weights(), SHAPE, schema.Conv2DOptionsT(strideW=1, strideH=1)),
    "GATHER": _with_constants("GATHER", [i32(0, 2)], (1, 2, 8, 4), schema.GatherOptionsT(axis=1)),
    "GATHER_ND": _with_constants("GATHER_ND", [i32(0, 1).reshape(1, 2)], (1, 8, 4), schema.GatherNdOptionsT()),
    "SELECT": _select("SELECT"),
    "SELECT_V2": _select("SELECT_V2"),
    "BROADCAST_TO": _with_constants(
        "BROADCAST_TO", [i32(1, 8, 8, 4)], SHAPE, schema.BroadcastToOptionsT(), version=2, shape=(1, 1, 1, 4)
    ),
    "MIRROR_PAD": _with_constants(
        "MIRROR_PAD",
        [i32(0, 0, 1, 1, 1, 1, 0, 0).reshape(4, 2)],
        (1, 10, 10, 4),
        schema.MirrorPadOptionsT(mode=schema.MirrorPadMode.REFLECT),
    ),
    "PAD": _with_constants("PAD", [i32(0, 0, 1, 1, 1, 1, 0, 0).reshape(4, 2)], (1, 10, 10, 4), schema.PadOptionsT()),
    "PADV2": _with_constants(
        "PADV2",
        [i32(0, 0, 1, 1, 1, 1, 0, 0).reshape(4, 2), np.float32([0.5])],
        (1, 10, 10, 4),
        schema.PadV2OptionsT(),
    ),
    "RESIZE_NEAREST_NEIGHBOR": _with_constants(
        "RESIZE_NEAREST_NEIGHBOR", [i32(16, 16)], (1, 16, 16, 4), schema.ResizeNearestNeighborOptionsT()
    ),
    "RESIZE_BILINEAR": _with_constants(
        "RESIZE_BILINEAR", [i32(16, 16)], (1, 16, 16, 4), schema.ResizeBilinearOptionsT()
    ),
    "DEPTH_TO_SPACE": _unary("DEPTH_TO_SPACE", out=(1, 16, 16, 1), options=schema.DepthToSpaceOptionsT(blockSize=2)),
    "SPACE_TO_DEPTH": _unary("SPACE_TO_DEPTH", out=(1, 4, 4, 16), options=schema.SpaceToDepthOptionsT(blockSize=2)),
    "FULLY_CONNECTED constant": _with_constants(
        "FULLY_CONNECTED",
        [np.ones((6, 4), np.float32)],
        (8, 6),
        schema.FullyConnectedOptionsT(),
        version=1,
        shape=(8, 4),
    ),
    "FULLY_CONNECTED dynamic": _of_two(
        "FULLY_CONNECTED", (8, 4), (6, 4), (8, 6), schema.FullyConnectedOptionsT(), extra=(-1,)
    ),
    "BATCH_MATMUL": _of_two("BATCH_MATMUL", (1, 2, 8, 4), (1, 2, 4, 6), (1, 2, 8, 6), schema.BatchMatMulOptionsT()),
    "BATCH_MATMUL adjoint": _of_two(
        "BATCH_MATMUL", (1, 2, 8, 4), (1, 2, 6, 4), (1, 2, 8, 6), schema.BatchMatMulOptionsT(adjY=True)
    ),
    "TRANSPOSE": _with_constants("TRANSPOSE", [i32(0, 3, 1, 2)], (1, 4, 8, 8), schema.TransposeOptionsT()),
    "TRANSPOSE with batch": _with_constants("TRANSPOSE", [i32(3, 0, 1, 2)], (4, 1, 8, 8), schema.TransposeOptionsT()),
    "TRANSPOSE rank 5": _with_constants(
        "TRANSPOSE",
        [i32(0, 2, 1, 4, 3)],
        (1, 2, 2, 2, 4),
        schema.TransposeOptionsT(),
        version=4,
        shape=(1, 2, 2, 4, 2),
    ),
    "RESHAPE rank 5": _with_constants(
        "RESHAPE", [i32(1, 4, 2, 8, 4)], (1, 4, 2, 8, 4), schema.ReshapeOptionsT(newShape=[1, 4, 2, 8, 4])
    ),
    "ADD rank 5": _of_two("ADD", (1, 2, 2, 2, 2), (1, 2, 2, 2, 2), (1, 2, 2, 2, 2), schema.AddOptionsT(), version=4),
    "RESHAPE": _with_constants("RESHAPE", [i32(1, 64, 4)], (1, 64, 4), schema.ReshapeOptionsT(newShape=[1, 64, 4])),
    "ADD": _of_two("ADD", SHAPE, SHAPE, SHAPE, schema.AddOptionsT()),
    "ADD broadcast channel": _of_two("ADD", SHAPE, (1, 8, 8, 1), SHAPE, schema.AddOptionsT()),
    "ADD broadcast row": _of_two("ADD", SHAPE, (1, 1, 8, 4), SHAPE, schema.AddOptionsT()),
    "SUB": _of_two("SUB", SHAPE, SHAPE, SHAPE, schema.SubOptionsT()),
    "MUL": _of_two("MUL", SHAPE, SHAPE, SHAPE, schema.MulOptionsT()),
    "DIV": _of_two("DIV", SHAPE, SHAPE, SHAPE, schema.DivOptionsT()),
    "MAXIMUM": _of_two("MAXIMUM", SHAPE, SHAPE, SHAPE, schema.MaximumMinimumOptionsT()),
    "MINIMUM": _of_two("MINIMUM", SHAPE, SHAPE, SHAPE, schema.MaximumMinimumOptionsT()),
    "LESS": _of_two("LESS", SHAPE, SHAPE, SHAPE, schema.LessOptionsT(), out_dtype="bool"),
    "GREATER_EQUAL": _of_two("GREATER_EQUAL", SHAPE, SHAPE, SHAPE, schema.GreaterEqualOptionsT(), out_dtype="bool"),
    "CAST to int32": _unary("CAST", options=schema.CastOptionsT(inDataType=0, outDataType=2), out_dtype="int32"),
    "CAST from uint8": _unary(
        "CAST", options=schema.CastOptionsT(inDataType=3, outDataType=0), dtype="uint8", out_dtype="float32"
    ),
    "FLOOR": _unary("FLOOR"),
    "ABS": _unary("ABS", options=schema.AbsOptionsT()),
    "EXP": _unary("EXP", options=schema.ExpOptionsT()),
    "LOGISTIC": _unary("LOGISTIC"),
    "TANH": _unary("TANH"),
    "GELU": _unary("GELU", options=schema.GeluOptionsT(approximate=True)),
    "HARD_SWISH": _unary("HARD_SWISH", options=schema.HardSwishOptionsT()),
    "LEAKY_RELU": _unary("LEAKY_RELU", options=schema.LeakyReluOptionsT(alpha=0.1)),
    "ELU": _unary("ELU"),
    "SQRT": _unary("SQRT"),
    "RSQRT": _unary("RSQRT"),
    "SOFTMAX": _unary("SOFTMAX", options=schema.SoftmaxOptionsT(beta=1.0)),
    "L2_NORMALIZATION": _unary("L2_NORMALIZATION", options=schema.L2NormOptionsT()),
    "MEAN spatial": _with_constants("MEAN", [i32(1, 2)], (1, 1, 1, 4), schema.ReducerOptionsT(keepDims=True)),
    "MEAN channels": _with_constants("MEAN", [i32(3)], (1, 8, 8, 1), schema.ReducerOptionsT(keepDims=True)),
    "SUM channels": _with_constants("SUM", [i32(3)], (1, 8, 8, 1), schema.ReducerOptionsT(keepDims=True)),
    "SLICE": _with_constants("SLICE", [i32(0, 1, 1, 0), i32(1, 4, 4, 4)], (1, 4, 4, 4), schema.SliceOptionsT()),
    "STRIDED_SLICE": _with_constants(
        "STRIDED_SLICE",
        [i32(0, 0, 0, 0), i32(1, 8, 8, 4), i32(1, 1, 1, 1)],
        SHAPE,
        schema.StridedSliceOptionsT(),
    ),
    "STRIDED_SLICE step 2": _with_constants(
        "STRIDED_SLICE",
        [i32(0, 0, 0, 0), i32(1, 8, 8, 4), i32(1, 2, 2, 1)],
        (1, 4, 4, 4),
        schema.StridedSliceOptionsT(),
    ),
    "TILE": _with_constants("TILE", [i32(1, 2, 2, 1)], (1, 16, 16, 4), schema.TileOptionsT()),
    "CONCATENATION": _of_two("CONCATENATION", SHAPE, SHAPE, (1, 8, 8, 8), schema.ConcatenationOptionsT(axis=3)),
    "PACK": _of_two("PACK", (8, 8, 4), (8, 8, 4), (2, 8, 8, 4), schema.PackOptionsT(valuesCount=2, axis=0)),
    "AVERAGE_POOL_2D": _unary(
        "AVERAGE_POOL_2D",
        out=(1, 4, 4, 4),
        options=schema.Pool2DOptionsT(strideW=2, strideH=2, filterWidth=2, filterHeight=2),
    ),
    "MAX_POOL_2D": _unary(
        "MAX_POOL_2D",
        out=(1, 4, 4, 4),
        options=schema.Pool2DOptionsT(strideW=2, strideH=2, filterWidth=2, filterHeight=2),
    ),
    "CUMSUM": _with_constants("CUMSUM", [np.int32(1)], SHAPE, schema.CumsumOptionsT()),
    "EXPAND_DIMS": _with_constants(
        "EXPAND_DIMS", [i32(0)], (1, 8, 8, 4), schema.ExpandDimsOptionsT(), version=1, shape=(8, 8, 4)
    ),
}
