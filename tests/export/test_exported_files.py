"""Exported files of every scale: their structure, what they compute, and what they say about themselves."""

from __future__ import annotations

import getpass
import re
import shutil
import socket
import sys
import tempfile
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from onnx import numpy_helper
from support import SCALES

from edgedepth.artifact import open_artifact, verify_hashes
from edgedepth.artifact.embed import read_embedded
from edgedepth.artifact.onnx_graph import read_onnx
from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.models.counting import count
from edgedepth.preflight.xnnpack import xnnpack_partitions

TOLERANCE = 1e-4
REFUSED = {"GATHER", "GATHER_ND", "SELECT", "SELECT_V2", "BROADCAST_TO", "TRANSPOSE"}
"""Operators that some mobile accelerator runs slowly or not at all."""


@pytest.fixture(params=SCALES)
def scale(request, exported, nano):
    """Every scale; the larger ones at 64x64, where the deepest map is 2x2."""
    return nano if request.param == "flex-nano" else exported(request.param, request.param, sizes=((64, 64),))


def runtime_output(path, entry, batch):
    """The file's output, through the runtime itself."""
    if entry.format == "onnx":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (found,) = session.run([entry.output.tensor.name], {entry.input.tensor.name: batch})
        return found
    runner = Interpreter(str(path)).get_signature_runner()
    return runner(**{entry.input.tensor.name: batch})[entry.output.tensor.name]


def reference(artifact, name, size):
    """Stored input pixels and output of the PyTorch model."""
    with np.load(artifact.folder / f"reference/{name}-{size[0]}x{size[1]}.npz") as stored:
        return stored["input"], stored["output"]


def as_input(pixels, entry):
    values = pixels[None] if entry.input.tensor.dtype == "uint8" else pixels[None].astype(np.float32) / 255
    return values.transpose(0, 3, 1, 2).copy() if entry.input.tensor.layout == "NCHW" else values


def test_tflite_has_nothing_that_accelerators_refuse(scale):
    for entry in scale.files("tflite"):
        graph = read_tflite(scale.artifact.path(entry))
        assert not REFUSED & set(graph.histogram())
        assert graph.max_rank() <= 4
        assert graph.subgraphs == 1
        assert entry.operators == graph.histogram()


def test_xnnpack_takes_every_operator_in_one_partition(scale):
    for entry in scale.files("tflite"):
        partitions = xnnpack_partitions(scale.artifact.path(entry))
        assert partitions.whole, partitions
        assert partitions.sizes[0] == sum(entry.operators.values())


def test_onnx_has_no_sampling_operator_and_keeps_its_opset(scale):
    for entry in scale.files("onnx"):
        graph = read_onnx(scale.artifact.path(entry))
        assert not {"GridSample", "GatherND", "BatchNormalization"} & set(graph.histogram())
        assert graph.opset == entry.opset == 18
        assert entry.operators == graph.histogram()
        onnx.checker.check_model(str(scale.artifact.path(entry)), full_check=True)


def test_files_compute_what_the_network_computes(scale):
    """Run by the bare runtimes, held against the network loaded anew and against the stored outputs."""
    for entry in scale.artifact.files:
        for name in ("street", "noise"):
            pixels, expected = reference(scale.artifact, name, entry.size)
            with torch.no_grad():
                picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
                again = scale.network(picture)[0, 0].numpy()
            assert np.abs(again - expected).max() <= 1e-5
            found = runtime_output(scale.artifact.path(entry), entry, as_input(pixels, entry)).reshape(entry.size)
            bound = TOLERANCE if entry.precision == "fp32" else 2e-2
            assert np.abs(found - expected).max() <= bound, (entry.path, name)
            assert np.abs(found - expected).max() == pytest.approx(entry.parity[name].max_abs, abs=1e-6)
            assert expected.std() == pytest.approx(entry.parity[name].reference_std, rel=1e-5)


def test_a_manifest_that_holds(scale):
    manifest = scale.artifact.manifest
    verify_hashes(scale.artifact)
    size = scale.artifact.files[0].size
    counted = count(scale.network, size)
    assert manifest.model.parameters == counted.parameters
    assert manifest.model.macs == {f"{size[0]}x{size[1]}": counted.macs}
    assert manifest.source.kind == "checkpoint"
    assert manifest.source.notes == {"licence": "none", "recipe": "random"}
    assert list(manifest.source.files) == [f"{manifest.name}.safetensors"]
    assert {r.name for r in manifest.references} == {"street", "noise"}
    listed = {e.path for e in manifest.files} | {r.path for r in manifest.references}
    there = {str(p.relative_to(scale.artifact.folder)) for p in scale.artifact.folder.rglob("*") if p.is_file()}
    assert there == listed | {"manifest.json", "report.json"}


