"""Networks of a few operators, one for each kind of arithmetic."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgedepth.artifact.flatbuffer import pack, unpack
from edgedepth.bench.tflite_writer import TfliteWriter

SIDE, CHANNELS = 12, 8
SHAPE = (1, SIDE, SIDE, CHANNELS)
SAME = {"padding": schema.Padding.SAME, "strideW": 1, "strideH": 1}


def _weights(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.15, (CHANNELS, 3, 3, CHANNELS)).astype(np.float32)


def _float_conv(w: TfliteWriter, x: int, name: str, seed: int) -> int:
    y = w.tensor(name, SHAPE)
    bias = w.constant(f"{name} bias", np.zeros(CHANNELS, np.float32))
    w.operator("CONV_2D", [x, w.constant(f"{name} weights", _weights(seed)), bias], [y], schema.Conv2DOptionsT(**SAME))
    return y


def _integer_weights(w: TfliteWriter, name: str, seed: int) -> int:
    values = _weights(seed)
    scale = np.abs(values).max() / 127
    index = w.constant(f"{name} weights", np.round(values / scale).astype(np.int8))
    w._graph.tensors[index].quantization = schema.QuantizationParametersT(
        scale=np.full(CHANNELS, scale, np.float32), zeroPoint=np.zeros(CHANNELS, np.int64), quantizedDimension=0
    )
    return index


def _integer_conv(w: TfliteWriter, x: int, name: str, seed: int, scale: float) -> int:
    y = w.tensor(name, SHAPE, "int8", (0.05, 3))
    weights = _integer_weights(w, name, seed)
    step = scale * w._graph.tensors[weights].quantization.scale
    bias = w.constant(f"{name} bias", np.arange(CHANNELS, dtype=np.int32) * 40)
    w._graph.tensors[bias].quantization = schema.QuantizationParametersT(
        scale=step, zeroPoint=np.zeros(CHANNELS, np.int64), quantizedDimension=0
    )
    w.operator("CONV_2D", [x, weights, bias], [y], schema.Conv2DOptionsT(**SAME), 3)
    return y


def float_network(layers: int = 2) -> bytes:
    """Convolutions and a hyperbolic tangent."""
    w = TfliteWriter()
    first = last = w.tensor("image", SHAPE)
    for i in range(layers):
        last = _float_conv(w, last, f"layer {i}", i)
    y = w.tensor("depth", SHAPE)
    w.operator("TANH", [last], [y])
    return w.finish([first], [y])


def integer_network() -> bytes:
    """int8 in, int8 out: two convolutions and an addition."""
    w = TfliteWriter()
    x = w.tensor("image", SHAPE, "int8", (1 / 255, -128))
    a = _integer_conv(w, x, "first", 1, 1 / 255)
    b = _integer_conv(w, a, "second", 2, 0.05)
    y = w.tensor("depth", SHAPE, "int8", (0.06, -1))
    w.operator("ADD", [a, b], [y], schema.AddOptionsT(), 2)
    return w.finish([x], [y])


def mixed_network(*, rounding: str = "ABS") -> bytes:
    """Floats, rounded to int8, two integer convolutions, and floats again.

    Args:
        rounding: operator before the rounding; ``ABS`` is exact everywhere, ``TANH`` is not.
    """
    w = TfliteWriter()
    x = w.tensor("image", SHAPE)
    a = w.tensor("floats", SHAPE)
    w.operator(rounding, [x], [a], schema.AbsOptionsT() if rounding == "ABS" else None)
    q = w.tensor("entry", SHAPE, "int8", (1 / 255, -128))
    w.operator("QUANTIZE", [a], [q], schema.QuantizeOptionsT())
    c = _integer_conv(w, _integer_conv(w, q, "first", 1, 1 / 255), "second", 2, 0.05)
    d = w.tensor("floats again", SHAPE)
    w.operator("DEQUANTIZE", [c], [d], schema.DequantizeOptionsT(), 2)
    return w.finish([x], [_float_conv(w, d, "depth", 3)])


def rounded_network() -> bytes:
    """A float convolution whose output is rounded to int8."""
    w = TfliteWriter()
    x = w.tensor("image", SHAPE)
    y = w.tensor("depth", SHAPE, "int8", (0.05, 0))
    w.operator("QUANTIZE", [_float_conv(w, x, "floats", 3)], [y], schema.QuantizeOptionsT())
    return w.finish([x], [y])


def dynamic_network() -> bytes:
    """A convolution that takes floats and integer weights."""
    w = TfliteWriter()
    x = w.tensor("image", SHAPE)
    y = w.tensor("depth", SHAPE)
    bias = w.constant("bias", np.zeros(CHANNELS, np.float32))
    w.operator("CONV_2D", [x, _integer_weights(w, "only", 1), bias], [y], schema.Conv2DOptionsT(**SAME), 5)
    return w.finish([x], [y])


def constant_network() -> bytes:
    """Its output is zero whatever comes in."""
    w = TfliteWriter()
    x, y = w.tensor("image", SHAPE), w.tensor("depth", SHAPE)
    w.operator("SUB", [x, x], [y], schema.SubOptionsT())
    return w.finish([x], [y])


def without_signature(content: bytes) -> bytes:
    """The same graph, its tensors known by their own names only."""
    model = unpack(content)
    model.signatureDefs = []
    return pack(model, len(content))
