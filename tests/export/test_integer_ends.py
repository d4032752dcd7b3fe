"""Integers as a file's input and output: what they stand for, what stands in the files, and what they may cost."""

from __future__ import annotations

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.artifact.embed import read_embedded
from edgedepth.artifact.manifest import BYTES, ContractOutcome, OutputContract, TensorQuantization, TensorSpec
from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.errors import GateError
from edgedepth.export.interface import integers_of
from edgedepth.export.onnx_ends import set_types
from edgedepth.export.quantize.contract import Contract
from edgedepth.export.quantize.tflite import quantize
from edgedepth.export.recheck import recheck
from edgedepth.export.tflite_ends import with_types
from edgedepth.export.verify import compare, misses, rounding
from edgedepth.preflight.xnnpack import xnnpack_partitions
from edgedepth.runtime import open_predictor

BOTH = ("onnx", "tflite")
HALF = 0.5 / 255
CONSTANTS = {"min_disparity": 0.01, "disparity_range": 9.99}


@pytest.fixture
def ends(exported):
    """Signed bytes in, unsigned bytes out."""
    return exported("integer-ends", "flex-nano", input="int8", output_type="uint8")


@pytest.fixture
def small(exported, pictures):
    """In integers throughout, signed bytes at both ends."""
    return exported(
        "integer-ends-w8a8",
        "flex-nano",
        formats=("tflite",),
        precisions=("w8a8",),
        input="int8",
        output_type="int8",
        calibration=pictures,
        max_absrel_drop=1.0,
        max_d1_drop=1.0,
    )


def only(export, file_format):
    (entry,) = export.files(file_format)
    return entry


def street(export):
    with np.load(export.artifact.folder / "reference/street-64x96.npz") as stored:
        return stored["input"], stored["output"]


@pytest.mark.parametrize("file_format", BOTH)
def test_the_contract_says_what_the_integers_stand_for(ends, file_format):
    entry = only(ends, file_format)
    taken, given = entry.input, entry.output
    assert taken.tensor == TensorSpec("image", (1, 64, 96, 3), "NHWC", "int8", TensorQuantization(1 / 255, -128))
    assert given.tensor == TensorSpec("disparity", (1, 64, 96, 1), "NHWC", "uint8", TensorQuantization(1 / 255, 0))
    assert taken.value_range == given.value_range == (0.0, 1.0)
    assert "(integer + 128) / 255" in taken.normalization
    inside = read_embedded(ends.artifact.path(entry))
    assert (inside.input, inside.output) == (taken, given)


def test_the_flatbuffers_own_tensors_carry_it_too(ends):
    path = ends.artifact.path(only(ends, "tflite"))
    interpreter = Interpreter(str(path))
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (taken["dtype"], taken["quantization"]) == (np.int8, (np.float32(1 / 255), -128))
    assert (given["dtype"], given["quantization"]) == (np.uint8, (np.float32(1 / 255), 0))
    graph = read_tflite(path)
    assert graph.operators[0].name == "DEQUANTIZE"
    assert graph.operators[-1].name == "QUANTIZE"
    assert "CAST" not in graph.histogram()
    assert xnnpack_partitions(path).whole


def test_the_onnx_graph_converts_at_its_ends(ends):
    model = onnx.load(ends.artifact.path(only(ends, "onnx")))
    first, last = model.graph.node[0], model.graph.node[-1]
    assert (first.op_type, last.op_type) == ("DequantizeLinear", "QuantizeLinear")
    assert (first.input[0], last.output[0]) == ("image", "disparity")
    kinds = [value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)]
    assert kinds == [onnx.TensorProto.INT8, onnx.TensorProto.UINT8]


@pytest.mark.parametrize("file_format", BOTH)
def test_integers_are_the_networks_output_to_half_a_step(ends, file_format):
    entry = only(ends, file_format)
    pixels, expected = street(ends)
    fed = (pixels.astype(np.int16) - 128).astype(np.int8)[None]
    path = str(ends.artifact.path(entry))
    if file_format == "onnx":
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (found,) = session.run(None, {"image": fed})
    else:
        found = Interpreter(path).get_signature_runner()(image=fed)["disparity"]
    assert (found.dtype, found.shape) == (np.uint8, (1, 64, 96, 1))
    apart = np.abs(found[0, ..., 0].astype(np.float64) / 255 - expected)
    assert apart.max() <= HALF + 1e-4
    assert 0.3 * HALF < apart.mean() < 0.7 * HALF
    assert HALF / 2 < entry.parity["street"].max_abs <= HALF + 1e-4


