"""`edgedepth run` as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from edgedepth.cli.run import run
from edgedepth.errors import EdgedepthError, InputError, OutputError, UsageError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runtime"))
from tiny_graphs import entry, write_artifact

# A test run in the background inherits an ignored SIGINT, and Python then leaves it so.
SCRIPT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import typer
from edgedepth.cli.console import errors_as_exit_codes
from edgedepth.cli.run import run
app = typer.Typer()
app.command("run")(run)
app.callback()(lambda: None)
with errors_as_exit_codes():
    app()
"""


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    files = [entry("tiny.onnx"), entry("tiny.tflite", dtype="uint8", batch=2)]
    return write_artifact(tmp_path_factory.mktemp("made") / "artifact", files)


@pytest.fixture
def photo(tmp_path):
    ramp = np.mgrid[0:40, 0:60].sum(axis=0)
    path = tmp_path / "photo.png"
    Image.fromarray(np.stack([ramp * 2, ramp, 255 - ramp], axis=-1).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def folder(photo, tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    for name in ("a.png", "b.jpg", "c.bmp"):
        Image.open(photo).save(root / name)
    return root


def call(*arguments):
    app = typer.Typer()
    app.command("run")(run)
    app.callback()(lambda: None)
    result = CliRunner().invoke(app, ["run", *map(str, arguments)])
    if isinstance(result.exception, EdgedepthError):
        raise result.exception
    return result


def left_over(folder):
    return [path.name for path in folder.rglob(".*")]


@pytest.mark.parametrize("file_format", ["onnx", "tflite"])
def test_a_picture_becomes_a_coloured_png(artifact, photo, tmp_path, file_format):
    result = call(artifact, photo, "-o", tmp_path / "out.png", "--format", file_format, "--threads", 1)
    assert result.exit_code == 0
    made = Image.open(tmp_path / "out.png")
    assert (made.size, made.mode) == ((60, 40), "RGB")
    words = ("ms/frame", "1 thread", "up to one unknown scale", "out.png")
    assert all(word in result.stdout for word in words)
    assert not left_over(tmp_path)


def test_an_npy_output_holds_depth(artifact, photo, tmp_path):
    assert call(artifact, photo, "-o", tmp_path / "out.npy").exit_code == 0
    values = np.load(tmp_path / "out.npy")
    assert (values.shape, values.dtype) == ((40, 60), np.float32)
    assert (values > 0).all()


def test_npy_beside_and_side_by_side(artifact, photo, tmp_path):
    assert call(artifact, photo, "-o", tmp_path / "new" / "out.png", "--npy", "--side-by-side").exit_code == 0
    assert Image.open(tmp_path / "new" / "out.png").size == (120, 40)
    assert np.load(tmp_path / "new" / "out.npy").shape == (40, 60)


def test_a_photo_held_sideways_comes_out_upright(artifact, photo, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(photo).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    call(artifact, photo, "-o", tmp_path / "upright.npy")
    call(artifact, tmp_path / "turned.png", "-o", tmp_path / "turned.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "turned.npy"), np.load(tmp_path / "upright.npy"))


def test_a_folder_becomes_a_folder(artifact, folder, tmp_path):
    result = call(artifact, folder, "-o", tmp_path / "out", "--npy", "--format", "tflite")
    assert result.exit_code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        f"{stem}.{suffix}" for stem in "abc" for suffix in ("png", "npy")
    )
    assert "median of 3 frames" in result.stdout


def test_results_in_a_folder_are_replaced_only_with_force(artifact, folder, tmp_path):
    call(artifact, folder, "-o", tmp_path / "out")
    before = (tmp_path / "out" / "a.png").stat().st_mtime_ns
    with pytest.raises(UsageError, match="already holds results") as caught:
        call(artifact, folder, "-o", tmp_path / "out")
    assert "--force" in caught.value.remedy
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns == before
    assert call(artifact, folder, "-o", tmp_path / "out", "--force").exit_code == 0
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns != before


def test_a_single_output_file_is_replaced(artifact, photo, tmp_path):
    (tmp_path / "out.png").write_text("old")
    assert call(artifact, photo, "-o", tmp_path / "out.png").exit_code == 0
    assert Image.open(tmp_path / "out.png").size == (60, 40)


def test_a_video_becomes_a_video(artifact, tmp_path):
    pytest.importorskip("av")
    from edgedepth.runtime import video

    with video.video_writer(tmp_path / "in.mp4", video.pick_encoder(), Fraction(5), (48, 64)) as writer:
        for level in (10, 90, 200):
            writer.write(np.full((48, 64, 3), level, np.uint8))
    result = call(artifact, tmp_path / "in.mp4", "-o", tmp_path / "out.mp4", "--format", "tflite", "--json")
    assert json.loads(result.stdout)["frames"] == 3
    assert [f.shape for f in video.read_frames(tmp_path / "out.mp4")] == [(48, 64, 3)] * 3


def test_json_is_one_object_with_all_that_was_done(artifact, photo, tmp_path):
    result = call(artifact, photo, "-o", tmp_path / "out.png", "--npy", "--json", "--size", "32x64", "--threads", 2)
    told = json.loads(result.stdout)
    assert set(told) == {
        "batch",
        "format",
        "frames",
        "kind",
        "model_file",
        "ms_per_frame",
        "outputs",
        "precision",
        "runtime",
        "size",
        "source",
        "threads",
        "values",
        "warnings",
        "weights",
    }
    assert set(told["ms_per_frame"]) == {"before", "model", "after"}
    assert all(spent > 0 for spent in told["ms_per_frame"].values())
    assert told["values"] == {"quantity": "depth", "unit": "up to scale"}
    assert told["outputs"] == [str(tmp_path / "out.png"), str(tmp_path / "out.npy")]
    assert (told["model_file"], told["size"], told["threads"], told["frames"]) == (
        "tiny.onnx",
        [32, 64],
        2,
        1,
    )


def test_random_weights_are_warned_of(photo, tmp_path):
    artifact = write_artifact(tmp_path / "artifact", [entry("tiny.onnx")], kind="random")
    assert "arithmetic, not depth" in call(artifact, photo, "-o", tmp_path / "out.png").stderr


@pytest.mark.parametrize(
    ("source", "output", "options", "words"),
    [
        ("photo.png", "photo.png", (), "is the source itself"),
        ("photo.png", "out.jpg", (), "ends in .png or .npy"),
        ("photo.png", "photos", (), "is a folder"),
        ("photo.png", "out.npy", ("--side-by-side",), "--side-by-side needs a picture"),
        ("photo.png", "out.png", ("--size", "32by64"), "is not a size"),
        ("photo.png", "out.png", ("--size", "64x64"), "has no 64x64 file"),
        ("photo.png", "out.png", ("--format", "onx"), "It has: tiny.onnx, tiny.tflite"),
        ("photos", "photo.png", (), "is a file"),
        ("photos", "photos", (), "is the source itself"),
    ],
)
def test_wrong_requests_are_refused_and_nothing_is_written(
    artifact, photo, folder, tmp_path, source, output, options, words
):
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(UsageError) as caught:
        call(artifact, tmp_path / source, "-o", tmp_path / output, *options)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("kind", ["missing", "text", "empty folder", "truncated", "not a video"])
def test_bad_sources_are_input_errors_and_nothing_is_written(artifact, photo, tmp_path, kind):
    source = tmp_path / {"empty folder": "empty", "not a video": "a.mp4"}.get(kind, "bad.jpg")
    if kind == "empty folder":
        source.mkdir()
    elif kind == "truncated":
        Image.open(photo).save(source)
        source.write_bytes(source.read_bytes()[:-200])
    elif kind != "missing":
        source.write_text("only text")
    with pytest.raises(InputError) as caught:
        call(artifact, source, "-o", tmp_path / "out.png")
    assert source.name in caught.value.cause
    assert "\n" not in caught.value.cause + caught.value.evidence + caught.value.remedy
    assert not (tmp_path / "out.png").exists()
    assert not left_over(tmp_path)


def test_what_is_no_artifact_is_an_input_error(photo, tmp_path):
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "none", photo):
        with pytest.raises(InputError):
            call(wrong, photo, "-o", tmp_path / "out.png")


def test_an_output_that_cannot_be_written(artifact, photo, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        call(artifact, photo, "-o", tmp_path / "file" / "out.png")


def test_a_full_disk_while_writing(artifact, photo, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError) as caught:
        call(artifact, photo, "-o", tmp_path / "out.png")
    assert caught.value.evidence == "No space left on device"
    assert not (tmp_path / "out.png").exists()
    assert not left_over(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "video"])
def test_ctrl_c_leaves_nothing_half_written(artifact, tmp_path, kind):
    """A real process, interrupted while it is busy with hundreds of frames."""
    if kind == "folder":
        source, output = tmp_path / "many", tmp_path / "out"
        source.mkdir()
        for number in range(300):
            Image.new("RGB", (400, 300), (number % 255, 9, 9)).save(source / f"{number:03d}.png")
    else:
        pytest.importorskip("av")
        from edgedepth.runtime import video

        source, output = tmp_path / "in.mp4", tmp_path / "out.mp4"
        with video.video_writer(source, video.pick_encoder(), Fraction(30), (480, 640)) as writer:
            for number in range(300):
                writer.write(np.full((480, 640, 3), number % 255, np.uint8))
    command = [sys.executable, "-c", SCRIPT, "run", str(artifact), str(source), "-o", str(output), "--npy"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None and not started(tmp_path, output, kind):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not left_over(tmp_path)
    if kind == "video":
        assert not output.exists()
        assert not output.with_suffix(".npy").exists()
    else:
        made = sorted(output.glob("*.png"))
        assert 0 < len(made) < 300
        for path in made:
            assert Image.open(path).convert("RGB").size == (400, 300)


def started(root, output, kind):
    return len(list(output.glob("*.png"))) > 3 if kind == "folder" else bool(list(root.glob(".*.partial")))


def test_exit_code_and_three_lines_on_stderr(artifact, tmp_path):
    command = [
        sys.executable,
        "-c",
        SCRIPT,
        "run",
        str(artifact),
        str(tmp_path / "none.png"),
        "-o",
        "out.png",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "There is nothing at" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_loads_nothing_heavy_before_it_runs():
    heavy = ("numpy", "PIL", "onnxruntime", "ai_edge_litert", "torch", "av", "msgspec", "onnx")
    code = f"import sys, edgedepth.cli.run; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_running_needs_no_torch(artifact, photo, tmp_path):
    code = f"import sys; sys.modules['torch'] = None\n{SCRIPT}"
    command = [sys.executable, "-c", code, "run", str(artifact), str(photo), "-o", str(tmp_path / "out.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
