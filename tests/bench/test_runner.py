"""The backends: opening files, refusing what cannot be measured, and the picture that they are fed."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.bench.backends import ACCELERATORS, backend
from edgedepth.bench.backends.onnx import OnnxRuntime, _bound, onnx_session, require_first, require_provider
from edgedepth.bench.files import graph_files
from edgedepth.bench.job import FLOOR, Job
from edgedepth.bench.picture import seeded_picture
from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.errors import InputError, MissingDependencyError, OperatorError, UsageError


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


def started(job):
    made = backend(job)
    with made.explained():
        made.open()
        made.feed()
        made.run()
    return made


def job_of(file, **settings):
    runtime = "onnxruntime" if str(file).endswith(".onnx") else "litert"
    return Job(**{"runtime": runtime, "accelerator": "cpu", "graph": str(file)} | settings)


@pytest.mark.parametrize("threads", [1, 2])
def test_both_kinds_run(tflite_file, onnx_file, threads):
    for file in (tflite_file, onnx_file):
        made = started(job_of(file, threads=threads))
        assert made.version[0].isdigit()
        assert (made.placement().gpu, made.placement().fully_accelerated) == ("", None)


def test_xnnpacks_share_is_told_of_files_only(tflite_file, onnx_file):
    found = started(job_of(tflite_file)).delegation()
    assert (found.delegated, found.nodes, found.partitions) == (4, 4, 1)
    assert started(job_of(onnx_file)).delegation() is None
    assert started(job_of(FLOOR)).delegation() is None


def test_open_sizes_are_refused(open_onnx_file):
    with pytest.raises(InputError, match="no fixed size") as caught:
        started(job_of(open_onnx_file))
    assert "?x4x8x8" in caught.value.evidence


def test_an_operator_that_litert_lacks_is_named(tmp_path):
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 4)), w.tensor("y", (1, 4))
    w.operator("ABS", [x], [y], schema.AbsOptionsT(), version=99)
    path = tmp_path / "odd.tflite"
    path.write_bytes(w.finish([x], [y]))
    with pytest.raises(OperatorError) as caught:
        started(job_of(path))
    assert "ABS" in caught.value.evidence


def test_damaged_files(tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"not a protobuf at all")
    with pytest.raises(InputError):
        onnx_session(path, str(path), 1)
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"\x1c\0\0\0TFL3 and then nothing")
    with pytest.raises(InputError, match="damaged"):
        backend(job_of(broken))


def test_files_of_folders_and_bad_names(tmp_path, tflite_file):
    assert graph_files([tflite_file]) == [tflite_file]
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    for bad, said in (("empty", "not an artifact"), ("notes.txt", "neither"), ("absent.onnx", "no file")):
        with pytest.raises(InputError, match=said):
            graph_files([tmp_path / bad])


@pytest.mark.parametrize("accelerator", ["cuda", "tensorrt"])
def test_a_provider_that_is_not_installed_is_no_fallback(onnx_file, accelerator):
    wanted = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}[accelerator]
    with pytest.raises(MissingDependencyError, match=wanted) as caught:
        require_provider(wanted, ["CPUExecutionProvider"])
    assert "CPUExecutionProvider" in caught.value.evidence
    import onnxruntime

    if wanted in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has it")
    with pytest.raises(MissingDependencyError):
        OnnxRuntime(onnx_file, "net.onnx", accelerator, None)


def test_a_session_that_fell_back_is_found():
    require_first("net.onnx", "CUDAExecutionProvider", ["CUDAExecutionProvider", "CPUExecutionProvider"])
    for got in ([], ["CPUExecutionProvider"], ["CPUExecutionProvider", "CUDAExecutionProvider"]):
        with pytest.raises(OperatorError, match="CUDAExecutionProvider"):
            require_first("net.onnx", "CUDAExecutionProvider", got)


def test_a_gpus_inputs_stay_there_and_its_outputs_come_back(onnx_file, monkeypatch):
    import onnxruntime

    session = onnx_session(onnx_file, "net.onnx", 1)
    calls = []

    class Binding:
        def bind_ortvalue_input(self, name, value):
            calls.append(("input", name, value))

        def bind_output(self, name, device):
            calls.append(("output", name, device))

    class Session:
        def io_binding(self):
            return Binding()

        def get_outputs(self):
            return session.get_outputs()

    monkeypatch.setattr(onnxruntime.OrtValue, "ortvalue_from_numpy", staticmethod(lambda _, *place: place))
    _bound(Session(), {"x": np.zeros((1, 4, 8, 8), np.float32)})
    assert calls == [("input", "x", ("cuda", 0)), ("output", "y", "cpu")]


def test_every_runtime_refuses_what_it_cannot_run_on(tflite_file, onnx_file):
    for file, accelerator in ((tflite_file, "cuda"), (onnx_file, "gpu"), (onnx_file, "npu")):
        with pytest.raises(UsageError, match=f"does not run on {accelerator}"):
            backend(job_of(file, accelerator=accelerator))
    assert all("cpu" in known for known in ACCELERATORS.values())
