"""Quantized ONNX graphs, run by ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from edgedepth.errors import InputError, UsageError
from edgedepth.export.quantize.onnx import groups, quantize
from edgedepth.export.quantize.onnx_edit import integers_of, per_channel
from edgedepth.export.quantize.onnx_split import slice_single_parts
from edgedepth.export.quantize.onnx_static import UINT8, UINT16

SIZE = (64, 96)
PRECISIONS = ("w8", "dyn8", "w8a8", "w8a16")
FLOAT_CONVOLUTIONS = 6
"""The first, the four at half resolution after the last upsampling, and the head."""
DEQUANTIZED = "DequantizeLinear"
NOTHING: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def model(exported) -> onnx.ModelProto:
    """flex-nano of an opset that every precision is legal in."""
    export = exported("nano-opset21", "flex-nano", formats=("onnx",), opset=21)
    (entry,) = export.files("onnx")
    return onnx.load(export.artifact.path(entry))


@pytest.fixture(scope="module")
def batches() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    smooth = generator.random((4, 1, 3, 8, 12), np.float32).repeat(8, 3).repeat(8, 4)
    return list(0.7 * smooth + 0.3 * generator.random((4, 1, 3, *SIZE), np.float32))


@pytest.fixture(scope="module")
def quantized(model, batches):
    """``quantized(precision, *keep)``, each made once."""
    made = {}

    def get(precision: str, *keep: str) -> onnx.ModelProto:
        key = (precision, *keep)
        if key not in made:
            made[key] = quantize(model, precision, batches, frozenset(keep))
        return made[key]

    return get


def run(model: onnx.ModelProto, picture: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: picture})[0].astype(np.float64)


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def fused(model: onnx.ModelProto, path) -> list[str]:
    """Operators of the graph that ONNX Runtime makes of it."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(path).graph.node]


def test_groups_are_the_layers_in_order_and_take_every_operator_once(model) -> None:
    found = groups(model)
    names = [group.name for group in found]
    encoder, decoder = [f"encoder.{i}" for i in range(11)], [f"decoder.{i}" for i in range(9)]
    assert names == ["input", *encoder, *decoder]
    operators = [name for group in found for name in group.operators]
    assert len(operators) == len(set(operators))
    assert set(operators) == {node.name for node in model.graph.node}
    head = {node.name: node.op_type for node in model.graph.node}
    assert [head[name] for name in found[-1].operators] == ["Conv", "Resize", "Sigmoid"]


@pytest.mark.parametrize(("precision", "bound"), [("w8", 0.01), ("dyn8", 0.02), ("w8a8", 0.03), ("w8a16", 0.01)])
def test_outputs_stay_close_to_float(model, batches, quantized, precision, bound) -> None:
    expected = np.stack([run(model, batch) for batch in batches])
    found = np.stack([run(quantized(precision), batch) for batch in batches])
    assert np.abs(found - expected).mean() < bound * expected.std() * 10
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 1 - bound


@pytest.mark.parametrize("precision", PRECISIONS)
def test_weights_are_eight_bits_and_the_file_is_small(model, quantized, precision) -> None:
    small = quantized(precision)
    stored = [v for v in constants(small).values() if v.dtype in (np.int8, np.uint8) and v.ndim == 4]
    convolutions = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    exact = 0 if precision == "w8" else 1
    assert len(stored) == len(convolutions) - exact
    assert small.ByteSize() < 0.35 * model.ByteSize()
    onnx.checker.check_model(small, full_check=True)
    assert small.opset_import == model.opset_import


@pytest.mark.parametrize("precision", PRECISIONS)
def test_equal_inputs_give_equal_bytes(model, batches, quantized, precision) -> None:
    again = quantize(model, precision, batches, NOTHING)
    assert again.SerializeToString(deterministic=True) == quantized(precision).SerializeToString(deterministic=True)


def test_the_float_graph_is_not_changed(model, batches) -> None:
    before = model.SerializeToString(deterministic=True)
    quantize(model, "w8a8", batches, NOTHING)
    assert model.SerializeToString(deterministic=True) == before


def test_stored_weights_differ_by_at_most_half_a_step(model, quantized) -> None:
    floats, integers = constants(model), constants(quantized("w8"))
    for node in model.graph.node:
        if node.op_type == "Conv":
            name = node.input[1]
            scale = integers[f"{name}_scale"].astype(np.float64)
            back = integers[f"{name}_int8"] * scale
            assert (np.abs(back - floats[name]) <= scale * (0.5 + 1e-5)).all()


