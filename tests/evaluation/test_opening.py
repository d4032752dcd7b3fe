"""From names to predictors: folders, files, checkpoints, shipped weights, and what is refused."""

from __future__ import annotations

import pytest
import tiny_graphs
import torch
from frames_in_memory import EXPORT_SIZE

from edgedepth.errors import CheckpointError, InputError, UsageError
from edgedepth.evaluation.opening import Choice, open_predictors
from edgedepth.models import card, shipped_weights


@pytest.fixture
def folder(tmp_path):
    """An artifact with two formats and two sizes."""
    entries = [
        tiny_graphs.entry("tiny.onnx"),
        tiny_graphs.entry("tiny.tflite"),
        tiny_graphs.entry("large.onnx", size=(64, 128)),
    ]
    return tiny_graphs.write_artifact(tmp_path / "tiny", entries)


def titles(*named, **choice):
    return [predictor.title for predictor in open_predictors([str(one) for one in named], Choice(**choice))]


def test_a_folder_stands_for_all_its_files_that_fit(folder):
    files = [str(folder / name) for name in ("tiny.onnx", "tiny.tflite", "large.onnx")]
    assert titles(folder) == files
    assert titles(folder, file_format="tflite") == files[1:2]
    assert titles(folder, size=(64, 128)) == files[2:]
    assert titles(folder / "tiny.tflite", folder / "tiny.onnx") == [files[1], files[0]]


def test_a_file_alone_is_enough(folder):
    (folder / "manifest.json").unlink()
    (found,) = open_predictors([str(folder / "tiny.tflite")])
    assert found.facts["weights"] == "shipped weights"
    assert found.facts["input"] == "32x64"


def test_a_model_and_a_folder_of_its_name_are_told_apart(tmp_path, monkeypatch):
    if shipped_weights(card("flex-nano")) is None:
        pytest.skip("no weights ship for flex-nano")
    tiny_graphs.write_artifact(tmp_path / "flex-nano", [tiny_graphs.entry("tiny.onnx")])
    monkeypatch.chdir(tmp_path)
    assert titles("flex-nano", "flex-nano/") == ["flex-nano", "flex-nano/tiny.onnx"]


def test_what_no_file_fits_is_refused(folder):
    with pytest.raises(UsageError, match=r"no w8a8 file\.\nIt has: tiny\.onnx"):
        titles(folder, precision="w8a8")


def test_a_choice_of_files_needs_an_artifact(exported):
    with pytest.raises(UsageError, match="--precision fp16 has no effect"):
        titles(exported / "random.safetensors", precision="fp16")


def test_a_checkpoint_is_named_by_its_path(exported):
    weights = exported / "random.safetensors"
    (found,) = open_predictors([str(weights)], Choice(size=EXPORT_SIZE))
    assert (found.title, found.size) == (str(weights), EXPORT_SIZE)
    with pytest.raises(UsageError, match="nearest legal size is 192x640"):
        titles(weights, size=(200, 630))


def test_threads_are_those_of_every_runtime(exported, folder):
    before = torch.get_num_threads()
    try:
        found = open_predictors([str(exported / "random.safetensors"), str(folder / "tiny.onnx")], Choice(threads=1))
        assert torch.get_num_threads() == 1
        assert found[1].predictor.session.threads == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("named", "kind", "words"),
    [
        ("flex-large", UsageError, "flex-large has no weights"),
        ("flex-nanu", UsageError, "Did you mean flex-nano"),
        ("absent/folder", InputError, "nothing at absent/folder"),
        ("absent.safetensors", InputError, r"nothing at absent\.safetensors"),
        ("absent.onnx", InputError, "no artifact at absent"),
    ],
)
def test_what_is_not_there_is_named(named, kind, words):
    with pytest.raises(kind, match=words):
        open_predictors([named])


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        open_predictors([str(tmp_path)])
