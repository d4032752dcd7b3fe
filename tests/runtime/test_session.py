"""Real ONNX Runtime and LiteRT on graphs with a known formula."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from tiny_graphs import SIZE, entry, expected, onnx_model, tflite_bytes, write_file

from edgedepth.artifact.folder import sha256
from edgedepth.errors import InputError, OperatorError
from edgedepth.runtime import Session

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


def test_integer_output_is_refused_before_anything_runs(tmp_path):
    told = write_file(tmp_path, entry("t.onnx"))
    output = replace(told.output, tensor=replace(told.output.tensor, dtype="uint8"))
    with pytest.raises(InputError, match="uint8 output"):
        Session(tmp_path / "t.onnx", replace(told, output=output))