def test_biases_are_in_the_scale_of_the_products(model, quantized) -> None:
    floats, integers = constants(model), constants(quantized("w8a8"))
    checked = 0
    for node in model.graph.node:
        if f"{node.name}_bias_int32" in integers:
            scale = integers[f"{node.input[0]}_scale"].astype(np.float64) * integers[f"{node.input[1]}_scale"]
            back = integers[f"{node.name}_bias_int32"] * scale
            assert np.abs(back - floats[node.input[2]]).max() <= scale.max()
            checked += 1
    assert checked > 50


def test_the_mean_of_the_last_convolution_is_that_of_the_float_graph(model, batches, quantized) -> None:
    def logits(graph: onnx.ModelProto) -> np.ndarray:
        found = np.stack([run(graph, batch) for batch in batches]).clip(1e-6, 1 - 1e-6)
        return np.log(found / (1 - found))

    expected, found = logits(model), logits(quantized("w8a8"))
    # Interpolation of the last convolution's map keeps the mean but for its border.
    assert abs(found.mean() - expected.mean()) < 0.05 * np.abs(found - expected).mean()


def test_convolutions_fuse_to_integers_and_the_head_stays_in_float(model, quantized, tmp_path) -> None:
    small = quantized("w8a8")
    operators = fused(small, tmp_path / "fused.onnx")
    convolutions = [node.op_type for node in model.graph.node].count("Conv")
    assert operators.count("QLinearConv") == convolutions - FLOAT_CONVOLUTIONS
    assert operators.count("Conv") + operators.count("FusedConv") == FLOAT_CONVOLUTIONS
    assert operators.count("QLinearSigmoid") == operators.count("QLinearMul") == 47
    quantizers = {node.output[0] for node in small.graph.node if node.op_type == "DequantizeLinear"}
    head = set(groups(small)[-1].operators)
    for node in small.graph.node:
        if node.name in head and node.op_type != "DequantizeLinear":
            assert quantizers.isdisjoint(node.input[:1])


def test_what_only_moves_stays_in_integers_of_one_scale(quantized, tmp_path) -> None:
    small = quantized("w8a8")
    made = {node.output[0]: node for node in small.graph.node}
    known, moved = constants(small), 0

    def affine(name: str) -> tuple[float, int] | None:
        """Scale and zero point of an integer map that a DequantizeLinear gives."""
        node = made.get(name)
        if node is None or node.op_type != "DequantizeLinear" or node.input[1] not in known:
            return None
        return float(known[node.input[1]]), int(known[node.input[2]])

    readers = {node.input[0]: node.output[0] for node in small.graph.node if node.op_type == "QuantizeLinear"}
    for node in small.graph.node:
        behind = made.get(f"{node.output[0]}_float")
        if node.op_type in ("Concat", "MaxPool", "Slice") and behind is not None and node.output[0] in readers:
            inputs = node.input if node.op_type == "Concat" else node.input[:1]
            found = {affine(name) for name in inputs}
            if None not in found:
                assert found == {affine(behind.output[0])}
                moved += 1
    assert moved > 20
    # Integers become float for arithmetic that has no integer kernel, never to be cut up and quantized again.
    path = tmp_path / "fused.onnx"
    fused(small, path)
    graph = onnx.load(path).graph
    after = {node.output[0]: node.op_type for node in graph.node}
    cuts = [node for node in graph.node if node.op_type in ("Slice", "Split")]
    cut = {name for node in cuts if after.get(node.input[0]) == DEQUANTIZED for name in node.output}
    assert cut.isdisjoint(node.input[0] for node in graph.node if node.op_type == "QuantizeLinear")


@given(
    lengths=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    read=st.sets(st.integers(0, 3), min_size=1, max_size=2),
    axis=st.sampled_from([1, 2, -1]),
)
def test_splits_of_which_one_part_is_read_are_slices(lengths, read, axis) -> None:
    read = sorted({index % len(lengths) for index in read})
    shape = [1, 3, 4]
    shape[axis] = sum(lengths)
    parts = [f"part_{i}" for i in range(len(lengths))]
    nodes = [helper.make_node("Split", ["x", "lengths"], parts, name="split", axis=axis)]
    nodes += [helper.make_node("Neg", [parts[i]], [f"y_{i}"], name=f"neg_{i}") for i in read]
    single = onnx.TensorProto.FLOAT
    outputs = [helper.make_tensor_value_info(f"y_{i}", single, [None] * 3) for i in read]
    inputs = [helper.make_tensor_value_info("x", single, shape)]
    given_lengths = [numpy_helper.from_array(np.array(lengths, np.int64), "lengths")]
    graph = helper.make_graph(nodes, "splits", inputs, outputs, given_lengths)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    found = slice_single_parts(model)
    onnx.checker.check_model(found, full_check=True)
    assert found.graph.node[0].op_type == ("Slice" if len(read) == 1 else "Split")
    picture = np.random.default_rng(0).random(shape, np.float32)
    ends = np.cumsum(lengths)
    expected = -np.take(picture, range(ends[read[0]] - lengths[read[0]], ends[read[0]]), axis)
    assert np.array_equal(run(found, picture), expected)


