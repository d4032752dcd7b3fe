"""TFLite files with integer weights and activations, run in LiteRT itself."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgedepth.artifact.flatbuffer import unpack
from edgedepth.artifact.tflite_graph import describe
from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.errors import InputError
from edgedepth.export.quantize.tflite import ALWAYS_FLOAT, groups, quantize
from edgedepth.export.quantize.tflite_ranges import SILU_FLOOR, calibrate, without_flat_silu
from edgedepth.export.quantize.tflite_static import INT8, INT16, quantize_static, raise_scales, scale_groups
from edgedepth.export.quantize.tflite_weights import round_weights
from edgedepth.export.tflite_layers import layers, tensor_names
from edgedepth.preflight.xnnpack import xnnpack_partitions
from edgedepth.scenes import street_frames

SIZE = (64, 96)
NONE: frozenset[str] = frozenset()
PRECISIONS = ("w8", "dyn8", "w8a8", "w8a16")
CLOSE = {"w8": 0.03, "dyn8": 0.06, "w8a8": 0.08, "w8a16": 0.03}
"""Greatest root mean square error, as a share of the output's own spread; these weights are random."""


@pytest.fixture(scope="module")
def content(nano):
    """flex-nano of random weights in float, its sampling windows of several sizes."""
    (entry,) = (e for e in nano.files("tflite") if e.precision == "fp32")
    return (nano.artifact.folder / entry.path).read_bytes()


@pytest.fixture(scope="module")
def pictures():
    """Rendered streets as the graph takes them."""
    return [f.image[None].astype(np.float32) / 255 for f in street_frames(11, 3, *SIZE)]


@pytest.fixture(scope="module")
def quantized(content, pictures):
    """``quantized(precision)``, each made once."""
    made: dict[str, bytes] = {}

    def get(precision):
        if precision not in made:
            made[precision] = quantize(content, precision, pictures, NONE)
        return made[precision]

    return get


