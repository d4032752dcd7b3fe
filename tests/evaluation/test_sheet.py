"""The picture sheet: which frames, what it shows, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from frames_in_memory import Fixed, Frames, ramp, sample
from PIL import Image

from edgedepth.errors import OutputError, UsageError
from edgedepth.evaluation.page import PAPER, Page
from edgedepth.evaluation.panels import error_colours
from edgedepth.evaluation.protocol import EvaluationProtocol, evaluate
from edgedepth.evaluation.sheet import GAP, LINE, PANEL_WIDTH, chosen_frames, depth_ticks, notable_frames, write_sheet

SIZE = (48, 80)
NONE = EvaluationProtocol("none")


@pytest.fixture
def dataset():
    """Frames that a fixed ramp predicts ever worse."""
    return Frames(
        *(sample(ramp(*SIZE) * factor, name) for name, factor in zip("abcde", (1.4, 1, 1.3, 1.1, 1.2), strict=True))
    )


MODELS = [Fixed(ramp(*SIZE), "right"), Fixed(ramp(*SIZE) * 1.05, "another/with/a/very/long/path/" * 4)]


def sheet(tmp_path, dataset, models, names=()):
    reports = [evaluate(model, dataset, NONE) for model in models]
    write_sheet(tmp_path / "sheet.png", models, dataset, reports, names)
    with Image.open(tmp_path / "sheet.png") as image:
        return np.asarray(image)


def test_worst_median_and_best_are_noted(dataset):
    report = evaluate(MODELS[0], dataset, NONE)
    assert notable_frames(report) == {"a": "worst", "e": "median", "b": "best"}
    assert notable_frames(evaluate(MODELS[0], dataset, NONE, names="ab")) == {"a": "worst", "b": "best"}
    assert notable_frames(evaluate(MODELS[0], dataset, NONE, names="a")) == {"a": ""}


def test_it_grows_with_frames_and_models_and_is_the_same_again(tmp_path, dataset):
    one = sheet(tmp_path, dataset, MODELS[:1], ["a"])
    two = sheet(tmp_path, dataset, MODELS[:1], ["a", "b"])
    both = sheet(tmp_path, dataset, MODELS, ["a"])
    panel = round(PANEL_WIDTH * SIZE[0] / SIZE[1])
    assert one.shape[1] == two.shape[1] == both.shape[1]
    assert two.shape[0] - one.shape[0] == LINE + GAP + panel + GAP
    assert both.shape[0] - one.shape[0] == LINE + GAP + panel
    np.testing.assert_array_equal(sheet(tmp_path, dataset, MODELS, ["a"]), both)
    assert sheet(tmp_path, dataset, MODELS[:1]).shape[0] > two.shape[0]


def test_a_perfect_prediction_has_a_pale_error_panel(tmp_path, dataset):
    picture = sheet(tmp_path, dataset, MODELS[:1], ["b"])
    pale = (picture == error_colours(np.array(0.0))).all(-1)
    assert pale.sum() > 0.95 * PANEL_WIDTH * PANEL_WIDTH * SIZE[0] / SIZE[1]


def test_upright_and_tiny_frames_fit(tmp_path):
    upright = Frames(sample(ramp(80, 30)), sample(ramp(10, 11), "b"))

    class Ramp(Fixed):
        def depth(self, image, size):
            assert image.shape == (*size, 3)
            return ramp(*size).astype(float)

    assert sheet(tmp_path, upright, [Ramp(0)]).shape[0] > 900


def test_what_cannot_be_drawn_is_told_first(tmp_path, dataset):
    assert chosen_frames(None, None, dataset) == ()
    assert chosen_frames(tmp_path / "x.png", None, dataset) == ()
    assert chosen_frames(tmp_path / "x.PNG", "a,c", dataset) == ("a", "c")
    with pytest.raises(UsageError, match="without --sheet"):
        chosen_frames(None, "a", dataset)
    with pytest.raises(UsageError, match=r"x\.jpg[\s\S]*x\.png"):
        chosen_frames(tmp_path / "x.jpg", None, dataset)
    with pytest.raises(UsageError, match=r"no frame 'f'\.\nIts 5 frames run from a to e"):
        chosen_frames(tmp_path / "x.png", "a,f", dataset)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        chosen_frames(tmp_path / "file" / "x.png", None, dataset)


def test_nothing_is_left_of_a_sheet_that_fails(tmp_path, dataset, monkeypatch):
    report = evaluate(MODELS[0], dataset, NONE)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        write_sheet(tmp_path / "sheet.png", MODELS[:1], dataset, [report], "a")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("limits", [(2.1, 5.0), (4.0, 70.0), (0.5, 200.0), (3.0, 3.03)])
def test_ticks_are_round_apart_and_in_place(limits):
    ticks = depth_ticks(limits)
    shares = [share for share, _ in ticks]
    assert all(0 <= share <= 1 for share in shares)
    assert (np.diff(shares) <= -0.1 + 1e-9).all()
    for share, words in ticks:
        depth = float(words.removesuffix(" m"))
        assert share == pytest.approx(np.log(limits[1] / depth) / np.log(limits[1] / limits[0]))
    assert len(ticks) >= 3 or limits == (3.0, 3.03)


def test_captions_keep_their_end_and_stay_inside():
    page = Page((400, 40))
    page.caption((10, 5), 300, "folder/" * 40 + "name.tflite", "mean 0.1")
    drawn = (np.asarray(page.image) != PAPER).any(-1)
    assert drawn[:, :10].sum() == drawn[:, 311:].sum() == 0
    assert drawn[:, 290:310].any()