def test_dynamic_ranges_use_integer_convolutions(model, quantized) -> None:
    operators = [node.op_type for node in quantized("dyn8").graph.node]
    convolutions = [node.op_type for node in model.graph.node].count("Conv")
    assert operators.count("ConvInteger") == convolutions - FLOAT_CONVOLUTIONS
    assert operators.count("Conv") == FLOAT_CONVOLUTIONS


@pytest.mark.parametrize("precision", PRECISIONS)
def test_kept_layers_stay_as_they_are(model, batches, quantized, precision) -> None:
    kept, floats = constants(quantized(precision, "encoder.4", "decoder.3")), constants(model)
    for node in model.graph.node:
        name = node.input[1] if node.op_type == "Conv" else ""
        if "encoder_4_" in name or "decoder_3_" in name:
            assert np.array_equal(kept[name], floats[name])
        elif "encoder_5_" in name:
            assert name not in kept
    assert np.isfinite(run(quantized(precision, "encoder.4", "decoder.3"), batches[0])).all()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_keeping_every_layer_changes_nothing(model, batches, precision) -> None:
    same = quantize(model, precision, batches, frozenset(group.name for group in groups(model)))
    assert np.array_equal(run(same, batches[0]), run(model, batches[0]))


def test_sixteen_bits_are_nearer_than_eight(model, batches, quantized) -> None:
    expected = run(model, batches[0])
    errors = [np.abs(run(quantized(p), batches[0]) - expected).mean() for p in ("w8a16", "w8a8")]
    assert errors[0] < errors[1]
    types = {v.dtype for name, v in constants(quantized("w8a16")).items() if name.endswith("_zero") and v.ndim == 0}
    assert types == {np.dtype(np.uint16)}


def test_sixteen_bits_need_a_later_opset(model, batches) -> None:
    early = onnx.ModelProto()
    early.CopyFrom(model)
    early.opset_import[0].version = 18
    with pytest.raises(UsageError, match="opset 21"):
        quantize(early, "w8a16", batches, NOTHING)


def test_what_cannot_be_is_refused(model, batches) -> None:
    with pytest.raises(UsageError, match="w8a8"):
        quantize(model, "w8a9", batches, NOTHING)
    with pytest.raises(UsageError, match=r"encoder\.4"):
        quantize(model, "w8", (), frozenset({"encoder.44"}))
    with pytest.raises(InputError, match="calibration"):
        quantize(model, "w8a8", (), NOTHING)


@given(
    low=st.floats(-1e4, 1e4, width=32),
    width=st.floats(0, 1e4, width=32),
    at=st.floats(0, 1),
    activation=st.sampled_from([UINT8, UINT16]),
)
def test_activations_keep_zero_and_lose_at_most_half_a_step(low, width, at, activation) -> None:
    span = (low, low + width)
    scale, zero = activation.affine(span)
    assert scale > 0
    largest = np.iinfo(activation.dtype).max
    value = low + at * width
    integer = np.clip(np.rint(value / float(scale)) + float(zero), 0, largest)
    back = (integer - float(zero)) * float(scale)
    # The zero point is rounded too, so one end of the range may lie half a step outside.
    assert abs(back - value) <= float(scale) * 1.01 + 1e-6 * abs(value)
    assert 0 <= zero <= largest


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=4, max_size=24), st.sampled_from([0, 1]))
def test_weights_round_to_the_nearest_step_of_their_channel(values, axis) -> None:
    weights = np.resize(np.array(values, np.float32), (4, 2, 3))
    scales = per_channel(weights, axis)
    integers = integers_of(weights, scales, axis)
    steps = scales.astype(np.float64).reshape([-1 if i == axis else 1 for i in range(3)])
    assert (np.abs(integers * steps - weights) <= steps * 0.5001).all()
    assert np.abs(integers.astype(int)).max() <= 127
