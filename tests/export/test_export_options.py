"""What can be asked of an export: outputs, inputs, batches, sizes, operator sets, no lowering, golden weights."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from support import gap, official_state, picture, write_official

from edgedepth.artifact.onnx_graph import read_onnx
from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.preflight.xnnpack import xnnpack_partitions

BOTH = ("onnx", "tflite")


def run(export, entry, batch):
    """(B, H, W) of the file itself for NHWC bytes or NCHW floats, whatever its own layout is."""
    path = export.artifact.path(entry)
    if entry.input.tensor.layout == "NHWC" and batch.shape[1] == 3:
        batch = batch.transpose(0, 2, 3, 1)
    batch = np.ascontiguousarray(batch)
    if entry.format == "onnx":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (out,) = session.run(None, {"image": batch})
    else:
        out = Interpreter(str(path)).get_signature_runner()(image=batch)[entry.output.tensor.name]
    assert out.shape == entry.output.tensor.shape
    return out.squeeze(1 if entry.output.tensor.layout == "NCHW" else 3)


def street(export, size=(64, 96)):
    with np.load(export.artifact.folder / f"reference/street-{size[0]}x{size[1]}.npz") as stored:
        return stored["input"], stored["output"]


def disparity(export, batch):
    with torch.no_grad():
        return export.network(torch.from_numpy(batch))[:, 0].numpy()


@pytest.fixture
def camera(exported):
    """Bytes in, depth out."""
    return exported("camera", "flex-nano", output="depth", input="uint8")


@pytest.mark.parametrize("file_format", BOTH)
def test_camera_bytes_in_depth_out(camera, file_format):
    (entry,) = camera.files(file_format)
    pixels, expected = street(camera)
    found = run(camera, entry, pixels[None])[0]
    depth = 1 / (0.01 + (10 - 0.01) * expected)
    assert np.abs(found / depth - 1).max() <= 1e-4
    assert entry.parity["street"].max_abs <= 1e-4


@pytest.mark.parametrize("file_format", BOTH)
def test_the_contract_of_bytes_and_depth(camera, file_format):
    (entry,) = camera.files(file_format)
    given, gives = entry.input, entry.output
    assert (given.tensor.shape, given.tensor.layout, given.tensor.dtype) == ((1, 64, 96, 3), "NHWC", "uint8")
    assert given.value_range == (0.0, 255.0)
    assert "255" in given.normalization
    assert (gives.tensor.name, gives.meaning, gives.decode) == ("depth", "depth", "depth = output")
    assert gives.constants == {}
    assert gives.value_range == (0.1, 100.0)
    assert not gives.metric


def test_bytes_and_depth_stay_in_one_partition(camera):
    (entry,) = camera.files("tflite")
    graph = read_tflite(camera.artifact.path(entry))
    assert not {"TRANSPOSE", "CAST"} & set(graph.histogram())
    assert graph.tensors[graph.inputs[0]].dtype == "uint8"
    assert xnnpack_partitions(camera.artifact.path(entry)).whole


@pytest.fixture
def pair(exported):
    """Two pictures per call."""
    return exported("pair", "flex-nano", batch=2)


@pytest.mark.parametrize("file_format", BOTH)
def test_pictures_of_a_batch_do_not_meet(pair, file_format):
    (entry,) = pair.files(file_format)
    assert entry.input.tensor.shape[0] == entry.output.tensor.shape[0] == 2
    pixels, _ = street(pair)
    first = pixels.transpose(2, 0, 1).astype(np.float32) / 255
    batch = np.stack([first, first[:, ::-1]])
    found = run(pair, entry, batch)
    assert np.abs(found - disparity(pair, batch)).max() <= 1e-4
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_a_batch_is_as_good_for_accelerators_as_one_picture(pair):
    (entry,) = pair.files("tflite")
    graph = read_tflite(pair.artifact.path(entry))
    assert graph.max_rank() <= 4
    assert "TRANSPOSE" not in graph.histogram()
    assert xnnpack_partitions(pair.artifact.path(entry)).whole


@pytest.mark.parametrize("file_format", BOTH)
def test_without_lowering_the_definition_is_exported(exported, file_format):
    plain = exported("plain", "flex-nano", lowering="none")
    (entry,) = plain.files(file_format)
    assert entry.lowering == ()
    assert entry.parity["street"].max_abs <= 1e-4
    assert ("GridSample" if file_format == "onnx" else "GATHER_ND") in entry.operators
    pixels, expected = street(plain)
    found = run(plain, entry, pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    assert np.abs(found[0] - expected).max() <= 1e-4


def test_several_sizes_and_the_newest_operator_set(exported):
    made = exported("sizes", "flex-nano", formats=("onnx",), sizes=((32, 32), (64, 32)), opset=20)
    assert [(e.path, e.size, e.opset) for e in made.artifact.files] == [
        ("flex-nano-32x32-fp32.onnx", (32, 32), 20),
        ("flex-nano-64x32-fp32.onnx", (64, 32), 20),
    ]
    assert set(made.artifact.manifest.model.macs) == {"32x32", "64x32"}
    for entry in made.artifact.files:
        assert read_onnx(made.artifact.path(entry)).opset == 20
        pixels, expected = street(made, entry.size)
        found = run(made, entry, pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255)
        assert np.abs(found[0] - expected).max() <= 1e-4


@pytest.mark.parametrize("file_format", BOTH)
def test_golden_weights_go_through_the_whole_export(goldens, exported, once, file_format):
    """An official folder in, its size taken from the checkpoint unless another one is asked for."""
    from edgedepth.models import build, card

    def make(path):
        write_official(path, official_state(goldens.fill(build(card("flex-nano")))))

    made = exported("golden", "flex-nano", weights=once("golden-release", make), sizes=((64, 160),))
    (entry,) = made.files(file_format)
    assert sorted(made.artifact.manifest.source.files) == ["depth.pth", "encoder.pth"]
    assert max(p.max_abs for p in entry.parity.values()) <= 1e-4
    windows = next(step.detail for step in entry.lowering if step.name == "dysample")["windows"]
    assert max(window["largest_offset"] for window in windows.values()) > 0.75
    x = picture(64, 160, seed=11)
    with torch.no_grad():
        expected = made.network(x)[:, 0]
    assert gap(torch.from_numpy(run(made, entry, x.numpy())), expected) <= 1e-3  # unseen noise may be clamped


def test_random_weights_are_said_to_be_random_and_unchecked_files_to_be_unchecked(tmp_path):
    from edgedepth.export.pipeline import export
    from edgedepth.export.request import ExportRequest

    stages = []
    request = ExportRequest("flex-nano", random_seed=3, formats=("onnx",), sizes=((32, 32),), check=False)
    made = export(request, tmp_path / "out", progress=stages.append)
    assert made.manifest.source.kind == "random"
    assert made.manifest.source.seed == 3
    assert made.manifest.source.files == {}
    assert "random" in made.manifest.source.statement
    assert made.manifest.files[0].parity == {}
    assert stages == list(made.stages)
    assert made.peak_memory_bytes > 1e8
