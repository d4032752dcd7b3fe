"""Calibration sets: chosen by name alone, in two parts, with ground truth where there is any."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from edgedepth.errors import InputError
from edgedepth.export.calibration import MOST_CALIBRATING, MOST_HELD_OUT, calibration_set

SIZE = (32, 64)


def fill(folder, count, truth=False):
    """`count` pictures, each of one grey value of its own; with truth, a data set."""
    left = folder / "left" if truth else folder
    left.mkdir(parents=True)
    for i in range(count):
        Image.fromarray(np.full((*SIZE, 3), i, np.uint8)).save(left / f"{i:03}.png")
    return folder


def greys(pictures):
    return [int(p[0, 0, 0]) for p in pictures]


@pytest.mark.parametrize("count", [3, 7, 48, 200])
def test_the_two_parts_share_no_picture_and_do_not_change(tmp_path, count):
    folder = fill(tmp_path / "set", count)
    found, again = calibration_set(folder, SIZE), calibration_set(folder, SIZE)
    calibrating, held = greys(found.calibrating), greys(item.image for item in found.held_out)
    assert not set(calibrating) & set(held)
    assert len(held) == min(MOST_HELD_OUT, count // 3)
    assert len(calibrating) == min(MOST_CALIBRATING, count - len(held))
    assert found.facts == again.facts
    assert found.facts.pictures == len(calibrating)
    assert not found.facts.synthetic
    assert max(held) - min(held) > count // 2 or count < 6  # spread over the folder


def test_another_picture_is_another_hash(tmp_path):
    a, b = fill(tmp_path / "a", 6), fill(tmp_path / "b", 6)
    taken = greys(calibration_set(b, SIZE).calibrating)[0]
    Image.fromarray(np.full((*SIZE, 3), 99, np.uint8)).save(b / f"{taken:03}.png")
    assert calibration_set(a, SIZE).facts.sha256 != calibration_set(b, SIZE).facts.sha256


def test_plain_pictures_have_no_truth_and_a_data_set_has(tmp_path):
    plain = calibration_set(fill(tmp_path / "plain", 4), SIZE)
    assert [item.truth for item in plain.held_out] == [None]
    root = fill(tmp_path / "set", 4, truth=True)
    (root / "disp_gt").mkdir()
    for i in range(4):
        Image.fromarray(np.full(SIZE, 256 * 20, np.uint16)).save(root / "disp_gt" / f"{i:03}.png")
    np.save(root / "K.npy", np.array([[50.0, 0, 32], [0, 50, 16], [0, 0, 1]]))
    (item,) = calibration_set(root, SIZE).held_out
    assert item.truth is not None
    assert item.truth[0, 0] == pytest.approx(384.3816 / 20)


def test_rendered_streets_say_that_they_are(tmp_path):
    found = calibration_set(None, SIZE)
    assert found.facts.synthetic
    assert found.held_out
    assert all(item.truth is not None and item.truth.max() > 0 for item in found.held_out)
    assert found.facts == calibration_set(None, SIZE).facts


def test_batches_are_what_the_graph_takes(tmp_path):
    found = calibration_set(fill(tmp_path / "set", 4), SIZE)
    assert len(found.calibrating) == 3
    batches = found.batches(2, "NCHW")
    assert [b.shape for b in batches] == [(2, 3, *SIZE)] * 2
    grey = [round(float(b[i, 0, 0, 0]) * 255) for b in batches for i in range(2)]
    own = greys(found.calibrating)
    assert grey == [*own, own[0]]
    assert found.batches(1, "NHWC")[0].shape == (1, *SIZE, 3)


def test_empty_short_and_damaged_folders_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="has no pictures"):
        calibration_set(tmp_path / "empty", SIZE)
    with pytest.raises(InputError, match="too few pictures"):
        calibration_set(fill(tmp_path / "two", 2), SIZE)
    with pytest.raises(InputError, match="no folder"):
        calibration_set(tmp_path / "nowhere", SIZE)
    damaged = fill(tmp_path / "damaged", 3)
    for path in damaged.iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read"):
        calibration_set(damaged, SIZE)
