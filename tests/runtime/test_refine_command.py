"""``edgedepth run --tiles``."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import tiny_pair
from PIL import Image

from edgedepth.cli import main
from edgedepth.cli.refining import parse_memory
from edgedepth.errors import UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_pair.artifact(tmp_path_factory.mktemp("pair") / "artifact")


@pytest.fixture
def source(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def run(monkeypatch, capsys):
    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["edgedepth", "run", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as exited:
            code = exited.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_a_picture_is_refined_and_told_about(run, folder, source, tmp_path):
    code, out, _ = run(folder, source, "-o", tmp_path / "depth.png", "--tiles", "m2", "--memory", "900G", "--npy")
    assert code == 0
    assert "49 patches" in out
    assert "depth.png" in out
    assert Image.open(tmp_path / "depth.png").size == (140, 90)
    assert np.load(tmp_path / "depth.npy").shape == (90, 140)


def test_as_json(run, folder, source, tmp_path):
    _, out, err = run(folder, source, "-o", tmp_path / "d.npy", "--tiles", "r2", "--memory", "900G", "--json")
    told = json.loads(out)
    assert err == ""
    assert (told["tiles"], told["patches"], told["resumed"], told["size"]) == ("r2", 51, 0, [90, 140])
    assert (told["coarse_file"], told["refiner_file"]) == ("coarse.onnx", "refine.onnx")
    assert told["outputs"] == [str(tmp_path / "d.npy")]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--tiles", "m3"), "no tiles called 'm3'"),
        (("--memory", "1G"), "--memory belongs to --tiles"),
        (("--tiles", "m1", "--memory", "much"), "no amount of memory"),
        (("--tiles", "m1", "--size", "32x64"), "--tiles goes with one picture"),
        (("--tiles", "m1", "--memory", "1M"), "does not hold one patch"),
        (("--tiles", "m1", "--format", "tflite"), "has no tflite refiner"),
    ],
)
def test_what_cannot_work_is_refused(run, folder, source, tmp_path, options, says):
    code, out, err = run(folder, source, "-o", tmp_path / "depth.png", *options)
    assert code == 2
    assert out == ""
    assert says in " ".join(err.split())
    assert not (tmp_path / "depth.png").exists()


@pytest.mark.parametrize(("text", "size"), [("1.5G", 1_500_000_000), ("800M", 800_000_000), ("0.5M", 500_000)])
def test_amounts_of_memory(text, size):
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "1", "G", "0G", "-1G", "1.G", "1 G", "1g", "1e3M"])
def test_other_amounts_are_refused(text):
    with pytest.raises(UsageError, match="amount of memory"):
        parse_memory(text)
