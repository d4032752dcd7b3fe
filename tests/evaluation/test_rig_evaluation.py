"""Rigs through the evaluation: cameras, masks of the vehicle itself, constant maps from points, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_graphs
import typer
from frames_in_memory import Fixed, Frames, ramp, sample
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console
from rig_on_disk import CAMERAS, RING, SIZE
from typer.testing import CliRunner

from edgedepth.cli.evaluate import evaluate as command
from edgedepth.errors import EdgedepthError, InputError, UsageError
from edgedepth.evaluation.baseline import baselines_of
from edgedepth.evaluation.comparison import compare
from edgedepth.evaluation.datasets import open_dataset
from edgedepth.evaluation.datasets.masks import MaskedRig
from edgedepth.evaluation.metrics import depth_metrics
from edgedepth.evaluation.named_protocols import PROTOCOLS, EvaluationProtocol
from edgedepth.evaluation.panels import veiled
from edgedepth.evaluation.protocol import evaluate, measure
from edgedepth.evaluation.report import Results, as_object, tables
from edgedepth.evaluation.sheet import notable_frames, write_sheet
from edgedepth.evaluation.torch_predictor import contracts_of
from edgedepth.models import card
from edgedepth.models.card import OutputSpec

DATA = Path(__file__).parents[3] / "shared" / "data"

NONE = EvaluationProtocol("none")
FLAT = Fixed(np.full(SIZE, 15.0), "flat")

app = typer.Typer()
app.command()(command)


def run(*arguments):
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def masks(tmp_path):
    """The lower third is the vehicle itself, except for the front camera."""
    folder = tmp_path / "masks"
    folder.mkdir()
    for camera in CAMERAS:
        seen = np.full(SIZE, 255, np.uint8)
        seen[32 if camera != "front" else SIZE[0] :] = 0
        Image.fromarray(seen).save(folder / f"{camera}.png")
    return folder


def direct(truth, predicted, seen=True, low=1e-3, high=80.0):
    """The seven metrics without any of our loops."""
    inside = (truth > low) & (truth < high) & seen
    return depth_metrics(np.clip(predicted, low, high)[inside], truth[inside].astype(np.float64)).as_dict()


def test_cameras_stand_in_ring_order_with_means_over_their_frames(rig):
    dataset = open_dataset(rig)
    report = evaluate(FLAT, dataset, NONE)
    assert tuple(report.frames) == tuple(name for moment in dataset.moments for name in moment)
    assert tuple(report.cameras) == tuple(report.camera_means) == RING
    for camera, mean in report.camera_means.items():
        singles = [direct(dataset.read(f"{moment}/{camera}").depth, FLAT.map) for moment in ("00", "01")]
        for name, value in mean.as_dict().items():
            assert value == pytest.approx(np.mean([one[name] for one in singles]), rel=1e-9)
    assert report.mean.abs_rel == pytest.approx(np.mean([mean.abs_rel for mean in report.camera_means.values()]))


def test_frames_without_a_camera_have_no_table_of_cameras():
    report = evaluate(Fixed(ramp()), Frames(sample(ramp())), NONE)
    assert report.cameras == {}
    assert as_object(Results((report,)))["reports"][0]["cameras"] == {}
    assert "AbsRel of cameras" not in {table.title for table in tables(Results((report,)))}


def test_tables_and_object_show_cameras_of_models_and_baselines(rig):
    dataset = open_dataset(rig)
    first, second = (evaluate(Fixed(FLAT.map * factor, f"x{factor}"), dataset, NONE) for factor in (1, 2))
    results = Results((first,), (second,))
    console = Console(width=200)
    with console.capture() as capture:
        for table in tables(results):
            console.print(table)
    lines = [line.strip() for line in capture.get().splitlines()]
    start = lines.index("AbsRel of cameras")
    shown = [line.split() for line in lines[start:] if line.strip()]
    assert tuple(shown[1]) == RING
    for row, report in zip(shown[4:6], (first, second), strict=True):
        assert row == [report.predictor, *(f"{mean.abs_rel:.3f}" for mean in report.camera_means.values())]
    for written, report in zip(json.loads(json.dumps(as_object(results)))["reports"], (first, second), strict=True):
        assert written["cameras"]["rear"] == {"frames": 2, **report.camera_means["rear"].as_dict()}
        assert written["frames"]["00/rear"]["camera"] == "rear"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.3, 0.95))
def test_what_is_not_seen_counts_nowhere(seed, share):
    rng = np.random.default_rng(seed)
    truth, predicted = (rng.uniform(1, 70, (30, 40)) for _ in range(2))
    truth = truth.astype(np.float32)
    seen, moves = rng.random(truth.shape) < share, rng.random(truth.shape) < 0.5
    frame = sample(truth, seen=seen, moving=moves, dense=True)
    found = measure(compare(Fixed(predicted), frame, NONE), NONE)
    assert found.metrics.as_dict() == pytest.approx(direct(truth, predicted, seen))
    assert found.pixels == seen.sum()
    assert sum(found.parts[name].pixels for name in ("moving", "static")) == seen.sum()
    assert found.parts["moving"].metrics.as_dict() == pytest.approx(direct(truth, predicted, seen & moves))
    # Whatever is there, in truth or prediction, changes nothing: borders, scale and alignment included.
    other = np.where(seen, truth, rng.uniform(1, 70, truth.shape)).astype(np.float32)
    spoilt = Fixed(np.where(seen, predicted, 1e3))
    for protocol in (NONE, EvaluationProtocol("median"), EvaluationProtocol("least-squares")):
        again = measure(compare(spoilt, replace(frame, depth=other), protocol), protocol)
        if protocol is NONE:
            assert again.metrics == found.metrics
            assert again.parts == found.parts
            assert again.scale == found.scale
        assert again.edges is not None
        assert again.edges.soft_error == measure(compare(Fixed(predicted), frame, protocol), protocol).edges.soft_error
        assert again.edges.f1 == measure(compare(Fixed(predicted), frame, protocol), protocol).edges.f1


def test_a_frame_that_sees_only_its_vehicle_is_refused():
    truth = ramp()
    with pytest.raises(InputError, match="Nothing beside its own vehicle was measured"):
        compare(FLAT, sample(truth, seen=np.zeros(truth.shape, bool)), NONE)
    with pytest.raises(InputError, match=r"mask of what the camera sees has the size \(3, 3\)"):
        sample(truth, seen=np.ones((3, 3), bool))


def test_masks_fill_what_each_camera_sees(rig, masks):
    plain, masked = open_dataset(rig), MaskedRig(open_dataset(rig), masks)
    assert (masked.names, masked.moments, masked.title) == (plain.names, plain.moments, plain.title)
    assert masked.neighbours("00/left") == (None, "01/left")
    assert masked.read("01/front").seen.all()
    found = masked.read("01/rear")
    np.testing.assert_array_equal(found.seen, (np.arange(SIZE[0]) < 32)[:, None].repeat(SIZE[1], 1))
    np.testing.assert_array_equal(found.measured, (found.depth > 0) & found.seen)
    report = evaluate(FLAT, masked, NONE)
    assert report.frames["01/rear"].as_dict() == pytest.approx(direct(found.depth, FLAT.map, found.seen))
    assert report.frames["01/front"] == evaluate(FLAT, plain, NONE).frames["01/front"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "left.png").unlink(), r"every camera of scene\.\nMissing: left\.png\."),
        (lambda folder: Image.new("L", (32, 24), 255).save(folder / "left.png"), "mask of camera left does not fit"),
        (lambda folder: Image.new("L", SIZE[::-1]).save(folder / "left.png"), "mask of camera left leaves nothing"),
        (lambda folder: (folder / "left.png").write_bytes(b"no"), r"left\.png cannot be read as a mask"),
    ],
)
def test_masks_that_do_not_fit_are_refused(rig, masks, spoil, words):
    spoil(masks)
    with pytest.raises(InputError, match=words):
        MaskedRig(open_dataset(rig), masks)


def test_masks_without_a_rig_are_refused(frames, masks):
    with pytest.raises(UsageError, match="has no cameras to mask"):
        MaskedRig(open_dataset(frames), masks)


def test_points_give_a_constant_map_by_rows():
    rng = np.random.default_rng(0)
    depth = np.where(rng.random((96, 50)) < 0.3, rng.uniform(2, 60, (96, 50)), 0).astype(np.float32)
    depth[:10] = 0  # sky
    seen = np.ones(depth.shape, bool)
    seen[90:] = False
    frames = Frames(sample(depth, "a", seen=seen), sample(depth * 2, "b", seen=seen))
    median, mean = baselines_of(frames)
    image = frames.read("a").image
    first, second = (one.depth(image, depth.shape) for one in (median, mean))
    assert (np.ptp(first, axis=1) < 1e-4).all()
    held = [np.concatenate([rows[rows > 0], 2 * rows[rows > 0]]) for rows in depth[10:90].reshape(40, -1)]
    centres = np.arange(40) * 2 + 10.5
    for found, middles in (
        (first, [np.median(one) for one in held]),
        (second, [1 / np.mean(1 / one.astype(np.float64)) for one in held]),
    ):
        np.testing.assert_allclose(found[:, 0], np.interp(np.arange(96), centres, middles), rtol=1e-5)


def test_the_sheet_of_a_rig_shows_all_cameras_of_the_worst_moment(rig, masks, tmp_path):
    dataset = MaskedRig(open_dataset(rig), masks)
    report = evaluate(FLAT, dataset, NONE)
    shown = notable_frames(report, dataset.moments)
    errors = [np.mean([report.frames[name].abs_rel for name in moment]) for moment in dataset.moments]
    assert tuple(shown) == dataset.moments[int(np.argmax(errors))]
    assert set(shown.values()) == {"worst moment"}
    assert set(notable_frames(evaluate(FLAT, open_dataset(rig / "00"), NONE), (RING,)).values()) == {""}
    models = [FLAT, Fixed(FLAT.map * 1.05, "other")]
    write_sheet(tmp_path / "sheet.png", models, dataset, [report, evaluate(models[1], dataset, NONE)])
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.height > 4 * 2 * 390


def test_a_veil_covers_what_is_not_seen():
    panel = np.full((4, 6, 3), 100, np.uint8)
    seen = np.ones((8, 12), bool)
    seen[4:, 6:] = False
    assert veiled(panel, None) is panel
    found = veiled(panel, seen, keep=0.5)
    assert (found[2:, 3:] == 50).all()
    assert (found[:2] == 100).all()
    assert (found[:, :3] == 100).all()


def test_protocols_of_rigs_fit_nothing():
    ddad, nuscenes = PROTOCOLS["ddad"], PROTOCOLS["nuscenes"]
    assert (ddad.alignment, ddad.min_depth, ddad.max_depth, ddad.crop) == ("none", 1e-3, 200, "none")
    assert ddad.ranges == (0, 10, 20, 40, 80, 200)
    assert (nuscenes.alignment, nuscenes.max_depth, nuscenes.ranges[-1]) == ("none", 80, 80)


def test_metric_depth_of_a_network_is_taken_as_metres():
    metric = replace(card("flex-nano"), output=OutputSpec("metric-depth", 0.001, 200.0, metric=True))
    given = contracts_of(metric, (64, 96))[1]
    assert (given.meaning, given.decode, given.constants) == ("metric-depth", "depth = output", {})
    assert given.value_range == (0.001, 200.0)
    assert given.metric


@pytest.fixture
def metric(tmp_path):
    """An artifact whose output is metres."""
    entry = tiny_graphs.entry("tiny.onnx", meaning="metric-depth", metric=True, constants={})
    return tiny_graphs.write_artifact(tmp_path / "metric", [entry])


def test_the_command_measures_a_rig_with_masks_and_baseline(rig, masks, metric):
    words = ("--data", rig, "--protocol", "ddad", "--masks", masks, "--baseline", rig, "--json")
    content = json.loads(run(metric, *words))
    assert content["protocol"]["name"] == "ddad"
    model, *constants = content["reports"]
    assert set(model["cameras"]) == set(RING)
    assert len(constants) == 2
    for constant in constants:
        assert constant["mean"]["abs_rel"] < model["mean"]["abs_rel"]
    assert "AbsRel of cameras" in run(metric, *words[:-1])


def test_the_command_says_how_to_measure_what_is_up_to_scale(rig, tmp_path):
    tiny = tiny_graphs.write_artifact(tmp_path / "tiny", [tiny_graphs.entry("tiny.onnx")])
    with pytest.raises(EdgedepthError, match=r"without alignment[\s\S]*--metres-per-unit[\s\S]*--alignment median"):
        run(tiny, "--data", rig, "--protocol", "ddad")
    assert "ddad, changed: alignment median" in run(tiny, "--data", rig, "--protocol", "ddad", "--alignment", "median")


def test_a_real_moment_is_measured_as_by_hand():
    folder = DATA / "ddad_surround" / "scene_02"
    if not folder.is_dir():
        pytest.skip("no ddad_surround beside the repository")
    flat = Fixed(np.linspace(150, 3, 1216)[:, None].repeat(1936, 1), "slope")
    dataset = open_dataset(folder)
    report = evaluate(flat, dataset, PROTOCOLS["ddad"], dataset.moments[1][:2])
    assert tuple(report.cameras) == ("CAMERA_01", "CAMERA_06")
    for name, found in report.frames.items():
        with np.load(folder / f"{name}_depth_sparse.npz") as stored:
            truth = stored["depth"].astype(np.float64)
        inside = (truth > 1e-3) & (truth < 200)
        p, g = flat.map[inside], truth[inside]
        assert found.abs_rel == pytest.approx(np.mean(np.abs(p - g) / g), rel=1e-9)
        assert found.rmse == pytest.approx(np.sqrt(np.mean((p - g) ** 2)), rel=1e-9)
        assert found.delta1 == pytest.approx(np.mean(np.maximum(p / g, g / p) < 1.25), rel=1e-9)
