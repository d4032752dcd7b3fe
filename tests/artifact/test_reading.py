"""Opening artifacts: folders, files of them, and what has changed since they were written."""

from __future__ import annotations

import pytest
from made_up import change, entry, manifest, write_folder

from edgedepth.artifact import Artifact, choose, open_artifact, verify_hashes
from edgedepth.errors import InputError, UsageError


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path / "out", "a.onnx", "b.tflite")
    return tmp_path / "out"


def refusal(path):
    with pytest.raises(InputError) as caught:
        verify_hashes(open_artifact(path))
    assert caught.value.exit_code == 2
    return caught.value


def test_a_folder_has_all_its_files_in_the_manifests_order(folder):
    artifact = open_artifact(folder)
    assert [e.path for e in artifact.files] == ["a.onnx", "b.tflite"]
    assert artifact.path(artifact.files[1]) == folder / "b.tflite"
    verify_hashes(artifact)


def test_a_file_of_a_folder_is_that_file_alone_with_its_manifest(folder):
    artifact = open_artifact(folder / "b.tflite")
    assert [e.path for e in artifact.files] == ["b.tflite"]
    assert artifact.manifest is not None
    verify_hashes(artifact)


@pytest.mark.parametrize("name", ["a.onnx", "reference/street.npz"])
def test_a_changed_file_is_found(folder, name):
    with (folder / name).open("ab") as file:
        file.write(b"!")
    error = refusal(folder)
    assert name in error.cause
    assert "sha256" in error.evidence


@pytest.mark.parametrize("name", ["b.tflite", "reference/street.npz"])
def test_a_missing_file_is_found(folder, name):
    (folder / name).unlink()
    error = refusal(folder)
    assert name in error.cause
    assert "missing" in error.cause


def test_a_folder_without_manifest_is_no_artifact(folder):
    (folder / "manifest.json").unlink()
    assert "manifest.json" in refusal(folder).evidence


def test_a_newer_artifact_says_so(folder):
    change(folder, schema_version=99)
    assert "newer" in refusal(folder).cause


def test_nothing_there(tmp_path):
    assert "no artifact" in refusal(tmp_path / "nowhere").cause


@pytest.mark.parametrize("name", ["photo.jpg", "manifest.json", "model.h5"])
def test_a_file_of_another_kind(folder, name):
    (folder / name).touch()
    assert "neither a .onnx nor a .tflite" in refusal(folder / name).cause


def test_a_file_that_the_folders_manifest_does_not_list_stands_for_itself(folder):
    (folder / "stranger.tflite").write_bytes(b"    TFL?")
    assert "stranger.tflite is not a TFLite file" in refusal(folder / "stranger.tflite").cause


ENTRIES = (
    entry("small.onnx"),
    entry("large.onnx", size=(64, 96)),
    entry("small.tflite"),
    entry("half.tflite", precision="fp16"),
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "small.onnx"),
        ({"file_format": "tflite"}, "small.tflite"),
        ({"precision": "fp16"}, "half.tflite"),
        ({"size": (64, 96)}, "large.onnx"),
        ({"file_format": "onnx", "precision": "fp32", "size": (64, 96)}, "large.onnx"),
    ],
)
def test_the_first_file_that_fits_is_chosen(tmp_path, asked, found):
    assert choose(Artifact(tmp_path, manifest(*ENTRIES), ENTRIES), **asked).path == found


def test_when_none_fits_the_message_lists_what_there_is(tmp_path):
    with pytest.raises(UsageError) as caught:
        choose(Artifact(tmp_path, None, ENTRIES), file_format="tflite", precision="fp16", size=(64, 96))
    assert "no tflite fp16 64x96 file" in caught.value.cause
    assert all(e.path in caught.value.evidence for e in ENTRIES)