@pytest.mark.parametrize("file_format", BOTH)
def test_depth_differs_from_that_of_floats_by_what_half_a_step_is_worth(ends, nano, file_format):
    picture = np.random.default_rng(5).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    exact = open_predictor(nano.artifact.folder, file_format=file_format, precision="fp32")(picture).closeness
    found = open_predictor(ends.artifact.folder, file_format=file_format)(picture).closeness
    assert np.abs(found - exact).max() <= 9.99 * (HALF + 1e-5)


def test_it_is_checked_anew_within_the_same_bounds(ends):
    for result, entry in zip(recheck(ends.artifact.folder), ends.artifact.files, strict=True):
        assert result.parity["noise"].max_abs == pytest.approx(entry.parity["noise"].max_abs, abs=1e-6)


def test_a_file_that_is_a_whole_step_off_is_rejected(ends, tmp_path):
    """Its own zero point moved by one: as large an error as rounding must never make."""
    import shutil

    from edgedepth.artifact import sha256
    from edgedepth.artifact.manifest import FILE_NAME, encode

    folder = shutil.copytree(ends.artifact.folder, tmp_path / "copy")
    entry = only(ends, "onnx")
    model = onnx.load(folder / entry.path)
    zero = next(one for one in model.graph.initializer if one.name == "disparity_end_zero")
    zero.CopyFrom(onnx.numpy_helper.from_array(np.array(1, np.uint8), zero.name))
    onnx.save(model, folder / entry.path)
    changed = msgspec.structs.replace(entry, sha256=sha256(folder / entry.path))
    manifest = msgspec.structs.replace(ends.artifact.manifest, files=(changed,))
    (folder / FILE_NAME).write_bytes(encode(manifest))
    with pytest.raises(GateError, match="does not compute"):
        recheck(folder)


def test_small_numbers_and_integer_ends_go_together(small):
    """The head stays in float, so the output is that of floats, rounded; its cost comes on top of the contract."""
    entry = only(small, "tflite")
    path = small.artifact.path(entry)
    names = [operator.name for operator in read_tflite(path).operators]
    assert names[:4] == ["DEQUANTIZE", "SUB", "MUL", "QUANTIZE"]
    assert names[-2:] == ["LOGISTIC", "QUANTIZE"]
    assert xnnpack_partitions(path).whole
    assert entry.quantization.outcome.absrel_fp32 == 0  # of floats at both ends, which are the truth here
    assert entry.quantization.outcome.absrel > 0
    assert max(parity.max_abs for parity in entry.parity.values()) < 0.2


def identity(dtype, quantization):
    """A graph that makes integers of its float input and floats of those."""
    w = TfliteWriter()
    x, z = (w.tensor(name, (1, 4, 4, 3)) for name in ("x", "z"))
    y = w.tensor("y", (1, 4, 4, 3), dtype, quantization)
    w.operator("QUANTIZE", [x], [y])
    w.operator("DEQUANTIZE", [y], [z], schema.DequantizeOptionsT(), version=2)
    return w.finish([x], [z])


@pytest.mark.parametrize(
    ("dtype", "quantization", "left"),
    [
        ("int8", (1 / 255, -128), ["DEQUANTIZE"]),
        ("int8", (1 / 255, -127), ["DEQUANTIZE", "QUANTIZE", "DEQUANTIZE"]),
        ("int8", (1 / 200, -128), ["DEQUANTIZE", "QUANTIZE", "DEQUANTIZE"]),
    ],
)
def test_integers_that_the_graph_makes_itself_are_not_made_twice(tmp_path, dtype, quantization, left):
    taken = TensorSpec("x", (1, 4, 4, 3), "NHWC", "int8", integers_of("int8"))
    given = TensorSpec("z", (1, 4, 4, 3), "NHWC", "float32")
    path = tmp_path / "a.tflite"
    path.write_bytes(with_types(identity(dtype, quantization), taken, given))
    assert [operator.name for operator in read_tflite(path).operators] == left
    fed = np.random.default_rng(0).integers(-128, 128, (1, 4, 4, 3), dtype=np.int8)
    found = Interpreter(str(path)).get_signature_runner()(x=fed)["z"]
    assert np.abs(found - (fed.astype(np.float64) + 128) / 255).max() <= quantization[0] * 1.6


def plain_network():
    """Three convolutions, the first of which reads the picture as it is; no normalization."""
    rng, w = np.random.default_rng(0), TfliteWriter()
    image = before = w.tensor("image", (1, 12, 16, 3))
    gate, options = image, {"padding": schema.Padding.SAME, "strideH": 1, "strideW": 1}
    for i, (taken, made) in enumerate(((3, 8), (8, 8), (8, 1))):
        weights = rng.normal(0, 0.3, (made, 3, 3, taken)).astype(np.float32)
        inputs = [before, w.constant(f"w{i}", weights), w.constant(f"b{i}", np.zeros(made, np.float32))]
        y, gate, before = (w.tensor(f"layer{i}/{name}", (1, 12, 16, made)) for name in ("sum", "gate", "out"))
        w.operator("CONV_2D", inputs, [y], schema.Conv2DOptionsT(**options, dilationHFactor=1, dilationWFactor=1))
        w.operator("LOGISTIC", [y], [gate])
        if i < 2:
            w.operator("MUL", [y, gate], [before], schema.MulOptionsT())
    return w.finish([image], [gate])


