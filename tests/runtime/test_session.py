"""Real ONNX Runtime and LiteRT on graphs with a known formula."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from tiny_graphs import SIZE, entry, expected, onnx_model, tflite_bytes, write_file

from edgedepth.artifact.folder import sha256
from edgedepth.artifact.manifest import BYTES, TensorQuantization
from edgedepth.errors import InputError, OperatorError
from edgedepth.export.onnx_ends import set_types
from edgedepth.export.tflite_ends import with_types
from edgedepth.runtime import Session
from edgedepth.runtime.preprocess import to_batch

CASES = [
    ("t.onnx", "NCHW", "float32", 1),
    ("t.onnx", "NHWC", "uint8", 2),
    ("t.onnx", "NCHW", "uint8", 1),
    ("t.tflite", "NHWC", "float32", 1),
    ("t.tflite", "NHWC", "uint8", 3),
]


def with_hash(told, path):
    return replace(told, sha256=sha256(path))


@pytest.mark.parametrize(("name", "layout", "dtype", "batch"), CASES)
def test_maps_are_the_formula(tmp_path, name, layout, dtype, batch):
    told = write_file(tmp_path, entry(name, layout=layout, dtype=dtype, batch=batch))
    session = Session(tmp_path / name, told)
    bytes_in = np.random.default_rng(0).integers(0, 256, (batch, *SIZE, 3), dtype=np.uint8)
    given = bytes_in if dtype == "uint8" else bytes_in.astype(np.float32) / 255
    maps = session.maps(given.transpose(0, 3, 1, 2) if layout == "NCHW" else given)
    assert maps.shape == (batch, *SIZE)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected(bytes_in / 255), atol=1e-5)
    assert session.batch == batch
    assert session.runtime.startswith("ONNX Runtime" if name.endswith("onnx") else "LiteRT")


def test_threads_do_not_change_the_result(tmp_path):
    told = write_file(tmp_path, entry("t.onnx"))
    batch = np.random.default_rng(1).random((1, 3, *SIZE), dtype=np.float32)
    one, two = (Session(tmp_path / "t.onnx", told, threads).run(batch) for threads in (1, 2))
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_litert_is_quiet(tmp_path, capfd):
    told = write_file(tmp_path, entry("t.tflite"))
    session = Session(tmp_path / "t.tflite", told)
    session.run(np.zeros((1, *SIZE, 3), np.float32))
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


@pytest.mark.parametrize("batch", [np.zeros((1, 3, 32, 63), np.float32), np.zeros((1, 3, 32, 64), np.uint8)])
def test_a_batch_that_does_not_fit_names_both_shapes(tmp_path, batch):
    told = write_file(tmp_path, entry("t.onnx"))
    with pytest.raises(InputError, match=r"\(1, 3, 32, 64\)"):
        Session(tmp_path / "t.onnx", told).run(batch)


@pytest.mark.parametrize("name", ["t.onnx", "t.tflite"])
def test_a_file_that_changed_is_refused(tmp_path, name):
    told = write_file(tmp_path, entry(name))
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-7] + b"changed")
    with pytest.raises(InputError, match="damaged"):
        Session(path, told)
    path.unlink()
    with pytest.raises(InputError, match="missing"):
        Session(path, told)


@pytest.mark.parametrize("name", ["t.onnx", "t.tflite"])
@pytest.mark.parametrize("content", [b"", b"hello" * 100, None])
def test_a_file_that_no_runtime_reads_is_an_input_error(tmp_path, name, content):
    told = write_file(tmp_path, entry(name))
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
    with pytest.raises(InputError, match="cannot be read as"):
        Session(path, with_hash(told, path))


@pytest.mark.parametrize("name", ["t.onnx", "t.tflite"])
def test_a_graph_of_another_size_than_promised_is_refused(tmp_path, name):
    write_file(tmp_path, entry(name))
    path = tmp_path / name
    lying = with_hash(entry(name, size=(64, 64)), path)
    with pytest.raises(InputError, match="does not fit its manifest") as caught:
        Session(path, lying)
    assert "64x64" in caught.value.evidence


def test_an_operator_that_onnx_runtime_lacks_is_named(tmp_path, capfd):
    told, path = entry("t.onnx"), tmp_path / "t.onnx"
    model = onnx_model(told)
    model.graph.node[-1].op_type, model.graph.node[-1].domain = "Levitate", "nowhere"
    model.opset_import.add(domain="nowhere", version=1)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(OperatorError, match="Levitate"):
        Session(path, with_hash(told, path))
    assert capfd.readouterr().err == ""


def test_an_operator_that_litert_lacks_is_named(tmp_path):
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    told, path = entry("t.tflite"), tmp_path / "t.tflite"
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(tflite_bytes(told), 0))
    code = model.operatorCodes[-1]
    code.builtinCode, code.deprecatedBuiltinCode = (
        schema.BuiltinOperator.CUSTOM,
        schema.BuiltinOperator.CUSTOM,
    )
    code.customCode = "Levitate"
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    with pytest.raises(OperatorError, match="Levitate"):
        Session(path, with_hash(told, path))


def test_an_integer_output_without_a_scale_cannot_even_be_described():
    told = entry("t.onnx")
    with pytest.raises(ValueError, match="uint8 without a scale"):
        replace(told.output, tensor=replace(told.output.tensor, dtype="uint8"))


@pytest.mark.parametrize("name", ["t.onnx", "t.tflite"])
@pytest.mark.parametrize(("taken", "given"), [("int8", "int8"), ("int8", "uint8"), ("uint8", "int8")])
def test_integers_at_both_ends_are_the_formula_to_half_a_step(tmp_path, name, taken, given):
    """Through the runtime of the format, from a picture to a map of what the integers stand for."""
    plain = entry(name, layout="NHWC")
    scales = {dtype: TensorQuantization(1 / 255, BYTES[dtype][0]) for dtype in BYTES}
    image = replace(plain.input.tensor, dtype=taken, quantization=scales[taken])
    disparity = replace(plain.output.tensor, dtype=given, quantization=scales[given])
    path = tmp_path / name
    if name.endswith("onnx"):
        model = onnx_model(plain)
        set_types(model, image, disparity)
        path.write_bytes(model.SerializeToString())
    else:
        path.write_bytes(with_types(tflite_bytes(plain), image, disparity))
    told = replace(plain, input=replace(plain.input, tensor=image), output=replace(plain.output, tensor=disparity))
    session = Session(path, with_hash(told, path))
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    batch = to_batch([pixels], told.input)
    assert (batch.dtype, session.run(batch).dtype) == (taken, given)
    exact = expected(pixels / 255)
    found = session.maps(batch)[0]
    assert found.dtype == np.float32
    assert np.abs(found - exact).max() <= 0.5 / 255 + 1e-6
    assert np.abs(found - exact).max() > 0.4 / 255
    (named,) = session.run_named({"image": batch}, [disparity])
    np.testing.assert_array_equal(named[0, 0], found)
