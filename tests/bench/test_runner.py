"""Opening files, and the picture that they are fed."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.bench.files import graph_files
from edgedepth.bench.picture import seeded_picture
from edgedepth.bench.runner import onnx_session, open_runner
from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.errors import InputError, OperatorError


@given(
    st.lists(st.integers(1, 9), max_size=4).map(tuple),
    st.sampled_from(["float32", "float16", "uint8", "int8", "int32", "bool"]),
    st.integers(0, 3),
)
def test_picture_fits_what_was_asked_and_repeats(shape, dtype, seed):
    picture = seeded_picture(shape, dtype, seed)
    assert (picture.shape, picture.dtype) == (shape, np.dtype(dtype))
    assert np.array_equal(picture, seeded_picture(shape, dtype, seed))


def test_picture_varies_over_the_range():
    photo = seeded_picture((1, 192, 640, 3), "float32", 1)
    assert 0 <= photo.min() < 0.1
    assert 0.9 < photo.max() <= 1
    assert photo.std() > 0.1
    assert not np.array_equal(photo, seeded_picture((1, 192, 640, 3), "float32", 2))
    bytes_ = seeded_picture((1, 64, 64, 3), "int8")
    assert bytes_.min() < -100
    assert bytes_.max() > 100


@pytest.mark.parametrize("threads", [1, 2])
def test_both_kinds_run(tflite_file, onnx_file, threads):
    for file, family in ((tflite_file, "litert"), (onnx_file, "onnxruntime")):
        runner = open_runner(file, threads)
        runner.run()
        assert (runner.family, runner.threads) == (family, threads)


def test_open_sizes_are_refused(open_onnx_file):
    with pytest.raises(InputError, match="no fixed size") as caught:
        open_runner(open_onnx_file, 1)
    assert "?x4x8x8" in caught.value.evidence


def test_an_operator_that_litert_lacks_is_named(tmp_path):
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 4)), w.tensor("y", (1, 4))
    w.operator("ABS", [x], [y], schema.AbsOptionsT(), version=99)
    path = tmp_path / "odd.tflite"
    path.write_bytes(w.finish([x], [y]))
    with pytest.raises(OperatorError) as caught:
        open_runner(path, 1)
    assert "ABS" in caught.value.evidence


def test_damaged_onnx(tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"not a protobuf at all")
    with pytest.raises(InputError):
        onnx_session(path, str(path), 1)


def test_files_of_folders_and_bad_names(tmp_path, tflite_file):
    assert graph_files([tflite_file]) == [tflite_file]
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    for bad, said in (("empty", "not an artifact"), ("notes.txt", "neither"), ("absent.onnx", "no file")):
        with pytest.raises(InputError, match=said):
            graph_files([tmp_path / bad])
