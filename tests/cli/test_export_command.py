"""``edgedepth export``: what is made, what is said, what is refused and with which exit code."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import support
from support import build_nano, official_state, write_official

from edgedepth.artifact import open_artifact, sha256

SMALL = ("--size", "32x32", "-f", "onnx")
EDGEDEPTH = (sys.executable, "-c", support.HEAR_CTRL_C + "from edgedepth.cli import main; main()")


def refused(result, code=2):
    """One message of at most three lines on standard error, nothing on standard output."""
    assert result.code == code, result.err
    assert result.out == ""
    lines = result.err.strip().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Error:"))
    assert len(lines) - start <= 3
    assert "Traceback" not in result.err
    return "\n".join(lines[start:])


def digests(folder):
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


# What is made


@pytest.fixture(scope="module")
def weights(once):
    """A checkpoint whose sampling offsets reach beyond a pixel, the same that the export's own tests use."""
    from support import network

    from edgedepth.models import card, checkpoint

    notes = {"licence": "none", "recipe": "random"}
    return once(
        "flex-nano.safetensors",
        lambda path: checkpoint.save(path, network("flex-nano"), card("flex-nano"), {}, notes),
    )


@pytest.fixture(scope="module")
def elsewhere(once, weights):
    """An export by the command itself, in another process, folder and working directory, on two threads."""

    def make(place):
        (place / "work").mkdir(parents=True)
        arguments = ("export", "-w", str(weights), "--size", "64x96", "-p", "fp32", "-p", "fp16", "-o", "deep/out")
        done = subprocess.run(
            [*EDGEDEPTH, *arguments, "--json", "--report", "report.json"],
            cwd=place / "work",
            env=os.environ | {"OMP_NUM_THREADS": "2", "TZ": "Asia/Tokyo"},
            capture_output=True,
            text=True,
            check=False,
        )
        (place / "out.txt").write_text(done.stdout)
        (place / "err.txt").write_text(done.stderr)
        (place / "code.txt").write_text(str(done.returncode))

    return once("elsewhere", make)


def test_two_exports_in_two_places_give_equal_bytes(elsewhere, once, weights):
    from edgedepth.export.pipeline import export
    from edgedepth.export.request import ExportRequest

    request = ExportRequest("flex-nano", weights, precisions=("fp32", "fp16"), sizes=((64, 96),))
    here = once("nano", lambda path: export(request, path))
    there = elsewhere / "work" / "deep" / "out"
    assert digests(there) == digests(here)
    assert len(digests(there)) == 8


def test_json_is_one_object_and_nothing_else(elsewhere):
    assert (elsewhere / "code.txt").read_text() == "0", (elsewhere / "err.txt").read_text()
    found = json.loads((elsewhere / "out.txt").read_text())
    assert found["folder"] == "deep/out"
    assert [f["precision"] for f in found["manifest"]["files"]] == ["fp32", "fp16", "fp32", "fp16"]
    assert all(seconds >= 0 for seconds in found["seconds"].values())
    assert json.loads((elsewhere / "work" / "report.json").read_text()) == found


def test_progress_goes_to_standard_error_one_stage_a_line(elsewhere):
    found = json.loads((elsewhere / "out.txt").read_text())
    said = (elsewhere / "err.txt").read_text().splitlines()
    assert [line for line in said if line in found["seconds"]] == [s for s in said if s]
    assert set(found["seconds"]) <= set(said)


def test_nothing_but_the_artifact_is_left(elsewhere):
    work = elsewhere / "work"
    assert sorted(p.name for p in work.iterdir()) == ["deep", "report.json"]
    assert [p.name for p in (work / "deep").iterdir()] == ["out"]


