"""`edgedepth eval` from the command's side, and the weights that ship."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from edgedepth.cli.evaluate import evaluate
from edgedepth.errors import UsageError
from edgedepth.evaluation.datasets import open_dataset
from edgedepth.evaluation.opening import open_predictor
from edgedepth.evaluation.protocol import evaluate as measure
from edgedepth.models import build, card, checkpoint, shipped_weights
from edgedepth.models.init import initialise

DATA = Path(__file__).parents[3] / "shared" / "data"

app = typer.Typer()
app.command()(evaluate)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "random.safetensors"
    base = card("flex-nano")
    checkpoint.save(path, initialise(build(base), 1), base, {}, {})
    return path


@pytest.fixture
def frames(tmp_path):
    """Two small frames with LiDAR and teacher."""
    root = tmp_path / "frames"
    for folder in ("left", "lidar_depth", "psmnet_depth_x256"):
        (root / folder).mkdir(parents=True)
    depth = np.linspace(30, 4, 32)[:, None].repeat(64, 1)
    for name in ("0", "1"):
        Image.effect_noise((64, 32), 50).convert("RGB").save(root / "left" / f"{name}.jpg")
        np.savez(root / "lidar_depth" / f"{name}.npz", depth=depth.astype(np.float16))
        Image.fromarray((depth * 256).astype(np.uint16)).save(root / "psmnet_depth_x256" / f"{name}.png")
    np.save(root / "K.npy", np.eye(3))
    return root


def test_json_has_the_model_and_both_baselines(weights, frames):
    result = CliRunner().invoke(
        app,
        [str(weights), "--data", str(frames), "--baseline", str(frames), "--json"],
        catch_exceptions=False,
    )
    reports = json.loads(result.stdout)["reports"]
    assert [r["predictor"] for r in reports] == [
        "flex-nano",
        "constant map, median depth",
        "constant map, mean disparity",
    ]
    assert reports[0]["mean"]["abs_rel"] > 0.05
    assert reports[1]["mean"]["abs_rel"] == pytest.approx(0, abs=0.01)


def test_table(weights, frames):
    result = CliRunner().invoke(app, [str(weights), "--data", str(frames)], catch_exceptions=False)
    assert "AbsRel" in result.stdout
    assert "alignment median" in result.stdout


def test_a_model_without_weights_is_refused():
    with pytest.raises(UsageError, match="flex-large has no weights"):
        open_predictor("flex-large")
    with pytest.raises(UsageError, match="flex-nano"):
        open_predictor("flex-nanu")


def test_an_illegal_size_names_the_nearest(weights):
    with pytest.raises(UsageError, match="nearest legal size is 192x640"):
        open_predictor(str(weights), (200, 630))
    assert open_predictor(str(weights), (64, 96)).size == (64, 96)


def card_figures():
    """The seven figures that the model card of the shipped weights states for KITTI 2015."""
    path = shipped_weights(card("flex-nano"))
    if path is None:
        pytest.skip("no weights ship for flex-nano")
    row = re.search(r"^\| flex-nano \|(.*)\|$", path.with_suffix(".md").read_text(encoding="utf-8"), re.MULTILINE)
    assert row is not None
    return [float(cell) for cell in row[1].split("|")]


def test_the_card_reaches_the_goal():
    abs_rel, *_, delta1, _, _ = card_figures()
    assert abs_rel <= 0.164
    assert delta1 >= 0.754


def test_shipped_weights_reach_their_card():
    figures = card_figures()
    if not (DATA / "kitti2015_dev").is_dir():
        pytest.skip("no kitti2015_dev beside the repository")
    found = measure(open_predictor("flex-nano"), open_dataset(DATA / "kitti2015_dev")).mean
    np.testing.assert_allclose(list(found.as_dict().values()), figures, atol=6e-4)


def test_shipped_weights_bound_their_offsets():
    path = shipped_weights(card("flex-nano"))
    if path is None:
        pytest.skip("no weights ship for flex-nano")
    loaded = checkpoint.load(path)
    assert loaded.card.config.offset_limits == (0.25,) * 4
    assert "non-commercial" in loaded.notes["licence"]
