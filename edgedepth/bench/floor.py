"""How fast a runtime can multiply at best: large plain 3x3 convolutions and nothing else.

A graph's multiply-adds at that speed are a floor under its time. It depends on the runtime, the machine and
the thread count, so it is measured in the same rounds as the graphs that it is held against.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

from edgedepth.bench.tflite_writer import TfliteWriter

CHANNELS, HEIGHT, WIDTH, LAYERS = 128, 24, 80, 3
MACS = LAYERS * HEIGHT * WIDTH * 9 * CHANNELS * CHANNELS
"""Multiply-adds of one run of the floor's graph."""
GRAPH = f"{LAYERS} plain 3x3 convolutions {CHANNELS} to {CHANNELS} at {HEIGHT}x{WIDTH}"
"""What to call it."""


def tflite_convolutions() -> bytes:
    """The floor's graph as a TFLite file."""
    writer = TfliteWriter()
    shape = (1, HEIGHT, WIDTH, CHANNELS)
    first = last = writer.tensor("input", shape)
    for i, weight in enumerate(weights()):
        filters = writer.constant(f"weight{i}", np.ascontiguousarray(weight.transpose(0, 2, 3, 1)))
        bias = writer.constant(f"bias{i}", np.zeros(CHANNELS, np.float32))
        out = writer.tensor(f"layer{i}", shape)
        options = schema.Conv2DOptionsT(padding=schema.Padding.SAME, strideW=1, strideH=1)
        writer.operator("CONV_2D", [last, filters, bias], [out], options)
        last = out
    return writer.finish([first], [last])


def onnx_convolutions() -> bytes:
    """The floor's graph as an ONNX file."""
    shape = (1, CHANNELS, HEIGHT, WIDTH)
    nodes = [helper.make_node("Conv", [f"x{i}", f"weight{i}"], [f"x{i + 1}"], pads=[1, 1, 1, 1]) for i in range(LAYERS)]
    graph = helper.make_graph(
        nodes,
        "floor",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(f"x{LAYERS}", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weight, f"weight{i}") for i, weight in enumerate(weights())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def weights() -> list[np.ndarray]:
    """Of each layer (out, in, 3, 3)."""
    # Of a variance that keeps activations near one: neither overflow nor slow denormals.
    rng = np.random.default_rng(0)
    scale = 1 / np.sqrt(9 * CHANNELS)
    size = (CHANNELS, CHANNELS, 3, 3)
    return [(scale * rng.standard_normal(size)).astype(np.float32) for _ in range(LAYERS)]
