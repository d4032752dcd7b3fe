"""Refining what goes wrong: damaged and turned pictures, half an artifact, a full disk, Ctrl-C."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import support
import tiny_pair
from PIL import Image

from edgedepth.artifact import open_artifact
from edgedepth.artifact.reading import verify_hashes
from edgedepth.errors import InputError, UsageError
from edgedepth.runtime.refine import RefineWanted, open_pair, parse_tiling, refine_picture

PLENTY = 10**12


def pixels(height=101, width=163):
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([127 + 120 * np.sin(y / 17), x * 255 / width, (x + y) % 256], -1)
    return np.clip(base, 0, 255).astype(np.uint8)


def refined(pair, source, tiling="m2"):
    output = source.with_suffix(".npy")
    refine_picture(pair, source, RefineWanted(output, parse_tiling(tiling), PLENTY))
    return np.load(output)


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_truncated_jpeg_is_refused(pair, tmp_path):
    held = io.BytesIO()
    Image.fromarray(pixels(400, 600)).save(held, format="JPEG")
    (tmp_path / "a.jpg").write_bytes(held.getvalue()[: len(held.getvalue()) // 2])
    with pytest.raises(InputError, match="cannot be read as an image"):
        refined(pair, tmp_path / "a.jpg")
    assert left(tmp_path) == ["a.jpg"]


def test_a_text_file_is_refused(pair, tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InputError, match="is not an image"):
        refined(pair, tmp_path / "a.png")


@pytest.mark.parametrize("turned", [3, 6, 8])
def test_a_picture_is_refined_upright(pair, tmp_path, turned):
    """By EXIF orientation 6 the camera was turned: rows of the file are columns of the picture."""
    upright = pixels()
    stored = np.rot90(upright, {3: 2, 6: 1, 8: 3}[turned])
    exif = Image.Exif()
    exif[0x0112] = turned
    Image.fromarray(stored).save(tmp_path / "turned.png", exif=exif)
    Image.fromarray(upright).save(tmp_path / "upright.png")
    np.testing.assert_array_equal(refined(pair, tmp_path / "turned.png"), refined(pair, tmp_path / "upright.png"))


def test_transparency_shows_white_as_everywhere(pair, tmp_path):
    picture = pixels()
    alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
    alpha[20:50, 30:90] = 0
    Image.fromarray(np.concatenate([picture, alpha], 2)).save(tmp_path / "clear.png")
    picture[20:50, 30:90] = 255
    Image.fromarray(picture).save(tmp_path / "white.png")
    np.testing.assert_array_equal(refined(pair, tmp_path / "clear.png"), refined(pair, tmp_path / "white.png"))


@pytest.mark.parametrize("size", [(31, 63), (16, 15), (33, 65), (25, 1500), (1500, 7)])
@pytest.mark.parametrize("tiling", ["m1", "m2", "r4"])
def test_pictures_smaller_than_a_patch_and_of_extreme_shapes_keep_their_size(pair, tmp_path, size, tiling):
    Image.fromarray(pixels(*size)).save(tmp_path / "a.png")
    found = refined(pair, tmp_path / "a.png", tiling)
    assert found.shape == size
    assert np.isfinite(found).all()
    assert (found > 0).all()


@pytest.mark.parametrize("size", [(1, 500), (500, 1), (6, 500), (16, 17)])
def test_a_side_whose_first_three_patches_hold_all_of_it_is_refused(pair, tmp_path, size):
    """17 pixels: patches have an even number, 6, and three of them are 18."""
    Image.fromarray(pixels(*size)).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="cannot be cut") as caught:
        refined(pair, tmp_path / "a.png")
    assert "--tiles" in caught.value.remedy
    assert left(tmp_path) == ["a.png"]


@pytest.mark.parametrize("name", ["coarse.onnx", "refine.onnx"])
def test_half_an_artifact_is_refused(tmp_path, name):
    folder = tiny_pair.artifact(tmp_path / "pair")
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        open_pair(folder)
    with pytest.raises(InputError, match=f"{name} is missing"):
        verify_hashes(open_artifact(folder))


def command(folder, source, output, *more):
    code = support.HEAR_CTRL_C + "from edgedepth.cli import main; main()"
    words = ["run", str(folder), str(source), "-o", str(output), "--tiles", "m2", "--memory", "900G", *more]
    return [sys.executable, "-c", code, *words]


def test_a_full_disk_is_told_and_leaves_nothing_half_written(folder, tmp_path):
    """A limit on the size of files stands in for the disk: the patches fit, the result does not."""
    Image.fromarray(pixels(300, 400)).save(tmp_path / "a.png")
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
    full = command(folder, tmp_path / "a.png", tmp_path / "depth.npy")
    full[2] = limit + full[2]
    done = subprocess.run(full, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "depth.npy could not be written; nothing half-written was left behind" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert left(tmp_path) == [".depth.npy.refining", "a.png"]
    again = subprocess.run(
        command(folder, tmp_path / "a.png", tmp_path / "depth.npy"), capture_output=True, text=True, check=True
    )
    assert "49 of them from an interrupted run" in again.stdout
    assert left(tmp_path) == ["a.png", "depth.npy"]


def test_a_disk_that_is_full_for_the_patches_is_told(folder, tmp_path):
    Image.fromarray(pixels()).save(tmp_path / "a.png")
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
    full = command(folder, tmp_path / "a.png", tmp_path / "depth.npy")
    full[2] = limit + full[2]
    done = subprocess.run(full, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert ".depth.npy.refining cannot be written" in " ".join(done.stderr.split()).replace(". ", ".")
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_the_command_and_the_next_one_goes_on(folder, tmp_path):
    Image.fromarray(pixels(1200, 1600)).save(tmp_path / "a.png")
    source, output = tmp_path / "a.png", tmp_path / "depth.png"
    running = subprocess.Popen(
        command(folder, source, output, "--tiles", "r400"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    kept = tmp_path / ".depth.png.refining"
    end = time.monotonic() + 60
    while len(list(kept.glob("*.npy"))) < 5 and running.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    os.kill(running.pid, signal.SIGINT)
    _, err = running.communicate()
    assert running.returncode == 130
    assert "Traceback" not in err
    assert not output.exists()
    assert not list(tmp_path.glob(".*.partial"))
    again = subprocess.run(
        command(folder, source, output, "--tiles", "r400"), capture_output=True, text=True, check=True
    )
    assert "from an interrupted run" in again.stdout
    assert Image.open(output).size == (1600, 1200)
    assert left(tmp_path) == ["a.png", "depth.png"]
