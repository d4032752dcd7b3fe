"""The run's record and its pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from edgedepth.errors import OutputError
from edgedepth.training.logbook import Logbook
from edgedepth.training.plots import MaskRow, plot_losses, plot_masks


@pytest.fixture
def log(tmp_path):
    book = Logbook(tmp_path / "log.jsonl")
    for step in range(1, 6):
        line = {"step": step, "loss": 1 / step, "terms": {"depth": 1 / step}, "learning_rate": 1e-3}
        book.add(line | ({"held_out": {"abs_rel": 0.3}} if step == 5 else {}))
    return book


def test_rewinding_drops_later_lines(log):
    log.rewind(3)
    assert [line["step"] for line in log.lines()] == [1, 2, 3]
    log.rewind(-1)
    assert log.lines() == []


def test_a_line_that_was_cut_short_is_dropped(log):
    log.path.write_text(log.path.read_text()[:-9])
    assert [line["step"] for line in log.lines()] == [1, 2, 3, 4]
    log.rewind(4)
    log.add({"step": 5})
    assert [json.loads(text)["step"] for text in log.path.read_text().splitlines()] == [1, 2, 3, 4, 5]


def test_no_log_has_no_lines(tmp_path):
    assert Logbook(tmp_path / "log.jsonl").lines() == []


def test_a_folder_that_is_gone(tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        Logbook(tmp_path / "gone" / "log.jsonl").add({})


def test_the_same_record_draws_the_same_bytes(log, tmp_path):
    for name in ("a.png", "b.png"):
        plot_losses(log.lines(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 10


def test_nothing_to_draw_is_an_empty_picture(tmp_path):
    plot_losses([], tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 0


def test_masks_with_and_without_truth(tmp_path):
    rng = np.random.default_rng(0)
    early, late = rng.random((2, 8, 24), np.float32)
    row = MaskRow("7", rng.random((8, 24, 3), np.float32), early, late, (early < 0.5).astype(np.float32), 0.1)
    plot_masks([row], tmp_path / "four.png")
    plot_masks([row, MaskRow(**{**vars(row), "moving": early > 0.5})], tmp_path / "five.png")
    with Image.open(tmp_path / "four.png") as four, Image.open(tmp_path / "five.png") as five:
        assert five.width > four.width
        assert five.height > four.height


def test_a_picture_that_cannot_be_written(log, tmp_path):
    with pytest.raises(OutputError, match=r"none/a\.png"):
        plot_losses(log.lines(), tmp_path / "none" / "a.png")