def test_integers_go_straight_into_a_convolution_that_reads_the_picture_as_it_is(tmp_path):
    pixels = np.random.default_rng(2).integers(0, 256, (3, 1, 12, 16, 3), dtype=np.uint8)
    small = quantize(plain_network(), "w8a8", [one.astype(np.float32) / 255 for one in pixels], frozenset())
    taken = TensorSpec("image", (1, 12, 16, 3), "NHWC", "int8", integers_of("int8"))
    given = TensorSpec("layer2/gate", (1, 12, 16, 1), "NHWC", "float32")
    paths = tmp_path / "floats.tflite", tmp_path / "integers.tflite"
    paths[0].write_bytes(small)
    paths[1].write_bytes(with_types(small, taken, given))
    names = [[operator.name for operator in read_tflite(path).operators] for path in paths]
    assert names[0][:2] == ["QUANTIZE", "CONV_2D"]
    assert names[1] == names[0][1:]
    runners = [Interpreter(str(path)).get_signature_runner() for path in paths]
    fed = (pixels[0].astype(np.float32) / 255, (pixels[0].astype(np.int16) - 128).astype(np.int8))
    floats, integers = (next(iter(run(image=one).values())) for run, one in zip(runners, fed, strict=True))
    np.testing.assert_array_equal(floats, integers)


@pytest.mark.parametrize("file_format", BOTH)
def test_floats_leave_a_graph_as_it_is(nano, file_format):
    entry = next(e for e in nano.files(file_format) if e.precision == "fp32")
    path = nano.artifact.path(entry)
    if file_format == "tflite":
        assert with_types(path.read_bytes(), entry.input.tensor, entry.output.tensor) == path.read_bytes()
        return
    model = onnx.load(path)
    set_types(model, entry.input.tensor, entry.output.tensor)
    assert model == onnx.load(path)


def output_of(dtype="uint8"):
    tensor = TensorSpec("y", (1, 12, 20, 1), "NHWC", dtype, None if dtype == "float32" else integers_of(dtype))
    return OutputContract(tensor, "sigmoid-disparity", "", CONSTANTS, metric=False, value_range=(0.0, 1.0))


@given(st.integers(0, 10_000), st.floats(0, 0.8), st.floats(0.01, 1), st.sampled_from([*BYTES]))
def test_rounding_alone_is_always_within_what_is_allowed(seed, low, span, dtype):
    expected = np.random.default_rng(seed).uniform(low, min(1, low + span), (12, 20)).astype(np.float32)
    rounded = (np.rint(expected.astype(np.float64) * 255) / 255).astype(np.float32)
    allowed = rounding(output_of(dtype), expected, CONSTANTS)
    found = compare(rounded, expected, CONSTANTS)
    assert misses(found, "fp32", allowed) == []
    whole = compare(rounded + np.float32(1 / 255), expected, CONSTANTS)
    assert any("max_abs" in line for line in misses(whole, "fp32", allowed))


def test_what_is_allowed_is_half_a_step():
    expected = np.random.default_rng(3).uniform(0.05, 0.6, (12, 20)).astype(np.float32)
    allowed = rounding(output_of(), expected, CONSTANTS)
    exact = expected.astype(np.float64)
    assert allowed.max_abs == allowed.mean_abs == pytest.approx(HALF)
    # The farther side counts: depth changes by r h / (m + r (d - h)) of itself.
    assert allowed.absrel_drift == pytest.approx(np.mean(9.99 * HALF / (0.01 + 9.99 * (exact - HALF))))
    assert allowed.angle == pytest.approx(np.arcsin(HALF / exact.std()))
    plain = rounding(output_of("float32"), expected, CONSTANTS)
    assert (plain.max_abs, plain.mean_abs, plain.absrel_drift, plain.angle) == (0, 0, 0, 0)


@given(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1))
def test_a_contract_grows_by_what_is_paid_already_and_never_shrinks(growth, fall):
    cost = ContractOutcome("ground truth", 1, 0.2 + growth, 0.2, 0.8 - fall, 0.8)
    found = Contract(0.005, 0.01).widened(cost)
    assert found.max_absrel_drop == pytest.approx(0.005 + max(growth, 0), abs=1e-12)
    assert found.max_d1_drop == pytest.approx(0.01 + max(fall, 0), abs=1e-12)