def test_a_plain_export_says_what_was_made_and_what_to_run_next(edgedepth, tmp_path):
    folder = tmp_path / "out [b]"
    result = edgedepth("export", "flex-nano", "--random-weights", 1, *SMALL, "-o", folder)
    assert result.code == 0, result.err
    (entry,) = open_artifact(folder).files
    path = str(folder / entry.path)
    assert f"{path}  {entry.bytes / 1e6:.2f} MB  {entry.sha256[:12]}  max error" in result.out
    assert "random" in result.out
    for following in (f"edgedepth run {path}", f"edgedepth bench host {folder}", f"edgedepth inspect {path}"):
        assert following in result.out
    again = refused(edgedepth("export", "flex-nano", "--random-weights", 1, *SMALL, "-o", folder))
    assert "not empty" in again
    assert "--force" in again


# What is refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["flex-nan"], ["'flex-nan'", "Did you mean flex-nano?"]),
        (["flex-small"], ["No weights ship with flex-small", "--random-weights"]),
        ([], ["Nothing to export was named", "edgedepth export flex-nano"]),
        (["--random-weights", "1"], ["Nothing to export was named"]),
        (["flex-nano", "--random-weights", "1", "--size", "190x640"], ["190x640", "160x640, 192x640"]),
        (["flex-nano", "--random-weights", "1", "--size", "big"], ["'big' is not a size", "192x640"]),
        (["flex-nano", "--random-weights", "1", "--size", "0x32"], ["not a size"]),
        (["flex-nano", "--random-weights", "1", "--size", "3²x32"], ["not a size"]),
        (["flex-nano", "--random-weights", "1", "-f", "onx"], ["Did you mean onnx?"]),
        (["flex-nano", "--random-weights", "1", "-p", "fp23"], ["fp23", "fp32"]),
        (["flex-nano", "--random-weights", "1", "--opset", "9"], ["Opset 9"]),
        (["flex-nano", "--random-weights", "1", "--batch", "0"], ["batch of 0"]),
        (["flex-nano", "-w", "nowhere"], ["nowhere", "--weights"]),
        (["flex-nano", "--random-weights", "1", "--calib", "nowhere"], ["nowhere", "--calib"]),
        (["flex-nano", "--random-weights", "1", "--reference", "nowhere.png"], ["nowhere.png", "--reference"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_what_cannot_work_is_refused_at_once(edgedepth, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    message = refused(edgedepth("export", *arguments))
    assert all(part in message for part in said), message
    assert list(tmp_path.iterdir()) == []


def test_both_kinds_of_weights_are_refused(edgedepth, tmp_path):
    message = refused(edgedepth("export", "flex-nano", "--random-weights", 1, "-w", tmp_path))
    assert "exclude each other" in message


@pytest.mark.parametrize(
    "option", [["--output", "disparty"], ["--input", "int4"], ["--output-type", "int16"], ["--no-such-option"]]
)
def test_options_that_do_not_exist_are_usage_errors(edgedepth, option):
    result = edgedepth("export", "flex-nano", *option)
    assert result.code == 2
    assert option[-1] in result.err
    assert "Traceback" not in result.err


@pytest.fixture
def release(tmp_path):
    """An official folder to be broken."""
    return write_official(tmp_path / "release", official_state(build_nano()))


def broken_release(edgedepth, release, *arguments):
    target = release.parent / "out"
    message = refused(edgedepth("export", *arguments, "-w", release, *SMALL, "-o", target))
    assert [p.name for p in release.parent.iterdir()] == ["release"]
    return message


def test_a_truncated_checkpoint(edgedepth, release):
    file = release / "encoder.pth"
    file.write_bytes(file.read_bytes()[:5000])
    message = broken_release(edgedepth, release, "flex-nano")
    assert "encoder.pth cannot be read as a checkpoint" in message
    assert "5000 bytes" in message


def test_a_pickle_with_code_in_it(edgedepth, release):
    import torch

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(release.parent / "trap"),)

    torch.save({"encoder.0.conv.weight": Bomb()}, release / "encoder.pth")
    assert "never run" in broken_release(edgedepth, release, "flex-nano")


def test_another_scale(edgedepth, release):
    assert "this is flex-nano" in broken_release(edgedepth, release, "flex-large")


def test_a_picture_that_is_none(edgedepth, tmp_path):
    (tmp_path / "note.png").write_text("hello")
    options = ("--random-weights", 1, *SMALL, "-o", tmp_path / "out", "--reference", tmp_path / "note.png")
    assert "cannot be read as a picture" in refused(edgedepth("export", "flex-nano", *options))
    assert [p.name for p in tmp_path.iterdir()] == ["note.png"]


# Where it goes


def test_a_file_in_the_way(edgedepth, tmp_path):
    (tmp_path / "out").write_text("mine")
    options = ("--random-weights", 1, *SMALL, "-o", tmp_path / "out", "--force")
    assert "is a file" in refused(edgedepth("export", "flex-nano", *options))
    assert (tmp_path / "out").read_text() == "mine"


def test_force_never_replaces_what_is_no_artifact(edgedepth, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    options = ("--random-weights", 1, *SMALL, "-o", tmp_path / "out", "--force")
    assert "not an artifact" in refused(edgedepth("export", "flex-nano", *options))
    assert (tmp_path / "out" / "letter.txt").read_text() == "dear"


def test_a_folder_that_cannot_be_made(edgedepth, tmp_path):
    (tmp_path / "file").touch()
    options = ("--random-weights", 1, *SMALL, "-o", tmp_path / "file" / "out")
    assert "could not be written" in refused(edgedepth("export", "flex-nano", *options), code=1)


def test_a_disk_that_fills_up_in_the_middle(edgedepth, tmp_path, monkeypatch):
    from edgedepth.export import checking

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checking.np, "savez_compressed", full)
    message = refused(edgedepth("export", "flex-nano", "--random-weights", 1, *SMALL, "-o", tmp_path / "out"), code=1)
    assert "No space left on device" in message
    assert list(tmp_path.iterdir()) == []


# The gate


@pytest.fixture
def wrong_converter(monkeypatch):
    """A converter that gets one convolution wrong."""
    from onnx import numpy_helper

    from edgedepth.export import writing

    convert = writing.onnx_writer.to_onnx

    def to_onnx(*arguments, **options):
        model = convert(*arguments, **options)
        stem = next(n for n in model.graph.node if n.op_type == "Conv")
        weight = next(t for t in model.graph.initializer if t.name == stem.input[1])
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 1.5, weight.name))
        return model

    monkeypatch.setattr(writing.onnx_writer, "to_onnx", to_onnx)


