"""Reading graphs: what is counted, and what damage does."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgedepth.artifact.onnx_graph import read_onnx
from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.bench.tflite_writer import TfliteWriter, pack
from edgedepth.errors import InputError


def zeros(*shape):
    return np.zeros(shape, np.float32)


def network():
    """Three kinds of convolution, a transpose, a matrix product, a dense layer."""
    w = TfliteWriter()
    x = w.tensor("x", (1, 8, 12, 3))
    conv = w.tensor("conv", (1, 4, 6, 5))
    w.operator(
        "CONV_2D",
        [x, w.constant("w0", zeros(5, 3, 3, 3)), w.constant("b0", zeros(5))],
        [conv],
        schema.Conv2DOptionsT(strideW=2, strideH=2),
    )
    depthwise = w.tensor("depthwise", (1, 4, 6, 5))
    w.operator(
        "DEPTHWISE_CONV_2D",
        [conv, w.constant("w1", zeros(1, 3, 3, 5)), w.constant("b1", zeros(5))],
        [depthwise],
        schema.DepthwiseConv2DOptionsT(strideW=1, strideH=1, depthMultiplier=1),
    )
    up = w.tensor("up", (1, 8, 12, 2))
    size = w.constant("size", np.array([1, 8, 12, 2], np.int32))
    w.operator(
        "TRANSPOSE_CONV",
        [size, w.constant("w2", zeros(2, 2, 2, 5)), depthwise],
        [up],
        schema.TransposeConvOptionsT(strideW=2, strideH=2),
    )
    turned = w.tensor("turned", (1, 2, 8, 12))
    order = w.constant("order", np.array([0, 3, 1, 2], np.int32))
    w.operator("TRANSPOSE", [up, order], [turned], schema.TransposeOptionsT())
    product = w.tensor("product", (1, 2, 8, 8))
    w.operator("BATCH_MATMUL", [turned, turned], [product], schema.BatchMatMulOptionsT(adjY=True))
    flat = w.tensor("flat", (16, 8))
    shape = w.constant("shape", np.array([16, 8], np.int32))
    w.operator("RESHAPE", [product, shape], [flat], schema.ReshapeOptionsT(newShape=[16, 8]))
    dense = w.tensor("dense", (16, 7))
    w.operator(
        "FULLY_CONNECTED",
        [flat, w.constant("w3", zeros(7, 8)), -1],
        [dense],
        schema.FullyConnectedOptionsT(),
    )
    return w.finish([x], [dense])


MACS = (
    4 * 6 * 5 * 3 * 3 * 3  # conv: output positions and channels, window, input channels
    + 4 * 6 * 5 * 3 * 3  # depthwise
    + 4 * 6 * 5 * 2 * 2 * 2  # transposed: input positions and channels, window, output channels
    + 2 * 8 * 8 * 12  # matrix product
    + 16 * 7 * 8  # dense
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "net.tflite"
    path.write_bytes(network())
    return path


def test_operators_tensors_and_interface(file):
    graph = read_tflite(file)
    assert graph.histogram() == {
        "CONV_2D": 1,
        "DEPTHWISE_CONV_2D": 1,
        "TRANSPOSE_CONV": 1,
        "TRANSPOSE": 1,
        "BATCH_MATMUL": 1,
        "RESHAPE": 1,
        "FULLY_CONNECTED": 1,
    }
    assert graph.max_rank() == 4
    assert [graph.tensors[o.outputs[0]].name for o in graph.transposes()] == ["turned"]
    first, last = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    assert (first.name, first.shape, first.dtype, first.constant) == ("x", (1, 8, 12, 3), "float32", False)
    assert (last.shape, last.rank) == ((16, 7), 2)
    assert [t.name for t in graph.tensors if t.dtype == "int32" and t.constant] == ["size", "order", "shape"]
    assert graph.operators[-1].inputs[2] == -1
    assert graph.operators[0].options["strideW"] == 2
    assert graph.subgraphs == 1


def test_multiply_adds_by_hand(file):
    assert read_tflite(file).macs() == MACS


def test_adjoint_product_counts_the_inner_size(tmp_path):
    w = TfliteWriter()
    a, b, y = w.tensor("a", (1, 5, 3)), w.tensor("b", (1, 5, 4)), w.tensor("y", (1, 3, 4))
    w.operator("BATCH_MATMUL", [a, b], [y], schema.BatchMatMulOptionsT(adjX=True))
    (tmp_path / "p.tflite").write_bytes(w.finish([a, b], [y]))
    assert read_tflite(tmp_path / "p.tflite").macs() == 3 * 4 * 5


def test_open_sizes_are_not_counted(tmp_path):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network(), 0))
    model.subgraphs[0].tensors[0].shapeSignature = np.array([-1, 8, 12, 3], np.int32)
    (tmp_path / "open.tflite").write_bytes(pack(model))
    graph = read_tflite(tmp_path / "open.tflite")
    assert graph.tensors[0].shape == (-1, 8, 12, 3)
    with pytest.raises(InputError, match="cannot be counted"):
        graph.macs()


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\0\0\0TFL3", b"<html>not a model</html>"])
def test_not_a_graph(tmp_path, content):
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_tflite(path)
    assert caught.value.evidence
    assert caught.value.remedy


def test_missing_file(tmp_path):
    for read in (read_tflite, read_onnx):
        with pytest.raises(InputError, match="cannot be opened"):
            read(tmp_path / "absent")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_damage_is_an_input_error_or_harmless(tmp_path, data):
    content = bytearray(network())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.tflite"
    path.write_bytes(content)
    with suppress(InputError):
        read_tflite(path).macs()


def onnx_file(path, nodes, inputs, outputs, constants=()):
    def info(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "g",
        [info(*i) for i in inputs],
        [info(*o) for o in outputs],
        [numpy_helper.from_array(v, n) for n, v in constants],
    )
    domains = [helper.make_opsetid("", 18), helper.make_opsetid("com.example", 1)]
    onnx.save(helper.make_model(graph, opset_imports=domains, ir_version=9), path)
    return path


def test_onnx_multiply_adds_by_hand(tmp_path):
    path = onnx_file(
        tmp_path / "net.onnx",
        [
            helper.make_node("Conv", ["x", "w0"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
            helper.make_node("Conv", ["a", "w1"], ["b"], group=4, pads=[1, 1, 1, 1]),
            helper.make_node("ConvTranspose", ["b", "w2"], ["c"], strides=[2, 2]),
            helper.make_node("Transpose", ["c"], ["d"], perm=[0, 1, 3, 2]),
            helper.make_node("MatMul", ["c", "d"], ["e"]),
            helper.make_node("Flatten", ["e"], ["f"]),
            helper.make_node("Gemm", ["f", "w3"], ["y"], transB=1),
        ],
        [("x", (1, 3, 8, 12))],
        [("y", (1, 6))],
        [
            ("w0", zeros(4, 3, 3, 3)),
            ("w1", zeros(4, 1, 3, 3)),
            ("w2", zeros(4, 2, 2, 2)),
            ("w3", zeros(6, 128)),
        ],
    )
    graph = read_onnx(path)
    conv, depthwise, transposed = 4 * 4 * 6 * 27, 4 * 4 * 6 * 9, 4 * 4 * 6 * 2 * 4
    assert graph.macs() == conv + depthwise + transposed + 2 * 8 * 8 * 12 + 6 * 128
    assert graph.opset == 18
    assert graph.histogram()["Conv"] == 2
    assert graph.tensors["b"].shape == (1, 4, 4, 6)
    assert graph.tensors["w1"].constant
    assert graph.max_rank() == 4
    assert [o.index for o in graph.transposes()] == [3]
    assert graph.inputs == ("x",)


def test_onnx_unknown_sizes_are_not_counted_as_zero(tmp_path):
    path = onnx_file(
        tmp_path / "open.onnx",
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        [("x", ("batch", 3, 8, 8))],
        [("y", ("batch", 4, 6, 6))],
        [("w", zeros(4, 3, 3, 3))],
    )
    with pytest.raises(InputError, match="cannot be counted"):
        read_onnx(path).macs()


def test_onnx_foreign_operators_keep_their_domain(tmp_path):
    path = onnx_file(
        tmp_path / "foreign.onnx",
        [helper.make_node("Twist", ["x"], ["y"], domain="com.example")],
        [("x", (1, 2))],
        [("y", (1, 2))],
    )
    assert read_onnx(path).histogram() == {"com.example.Twist": 1}


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_onnx_damage_is_an_input_error_or_harmless(tmp_path, data):
    whole = tmp_path / "whole.onnx"
    onnx_file(
        whole,
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        [("x", (1, 3, 8, 8))],
        [("y", (1, 4, 6, 6))],
        [("w", zeros(4, 3, 3, 3))],
    )
    content = bytearray(whole.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    with suppress(InputError):
        read_onnx(path).macs()
