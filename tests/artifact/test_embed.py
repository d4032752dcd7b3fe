"""What files say about themselves, far from their folder."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up import ESSENTIALS
from onnx import TensorProto, helper

from edgedepth.artifact.embed import embed_onnx, embed_tflite, read_embedded
from edgedepth.artifact.manifest import SCHEMA_VERSION
from edgedepth.artifact.reading import open_artifact
from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.errors import InputError


def onnx_model():
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 4, 4]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def tflite_content():
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 4, 4, 3)), w.tensor("y", (1, 4, 4, 3))
    w.operator("LOGISTIC", [x], [y])
    return w.finish([x], [y])


def written(folder, name, essentials=ESSENTIALS):
    path = folder / name
    if name.endswith(".onnx"):
        model = onnx_model()
        embed_onnx(model, essentials)
        onnx.save(model, path)
    else:
        path.write_bytes(embed_tflite(tflite_content(), essentials))
    return path


NAMES = ("lone.onnx", "lone.tflite")


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_embedded(path)
    assert path.name in caught.value.cause
    return caught.value


@pytest.mark.parametrize("name", NAMES)
def test_what_is_embedded_comes_back(tmp_path, name):
    assert read_embedded(written(tmp_path, name)) == ESSENTIALS


@pytest.mark.parametrize("name", NAMES)
def test_a_lone_file_is_an_artifact(tmp_path, name):
    path = written(tmp_path, name)
    artifact = open_artifact(path)
    (entry,) = artifact.files
    assert artifact.manifest is None
    assert (entry.path, entry.precision, entry.size) == (name, "fp32", (32, 64))
    assert (entry.input, entry.output, entry.lowering) == (
        ESSENTIALS.input,
        ESSENTIALS.output,
        ESSENTIALS.lowering,
    )
    assert entry.bytes == path.stat().st_size
    assert entry.format == name.partition(".")[2]


def test_embedding_changes_nothing_else(tmp_path):
    bare, marked = tmp_path / "bare.tflite", written(tmp_path, "lone.tflite")
    bare.write_bytes(tflite_content())
    before, after = read_tflite(bare), read_tflite(marked)
    assert after.operators == before.operators
    assert after.tensors == before.tensors
    assert after.metadata == (*before.metadata, "edgedepth")


def test_equal_essentials_give_equal_bytes(tmp_path):
    assert embed_tflite(tflite_content(), ESSENTIALS) == embed_tflite(tflite_content(), ESSENTIALS)


def test_a_marked_file_still_runs(tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(written(tmp_path, "lone.tflite")))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.zeros((1, 4, 4, 3), np.float32))
    interpreter.invoke()
    assert float(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).mean()) == 0.5


def test_files_of_other_tools_are_told_apart(tmp_path):
    onnx.save(onnx_model(), tmp_path / "other.onnx")
    (tmp_path / "other.tflite").write_bytes(tflite_content())
    for name in ("other.onnx", "other.tflite"):
        assert "carries no edgedepth metadata" in refusal(tmp_path / name).cause


@pytest.mark.parametrize("name", NAMES)
def test_a_newer_file_says_so(tmp_path, name):
    import msgspec

    newer = msgspec.structs.replace(ESSENTIALS, schema_version=SCHEMA_VERSION + 1)
    assert "newer" in refusal(written(tmp_path, name, newer)).cause


def test_metadata_of_the_same_name_from_elsewhere_is_refused(tmp_path):
    model = onnx_model()
    entry = model.metadata_props.add()
    entry.key, entry.value = "edgedepth", "hello"
    onnx.save(model, tmp_path / "odd.onnx")
    assert "metadata that cannot be read" in refusal(tmp_path / "odd.onnx").cause


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"text", b"\x1c\0\0\0TFL3", b"\xff\xff\xff\xffTFL3" + b"\0" * 40])
def test_what_is_no_such_file_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refusal(tmp_path / name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_there(tmp_path, name):
    assert "cannot be opened" in refusal(tmp_path / name).cause


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=20), st.integers(0, 10_000), st.integers(0, 10_000))
def test_any_damage_ends_in_a_refusal_or_in_essentials(tmp_path, noise, where, end):
    for name in NAMES:
        path = written(tmp_path, name)
        content = bytearray(path.read_bytes())
        at = where % len(content)
        content[at : at + len(noise)] = noise
        path.write_bytes(bytes(content[: 1 + end % len(content)] if end % 3 else content))
        try:
            assert read_embedded(path).schema_version <= SCHEMA_VERSION
        except InputError as error:
            assert error.remedy  # noqa: PT017 - either outcome is right