def output(model, picture):
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    (entry,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(entry["index"], picture)
    interpreter.invoke()
    return interpreter.get_tensor(out["index"])


def graph_of(model):
    return describe(unpack(model))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_output_stays_close_to_float(content, quantized, pictures, precision):
    picture = pictures[0]
    expected, found = output(content, picture), output(quantized(precision), picture)
    assert found.dtype == np.float32
    assert np.sqrt(np.mean((found - expected) ** 2)) < CLOSE[precision] * expected.std()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_input_gives_the_same_bytes(content, quantized, pictures, precision):
    assert quantize(content, precision, pictures, NONE) == quantized(precision)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_weights_are_int8_with_a_scale_per_output_channel(content, quantized, precision):
    model = unpack(quantized(precision))
    tensors = model.subgraphs[0].tensors
    wide = [t for t in tensors if t.type == schema.TensorType.INT8 and t.buffer and len(t.quantization.scale) > 1]
    assert len(wide) > 80
    for tensor in wide:
        assert len(tensor.quantization.scale) == tensor.shape[tensor.quantization.quantizedDimension]
        assert not np.any(tensor.quantization.zeroPoint)
    floats = [t for t in tensors if t.type == schema.TensorType.FLOAT32 and t.buffer]
    bulk = sum(int(np.prod(t.shape)) for t in floats)
    assert bulk < 0.02 * sum(int(np.prod(t.shape)) for t in wide)
    assert len(quantized(precision)) < 0.33 * len(content)


@pytest.mark.parametrize("precision", ["w8", "dyn8", "w8a8"])
def test_xnnpack_takes_the_whole_graph(quantized, tmp_path, precision):
    path = tmp_path / "q.tflite"
    path.write_bytes(quantized(precision))
    assert xnnpack_partitions(path).whole


def test_operators_of_w8a8_compute_in_integers(content, quantized):
    before, after = graph_of(content), graph_of(quantized("w8a8"))
    done = [o for o in after.operators if {after.tensors[i].dtype for i in o.outputs} == {"int8"}]
    assert len([o for o in done if o.name == "CONV_2D"]) > 0.9 * before.histogram()["CONV_2D"]
    assert len([o for o in done if o.name == "DEPTH_TO_SPACE"]) == before.histogram()["DEPTH_TO_SPACE"]
    added = after.histogram()
    assert added["QUANTIZE"] + added["DEQUANTIZE"] < 60
    untouched = {name: n for name, n in added.items() if name not in ("QUANTIZE", "DEQUANTIZE")}
    assert untouched == before.histogram()


def test_moves_keep_their_scale(quantized):
    model = unpack(quantized("w8a8"))
    graph, tensors = describe(model), model.subgraphs[0].tensors
    for operator in graph.operators:
        if operator.name in ("SLICE", "CONCATENATION", "DEPTH_TO_SPACE", "PAD", "MAX_POOL_2D"):
            inputs = operator.inputs if operator.name == "CONCATENATION" else operator.inputs[:1]
            records = [tensors[i].quantization for i in (*inputs, *operator.outputs)]
            scales = {tuple(r.scale) + tuple(r.zeroPoint) for r in records if r is not None and r.scale is not None}
            assert len(scales) <= 1


def test_interface_and_names_are_kept(content, quantized):
    def interface(model):
        (runner,) = Interpreter(model_content=model).get_signature_list().values()
        return runner

    for precision in PRECISIONS:
        assert interface(quantized(precision)) == interface(content)


def test_groups_are_the_layers_of_the_network_and_cover_the_graph(content):
    found = groups(content)
    names = [group.name for group in found]
    assert names == [
        "input",
        *(f"encoder.{i}" for i in range(11)),
        *(f"decoder.{i}" for i in range(8)),
        "head",
    ]
    everything = sorted(i for group in found for i in group.operators)
    assert everything == list(range(len(graph_of(content).operators)))
    assert all(list(group.operators) == sorted(group.operators) for group in found)


def test_head_and_normalization_are_always_float(content, quantized):
    graph = graph_of(quantized("w8a8"))
    by_layer = {name: [] for name in ALWAYS_FLOAT}
    for operator, layer in zip(graph.operators, layers(graph), strict=True):
        by_layer.setdefault(layer, []).append(operator)
    kinds = {graph.tensors[i].dtype for o in by_layer["decoder.8"] for i in o.outputs}
    assert kinds == {"float32"}
    last = graph.operators[-1]
    assert last.name == "LOGISTIC"
    assert graph.tensors[last.inputs[0]].dtype == "float32"
    assert {graph.tensors[o.outputs[0]].dtype for o in graph.operators if o.name in ("SOFTMAX", "BATCH_MATMUL")} == {
        "float32"
    }


@pytest.mark.parametrize("precision", PRECISIONS)
def test_kept_groups_stay_in_float(content, pictures, precision):
    kept = frozenset({"encoder.4", "decoder.2"})
    model = quantize(content, precision, pictures, kept)
    graph = graph_of(model)
    for operator, layer in zip(graph.operators, layers(graph), strict=True):
        if layer in kept and operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            assert graph.tensors[operator.inputs[1]].constant
            assert {graph.tensors[i].dtype for i in (*operator.inputs, *operator.outputs)} == {"float32"}


def test_everything_kept_is_the_float_graph(content, pictures):
    everything = frozenset(group.name for group in groups(content))
    for precision in PRECISIONS:
        np.testing.assert_array_equal(
            output(quantize(content, precision, pictures, everything), pictures[0]), output(content, pictures[0])
        )


@pytest.mark.parametrize("precision", ["w8a8", "w8a16"])
def test_static_precisions_need_pictures(content, precision):
    with pytest.raises(InputError, match="calibration pictures"):
        quantize(content, precision, [], NONE)


@pytest.mark.parametrize("precision", ["w8", "dyn8"])
def test_other_precisions_ignore_pictures(content, quantized, precision):
    assert quantize(content, precision, [], NONE) == quantized(precision)


def test_weights_of_w8_are_the_rounded_ones(content, quantized):
    """Independently in float64: every weight of the file is the float one, rounded to 127 steps of its channel."""
    before, after = unpack(content), unpack(quantized("w8"))
    old = {o.outputs[0]: o for o in describe(before).operators}
    names = {t.name: i for i, t in enumerate(describe(before).tensors)}
    graph = describe(after)
    sources = {o.outputs[0]: o.inputs[0] for o in graph.operators if o.name == "DEQUANTIZE"}
    compared = 0
    for operator in graph.operators:
        if operator.name != "CONV_2D" or operator.inputs[1] not in sources:
            continue
        tensor = after.subgraphs[0].tensors[sources[operator.inputs[1]]]
        found = np.frombuffer(after.buffers[tensor.buffer].data.tobytes(), np.int8).reshape(tensor.shape)
        twin = old[names[graph.tensors[operator.outputs[0]].name]].inputs[1]
        raw = before.buffers[before.subgraphs[0].tensors[twin].buffer].data.tobytes()
        exact = np.frombuffer(raw, np.float32).reshape(tensor.shape).astype(np.float64)
        step = np.abs(exact).max(axis=(1, 2, 3), keepdims=True) / 127
        step[step == 0] = 1
        assert np.abs(found - exact / step).max() <= 0.5 + 1e-4
        compared += 1
    assert compared > 80


def layer_graph(weights, bias, size=6):
    """One 3x3 convolution and a SiLU behind it."""
    w = TfliteWriter()
    channels, width = weights.shape[0], weights.shape[3]
    x = w.tensor("x", (1, size, size, width))
    inputs = [x, w.constant("w", weights), w.constant("b", bias)]
    y, gate, z = (w.tensor(name, (1, size, size, channels)) for name in ("y", "gate", "z"))
    w.operator("CONV_2D", inputs, [y], schema.Conv2DOptionsT(padding=schema.Padding.SAME, strideH=1, strideW=1))
    w.operator("LOGISTIC", [y], [gate])
    w.operator("MUL", [y, gate], [z], schema.MulOptionsT())
    return w.finish([x], [z])


@pytest.mark.parametrize("kind", [INT8, INT16], ids=lambda k: k.dtype)
def test_a_quantized_layer_is_within_its_steps_of_numpy(kind):
    """The whole error of a layer is that of its roundings, computed here from the scales in float64."""
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(8, 3, 3, 4)).astype(np.float32)
    bias = rng.normal(size=8).astype(np.float32)
    content = layer_graph(weights, bias)
    x = rng.uniform(-1, 1, (1, 6, 6, 4)).astype(np.float32)
    graph = graph_of(content)
    inside = frozenset(range(3))
    ranges = calibrate(content, graph, scale_groups(graph, inside), [x])
    found = output(quantize_static(content, inside, ranges, kind), x)
    padded = np.pad(x[0].astype(np.float64), ((1, 1), (1, 1), (0, 0)))
    patches = np.stack([padded[i : i + 6, j : j + 6] for i in range(3) for j in range(3)], 2)
    y = np.einsum("hwkc,okc->hwo", patches, weights.reshape(8, 9, 4).astype(np.float64)) + bias
    expected = y / (1 + np.exp(-y))
    step = {name: kind.affine(span)[0] for name, span in zip("xyz", (ranges[0], ranges[3], ranges[5]), strict=True)}
    peak = np.abs(weights).max(axis=(1, 2, 3))
    from_conv = 36 * (peak * step["x"] / 2 + peak / 254 * np.abs(x).max()) + step["y"]
    bound = 1.1 * from_conv + np.abs(y).max() * kind.logistic[0] + step["z"]
    assert (np.abs(found[0] - expected) <= bound).all()
    if kind is INT8:
        assert np.sqrt(np.mean((found[0] - expected) ** 2)) < 0.02 * expected.std() + 0.02


