"""`edgedepth eval` from the command's side, and the weights that ship."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tiny_graphs
import typer
from PIL import Image
from typer.testing import CliRunner

from edgedepth.cli.evaluate import evaluate
from edgedepth.errors import EdgedepthError, InputError, UsageError
from edgedepth.evaluation.datasets import open_dataset
from edgedepth.evaluation.opening import open_predictors
from edgedepth.evaluation.protocol import evaluate as measure
from edgedepth.models import card, checkpoint, shipped_weights

DATA = Path(__file__).parents[3] / "shared" / "data"

app = typer.Typer()
app.command()(evaluate)


def run(*arguments):
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def tiny(tmp_path):
    """An artifact with one file per format."""
    return tiny_graphs.write_artifact(
        tmp_path / "tiny", [tiny_graphs.entry("tiny.onnx"), tiny_graphs.entry("tiny.tflite")]
    )


def test_json_has_the_models_and_both_baselines(exported, tiny, frames):
    weights = exported / "random.safetensors"
    content = json.loads(run(weights, tiny, "--data", frames, "--baseline", frames, "--json"))
    reports = content["reports"]
    assert [r["predictor"] for r in reports] == [
        str(weights),
        str(tiny / "tiny.onnx"),
        str(tiny / "tiny.tflite"),
        "constant map, median depth",
        "constant map, mean disparity",
    ]
    assert content["protocol"]["name"] == "kitti2015"
    assert reports[0]["mean"]["abs_rel"] > 0.05
    assert reports[1]["mean"] == pytest.approx(reports[2]["mean"], rel=1e-5)
    assert reports[4]["mean"]["abs_rel"] < 0.3


def test_tables(tiny, frames):
    text = run(tiny, "--data", frames, "--per-frame", "--format", "onnx")
    for words in ("AbsRel", "protocol kitti2015: alignment median, 0.001 to 80 m, no crop", "3 frames", "10-20 m"):
        assert words in text
    assert "tiny.tflite" not in text
    assert text.count("frame by frame") == 1


def test_every_choice_can_be_changed(tiny, frames):
    words = "--protocol eigen --alignment least-squares --crop eigen --min-depth 5 --max-depth 25 --ranges 5,15,25"
    content = json.loads(run(tiny, "--data", frames, "--json", "--metres-per-unit", "2", *words.split()))
    assert content["protocol"] == {
        "alignment": "least-squares",
        "crop": "eigen",
        "min_depth": 5,
        "max_depth": 25,
        "metres_per_unit": 2,
        "ranges": [5, 15, 25],
        "name": "eigen, changed",
    }
    assert set(content["reports"][0]["parts"]) == {"5-15 m", "15-25 m"}


def test_a_sheet_is_written_beside_the_table(tiny, frames, tmp_path):
    run(tiny, "--data", frames, "--sheet", tmp_path / "sheet.png", "--frames", "0,2")
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.format == "PNG"
        assert image.width > 2000


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        (["--protocol", "kiti2015"], UsageError, "Did you mean kitti2015"),
        (["--alignment", "media"], UsageError, "Did you mean median"),
        (["--crop", "gar"], UsageError, "Did you mean garg"),
        (["--protocol", "metric"], UsageError, "--metres-per-unit"),
        (["--ranges", "near"], UsageError, "list of borders"),
        (["--size", "big"], UsageError, "is not a size"),
        (["--precision", "w8a8"], UsageError, "no w8a8 file"),
        (["--frames", "0"], UsageError, "--frames has no effect"),
        (["--min-depth", "59"], InputError, "too little ground truth"),
    ],
)
def test_what_cannot_be_is_refused(tiny, frames, options, kind, words):
    with pytest.raises(EdgedepthError, match=words) as caught:
        run(tiny, "--data", frames, *options)
    assert isinstance(caught.value, kind)
    assert caught.value.exit_code == 2


def real(folder):
    if not (DATA / folder).is_dir():
        pytest.skip(f"no {folder} beside the repository")
    return open_dataset(DATA / folder)


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
    (shipped,) = open_predictors(["flex-nano"])
    found = measure(shipped, real("kitti2015_dev")).mean
    np.testing.assert_allclose(list(found.as_dict().values()), figures, atol=6e-4)


@pytest.mark.parametrize("folder", ["video/kitti2015_stereo_640x192", "video/kitti_sfnd_640x192"])
def test_sparse_lidar_frames_are_measured(folder):
    dataset = real(folder)
    (shipped,) = open_predictors(["flex-nano"])
    report = measure(shipped, dataset, names=dataset.names[:2])
    assert report.mean.abs_rel < 0.3
    assert report.edges is None


def test_shipped_weights_bound_their_offsets():
    path = shipped_weights(card("flex-nano"))
    if path is None:
        pytest.skip("no weights ship for flex-nano")
    loaded = checkpoint.load(path)
    assert loaded.card.config.offset_limits == (0.25,) * 4
    assert "non-commercial" in loaded.notes["licence"]