def test_a_wrong_file_is_rejected_kept_apart_and_explained(edgedepth, tmp_path, wrong_converter):
    out = tmp_path / "out"
    options = ("--random-weights", 1, *SMALL, "-o", out)
    message = refused(edgedepth("export", "flex-nano", *options), code=3)
    assert "flex-nano-32x32-fp32.onnx does not compute what the PyTorch model does" in message
    assert "max_abs" in message
    assert "First to diverge: lowered_encoder_0_conv, shape [1, 16, 16, 16]" in message
    assert ".rejected" in message
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.rejected"]
    kept = open_artifact(tmp_path / "out.rejected")
    assert kept.files[0].parity["street"].max_abs > 1e-4
    assert edgedepth("check", tmp_path / "out.rejected").code == 3


def test_a_rejection_keeps_the_artifact_that_was_there(edgedepth, tmp_path, wrong_converter, elsewhere):
    out = tmp_path / "out"
    shutil.copytree(elsewhere / "work" / "deep" / "out", out)
    before = digests(out)
    options = ("--random-weights", 1, *SMALL, "-o", out, "--force")
    refused(edgedepth("export", "flex-nano", *options), code=3)
    assert digests(out) == before


# Ctrl-C


@pytest.mark.parametrize("stage", ["run the PyTorch model", "convert"])
def test_ctrl_c_leaves_nothing(tmp_path, stage):
    process = subprocess.Popen(
        [*EDGEDEPTH, "export", "flex-nano", "--random-weights", "1", "--size", "64x96", "-o", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = []
    for line in process.stderr:
        seen.append(line)
        if stage in line:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, "".join(seen) + err
    assert out == ""
    assert err.count("Interrupted") == 1
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