@given(
    arrays.arrays(
        np.float32, arrays.array_shapes(min_dims=4, max_dims=4, max_side=4), elements=st.floats(-1e3, 1e3, width=32)
    ),
    st.sampled_from([0, 3]),
)
def test_weights_round_to_the_nearest_step(weights, axis):
    rounded, scale = round_weights(weights, axis)
    assert rounded.dtype == np.int8
    assert rounded.min(initial=0) >= -127
    assert (scale > 0).all()
    shape = [1] * 4
    shape[axis] = -1
    steps = scale.astype(np.float64).reshape(shape)
    assert (np.abs(rounded * steps - weights) <= 0.5001 * steps).all()


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.sampled_from([INT8, INT16]))
def test_ranges_are_covered_and_zero_is_exact(a, b, kind):
    low, high = min(a, b), max(a, b)
    scale, zero = kind.affine((low, high))
    assert kind.low <= zero <= kind.high
    for value in (low, high, 0.0):
        assert kind.low - 0.51 <= value / scale + zero <= kind.high + 0.51


def test_silu_inputs_are_cut_off_where_silu_is_flat():
    weights = np.ones((1, 3, 3, 1), np.float32)
    content = layer_graph(weights, np.zeros(1, np.float32))
    graph = graph_of(content)
    ranges = calibrate(content, graph, [0, 3, 5], [np.full((1, 6, 6, 1), v, np.float32) for v in (-2, 0.5)])
    assert ranges[0] == (-2.0, 0.5)
    assert ranges[3] == (-18.0, 4.5)
    assert ranges[5][0] == pytest.approx(-8 / (1 + np.exp(8)), rel=1e-4)
    assert without_flat_silu(graph, ranges) == ranges | {3: (SILU_FLOOR, 4.5)}


