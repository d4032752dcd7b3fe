"""Checking an artifact anew, and refusing what proves nothing before it is converted."""

from __future__ import annotations

import shutil

import pytest
import torch
from support import network

from edgedepth.artifact import open_artifact
from edgedepth.errors import GateError, InputError
from edgedepth.export.pipeline import export
from edgedepth.export.recheck import recheck
from edgedepth.export.request import ExportRequest
from edgedepth.models import card, checkpoint


def test_an_untouched_artifact_gives_the_figures_of_its_manifest(nano):
    found = recheck(nano.artifact.folder)
    assert [r.path for r in found] == [e.path for e in nano.artifact.files]
    for result, entry in zip(found, nano.artifact.files, strict=True):
        assert set(result.parity) == {"street", "noise"}
        for name, parity in result.parity.items():
            assert parity.max_abs == pytest.approx(entry.parity[name].max_abs, abs=1e-6)


@pytest.mark.parametrize("name", ["flex-nano-64x96-fp16.tflite", "reference/noise-64x96.npz"])
def test_one_changed_byte_is_found(nano, tmp_path, name):
    folder = shutil.copytree(nano.artifact.folder, tmp_path / "copy")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(InputError, match="not the file that was exported"):
        recheck(folder)


def test_a_lone_file_has_nothing_to_be_checked_against(nano, tmp_path):
    lone = tmp_path / "lone.onnx"
    shutil.copy(nano.artifact.path(nano.artifact.files[0]), lone)
    with pytest.raises(InputError, match="lone file"):
        recheck(lone)


def test_a_network_whose_output_is_flat_is_refused_before_anything_is_converted(tmp_path):
    model = network("flex-nano")
    with torch.no_grad():
        model.decoder[8].conv.weight.zero_()
    checkpoint.save(tmp_path / "flat.safetensors", model, card("flex-nano"), {}, {})
    request = ExportRequest("flex-nano", tmp_path / "flat.safetensors", sizes=((32, 32),))
    stages = []
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with pytest.raises(GateError, match="flat"):
            export(request, tmp_path / "out", progress=stages.append)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert not any("convert" in stage for stage in stages)
    assert [p.name for p in tmp_path.iterdir()] == ["flat.safetensors"]


def test_the_default_folder_of_an_artifact_opens_by_any_of_its_files(nano):
    for entry in nano.artifact.files:
        assert open_artifact(nano.artifact.path(entry)).files == (entry,)