def test_windows_are_recorded_for_every_sampler_that_runs(scale):
    for entry in scale.artifact.files:
        detail = next(step.detail for step in entry.lowering if step.name == "dysample")
        assert set(detail["sites"]) == set(detail["windows"])
        for name, window in detail["windows"].items():
            assert detail["sites"][name]["taps"] == window["taps"]
            assert window["largest_offset"] > 0
            assert not window["bounded_by_definition"]
        assert max(window["taps"] for window in detail["windows"].values()) >= 5
        assert len(detail["calibration"]["sha256"]) == 64


def test_half_precision_files_are_half_as_large_and_run_in_float32(nano):
    for file_format in ("onnx", "tflite"):
        whole, half = nano.files(file_format)
        assert (whole.precision, half.precision) == ("fp32", "fp16")
        assert half.bytes < 0.55 * whole.bytes
        assert half.input == whole.input
        assert half.output == whole.output
        assert half.parity["street"].max_abs > whole.parity["street"].max_abs


def test_half_precision_tflite_is_still_taken_whole(nano):
    half = nano.files("tflite")[1]
    assert not REFUSED & set(half.operators)
    assert xnnpack_partitions(nano.artifact.path(half)).whole


def test_half_precision_onnx_stores_large_weights_in_halves(nano):
    model = onnx.load(nano.artifact.path(nano.files("onnx")[1]))
    large = [t for t in model.graph.initializer if np.prod(t.dims) >= 64]
    kinds = {numpy_helper.to_array(t).dtype for t in large if numpy_helper.to_array(t).dtype.kind == "f"}
    assert kinds == {np.dtype(np.float16)}


def test_interfaces_are_what_the_manifest_says(nano):
    for entry in nano.artifact.files:
        path = nano.artifact.path(entry)
        given, gives = entry.input.tensor, entry.output.tensor
        if entry.format == "onnx":
            session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            (taken,), (made,) = session.get_inputs(), session.get_outputs()
            found = [(taken.name, tuple(taken.shape)), (made.name, tuple(made.shape))]
        else:
            runner = Interpreter(str(path)).get_signature_runner()
            found = [
                (name, tuple(int(n) for n in detail["shape"]))
                for details in (runner.get_input_details(), runner.get_output_details())
                for name, detail in details.items()
            ]
        assert found == [(given.name, given.shape), (gives.name, gives.shape)]
        assert (given.name, gives.name) == ("image", "disparity")
        assert given.layout == gives.layout == ("NCHW" if entry.format == "onnx" else "NHWC")


def test_a_lone_file_elsewhere_says_what_it_is(nano, tmp_path):
    for entry in nano.artifact.files:
        lone = tmp_path / f"renamed{Path(entry.path).suffix}"
        shutil.copy(nano.artifact.path(entry), lone)
        inside = read_embedded(lone)
        assert (inside.model, inside.precision) == ("flex-nano", entry.precision)
        assert (inside.input, inside.output, inside.lowering) == (entry.input, entry.output, entry.lowering)
        assert inside.source == nano.artifact.manifest.source
        (opened,) = open_artifact(lone).files
        assert (opened.size, opened.sha256) == (entry.size, entry.sha256)


def test_no_file_holds_a_path_a_name_or_a_time_of_this_machine(scale):
    folder = scale.artifact.folder
    names = [str(p) for p in (Path.cwd(), Path.home(), Path(sys.prefix), Path(tempfile.gettempdir()), folder)]
    names += ["site-packages", "torch/nn", "/lib/python", f"/{getpass.getuser()}", socket.gethostname()]
    today = datetime.now(timezone.utc).strftime("%Y-%m")
    forbidden = [name.encode() for name in (*names, today) if len(name) > 4]  # fewer bytes occur in weights by chance
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert [name for name in forbidden if name in content] == [], file.name
            if file.suffix == ".npz":
                dates = {entry.date_time for entry in zipfile.ZipFile(file).infolist()}
                assert dates == {(1980, 1, 1, 0, 0, 0)}


def test_tensor_names_tell_nothing_of_the_converter(nano):
    for entry in nano.files("tflite"):
        graph = read_tflite(nano.artifact.path(entry))
        names = [t.name for t in graph.tensors]
        assert {graph.tensors[i].name for i in (*graph.inputs, *graph.outputs)} == {"image", "disparity"}
        known = r"image|disparity|((input|(en|de)coder\.\d+)/)?\d+\w*"
        assert all(re.fullmatch(known, name) for name in names), set(names)


def test_figures_of_the_report_are_the_manifests(nano):
    import msgspec

    report = msgspec.json.decode((nano.artifact.folder / "report.json").read_bytes())
    assert [row["sha256"] for row in report["files"]] == [e.sha256 for e in nano.artifact.files]
    assert report["files"][0]["parity"]["street"]["max_abs"] == nano.artifact.files[0].parity["street"].max_abs