@pytest.mark.parametrize(
    ("traced", "layer"),
    [
        ("a.b.Deployed/torch.nn.modules.conv.Conv2d_lowered_encoder_2_cv1_conv;2", "encoder.2"),
        ("a.b.Deployed/a.HeadwiseAttention_lowered_encoder_10_m_0_attn/a._Heads_0;13", "encoder.10"),
        ("a.b.Deployed/a.FlexDepth_lowered/torch.Sequential_encoder/a.ConvBnAct_3/torch.Conv2d_conv;1", "encoder.3"),
        ("a.b.Deployed/torch.SiLU_act;;a.b.Deployed/torch.Conv2d_lowered_decoder_7_cv2_conv;1", "decoder.7"),
        ("a.b.Deployed/torch.nn.modules.activation.SiLU_act;66", "input"),
        ("a.b.Deployed;8", "input"),
    ],
)
def test_layers_are_read_off_the_converters_names(traced, layer):
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 2, 2, 1)), w.tensor(traced, (1, 2, 2, 1))
    w.operator("LOGISTIC", [x], [y])
    graph = graph_of(w.finish([x], [y]))
    assert tensor_names(graph) == ["0", f"{layer}/1"]


@given(st.lists(st.floats(1e-9, 1e3), min_size=9, max_size=9), st.permutations(range(9)), st.integers(0, 9))
def test_scales_of_a_sum_are_raised_no_further_than_needed(values, order, fixed):
    before = dict(enumerate(values))
    sums = [order[:3], order[3:6], order[5:8]]
    after = dict(before)
    raise_scales(after, sums, {fixed})
    for tensors in sums:
        greatest = max(after[i] for i in tensors)
        assert all(after[i] * 128 >= greatest * 0.999 for i in tensors if i != fixed)
    assert all(after[i] >= before[i] for i in before)
    assert all(after[i] == before[i] for i in (fixed, order[8]) if i in before)
    assert max(after.values()) == max(before.values())


def test_interpolation_stays_among_integers(tmp_path):
    """A bilinear x2 between two convolutions."""
    rng = np.random.default_rng(5)
    w = TfliteWriter()
    x = w.tensor("x", (1, 6, 6, 3))
    y, up, z = w.tensor("y", (1, 6, 6, 8)), w.tensor("up", (1, 12, 12, 8)), w.tensor("z", (1, 12, 12, 2))
    first = [x, w.constant("w", rng.normal(size=(8, 1, 1, 3)).astype(np.float32)), w.constant("b", np.ones(8, "f4"))]
    second = [up, w.constant("v", rng.normal(size=(2, 1, 1, 8)).astype(np.float32)), w.constant("c", np.ones(2, "f4"))]
    options = {"padding": schema.Padding.SAME, "strideH": 1, "strideW": 1}
    w.operator("CONV_2D", first, [y], schema.Conv2DOptionsT(**options))
    resize = schema.ResizeBilinearOptionsT(halfPixelCenters=True)
    w.operator("RESIZE_BILINEAR", [y, w.constant("size", np.array([12, 12], np.int32))], [up], resize, version=3)
    w.operator("CONV_2D", second, [z], schema.Conv2DOptionsT(**options))
    content = w.finish([x], [z])
    graph, inside, pixels = graph_of(content), frozenset(range(3)), rng.random((1, 6, 6, 3), np.float32)
    ranges = calibrate(content, graph, scale_groups(graph, inside), [pixels])
    model = quantize_static(content, inside, ranges, INT8)
    path = tmp_path / "q.tflite"
    path.write_bytes(model)
    assert xnnpack_partitions(path).whole
    assert graph_of(model).histogram() == {"CONV_2D": 2, "QUANTIZE": 1, "RESIZE_BILINEAR": 1, "DEQUANTIZE": 1}
    expected = output(content, pixels)
    assert np.abs(output(model, pixels) - expected).max() < 0.03 * np.ptp(expected)
