"""Refined depth in an evaluation: the same as ``edgedepth run --tiles`` writes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_pair
from PIL import Image
from test_eval_command import run

from edgedepth.errors import UsageError
from edgedepth.evaluation.opening import Choice, open_predictors
from edgedepth.runtime.refine import RefineWanted, open_pair, parse_tiling, refine_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_pair.artifact(tmp_path_factory.mktemp("pair") / "artifact")


@pytest.fixture
def frames(tmp_path):
    """One picture with dense depth."""
    root = tmp_path / "frames"
    root.mkdir()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (90, 140, 3), dtype=np.uint8)).save(root / "a.png")
    np.save(root / "a.npy", np.where(np.arange(140) < 70, 5.0, 20.0)[None].repeat(90, 0))
    (root / "dataset.toml").write_text(
        'images = "*.png"\nintrinsics = [100.0, 100.0, 69.5, 44.5]\n[depth]\nfiles = "{name}.npy"\nformat = "npy"\n'
    )
    return root


@pytest.mark.parametrize("tiling", ["m1", "m2", "r3"])
def test_it_is_what_a_run_writes(folder, frames, tmp_path, tiling):
    refine_picture(open_pair(folder), frames / "a.png", RefineWanted(tmp_path / "d.npy", parse_tiling(tiling), 10**12))
    coarse, refined = open_predictors([str(folder)], Choice(tilings=(parse_tiling(tiling),)))
    picture = np.asarray(Image.open(frames / "a.png"))
    found = refined.depth(picture, (90, 140))
    np.testing.assert_array_equal(found, np.load(tmp_path / "d.npy"))
    assert refined.title == f"{coarse.title} {tiling}"
    assert refined.meaning == coarse.meaning
    assert refined.facts["input"].endswith(tiling)
    assert refined.depth(picture, (45, 70)).shape == (45, 70)


def test_refined_rows_stand_beside_the_coarse_one(folder, frames):
    content = json.loads(run(folder, "--data", frames, "--tiles", "m1,m2", "--json"))
    names = [report["predictor"].rpartition("/")[2] for report in content["reports"]]
    assert names == ["coarse.onnx", "coarse.onnx m1", "coarse.onnx m2"]
    figures = [report["mean"]["rmse"] for report in content["reports"]]
    assert len(set(figures)) == 3
    assert all(report["edges"]["f1"] is not None for report in content["reports"])


def test_tiles_of_what_has_none_are_refused(exported, frames):
    tilings = (parse_tiling("m1"),)
    with pytest.raises(UsageError, match="has no refiner"):
        open_predictors([str(exported / "artifact")], Choice(tilings=tilings))
    with pytest.raises(UsageError, match="--tiles m1 has no effect"):
        open_predictors([str(exported / "random.safetensors")], Choice(tilings=tilings))
