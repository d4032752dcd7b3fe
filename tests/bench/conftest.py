"""Small graphs in both formats, as files."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

from edgedepth.bench.tflite_writer import TfliteWriter


def branching(dtype="float32"):
    """Two branches of one input, joined: pad and convolution on one side, a sigmoid on the other."""
    w = TfliteWriter()
    x = w.tensor("x", (1, 8, 8, 4), dtype)
    padded, conv = w.tensor("padded", (1, 10, 10, 4)), w.tensor("conv", (1, 8, 8, 4))
    sigmoid, total = w.tensor("sigmoid", (1, 8, 8, 4)), w.tensor("total", (1, 8, 8, 4))
    amounts = w.constant("amounts", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    rng = np.random.default_rng(0)
    weights = w.constant("weights", rng.standard_normal((4, 3, 3, 4)).astype(np.float32))
    bias = w.constant("bias", np.zeros(4, np.float32))
    w.operator("PAD", [x, amounts], [padded], schema.PadOptionsT())
    w.operator("LOGISTIC", [x], [sigmoid])
    options = schema.Conv2DOptionsT(padding=schema.Padding.VALID, strideW=1, strideH=1)
    w.operator("CONV_2D", [padded, weights, bias], [conv], options)
    w.operator("ADD", [conv, sigmoid], [total], schema.AddOptionsT())
    return w.finish([x], [total])


def onnx_model(shape=(1, 4, 8, 8)):
    """Convolution and sigmoid."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((4, 4, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], name="conv"),
            helper.make_node("Sigmoid", ["c"], ["y"], name="squash"),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.fixture
def tflite_file(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(branching())
    return path


@pytest.fixture
def onnx_file(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(onnx_model(), path)
    return path


@pytest.fixture
def open_onnx_file(tmp_path):
    """One whose batch size is not fixed."""
    path = tmp_path / "open.onnx"
    onnx.save(onnx_model(("batch", 4, 8, 8)), path)
    return path
