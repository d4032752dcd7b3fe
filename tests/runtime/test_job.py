"""Whole runs as a library: sources through a predictor into sinks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image
from tiny_graphs import CONSTANTS, entry, expected, write_artifact, write_file

from edgedepth.artifact.manifest import FILE_NAME
from edgedepth.errors import InputError, UsageError
from edgedepth.runtime import Wanted, open_predictor, open_sink, open_source, run_source, video
from edgedepth.runtime.job import Times
from edgedepth.runtime.preprocess import resize


@pytest.fixture
def artifact(tmp_path):
    return write_artifact(
        tmp_path / "artifact",
        [
            entry("tiny.onnx"),
            entry("tiny.tflite", dtype="uint8", batch=3),
            entry("large.onnx", size=(64, 96)),
        ],
    )


@pytest.fixture
def folder(tmp_path, picture):
    """Seven pictures of two sizes, each different."""
    root = tmp_path / "pictures"
    root.mkdir()
    for number in range(7):
        shown = np.roll(picture, 9 * number, axis=1)[: 45 if number % 2 else 30]
        Image.fromarray(shown).save(root / f"{number}.png")
    return root


def run(artifact, source, wanted, **chosen):
    opened = open_source(source)
    return run_source(open_predictor(artifact, **chosen), opened, open_sink(opened, wanted))


def test_depth_of_a_picture_of_the_graphs_size_is_the_formula(artifact, tmp_path, picture):
    Image.fromarray(picture).resize((64, 32)).save(tmp_path / "a.png")
    run(artifact, tmp_path / "a.png", Wanted(tmp_path / "a.npy"))
    rgb = np.asarray(Image.open(tmp_path / "a.png")) / 255
    wanted = 1 / (CONSTANTS["min_disparity"] + CONSTANTS["disparity_range"] * expected(rgb))
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), wanted, rtol=1e-4)


def test_both_formats_agree_on_every_picture_of_a_folder(artifact, folder, tmp_path):
    """One graph takes a float picture at a time, the other three uint8 ones: seven leave a short batch."""
    for file_format in ("onnx", "tflite"):
        summary = run(artifact, folder, Wanted(tmp_path / file_format, npy=True), file_format=file_format)
        assert summary.frames == 7
        assert len(summary.sink.outputs) == 14
    for number in range(7):
        one, two = (np.load(tmp_path / name / f"{number}.npy") for name in ("onnx", "tflite"))
        assert one.shape == (45 if number % 2 else 30, 70)
        np.testing.assert_allclose(one, two, rtol=1e-3)


def test_a_predictor_can_be_called(artifact, picture):
    predictor = open_predictor(artifact, file_format="tflite")
    depth = predictor(picture)
    assert depth.values.shape == (45, 70)
    raw = expected(resize(picture, (32, 64)) / 255)
    assert depth.closeness.min() >= CONSTANTS["min_disparity"] + CONSTANTS["disparity_range"] * raw.min() - 1e-4


def test_a_file_is_chosen_by_size_and_precision(artifact):
    assert open_predictor(artifact, size=(64, 96)).session.entry.path == "large.onnx"
    with pytest.raises(UsageError, match="has no w8a8 file"):
        open_predictor(artifact, precision="w8a8")


@pytest.mark.parametrize("name", ["tiny.onnx", "tiny.tflite"])
def test_a_lone_file_runs_by_what_it_carries_inside(artifact, tmp_path, picture, name):
    with_folder = open_predictor(artifact / name)(picture)
    (artifact / FILE_NAME).unlink()
    lone = open_predictor(artifact / name)
    np.testing.assert_array_equal(lone(picture).values, with_folder.values)
    assert lone.weights.kind == "shipped"


def test_random_weights_are_warned_of(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    told = write_file(tmp_path / "lone", entry("tiny.onnx"), kind="random")
    for artifact in (
        write_artifact(tmp_path / "art", [entry("t.onnx")], kind="random"),
        tmp_path / "lone" / told.path,
    ):
        summary = run(artifact, tmp_path / "a.png", Wanted(tmp_path / "out.png"))
        assert any("random" in line for line in summary.warnings())


def test_metric_depth_says_metres(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    artifact = write_artifact(tmp_path / "art", [entry("t.onnx", meaning="metric-depth", metric=True)])
    summary = run(artifact, tmp_path / "a.png", Wanted(tmp_path / "out.npy"))
    assert summary.as_object()["values"] == {"quantity": "depth", "unit": "metres"}
    assert any("depth in metres" in line for line in summary.lines())


def test_a_damaged_picture_stops_a_folder_and_what_is_complete_stays(artifact, folder, tmp_path):
    whole = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"3\.png"):
        run(artifact, folder, Wanted(tmp_path / "out"), file_format="onnx", size=(32, 64))
    made = sorted(tmp_path.glob("out/*"))
    assert [p.name for p in made] == ["0.png", "1.png", "2.png"]
    for path in made:
        Image.open(path).load()


def test_names_that_differ_only_in_their_suffix_keep_it(artifact, folder, tmp_path):
    Image.open(folder / "0.png").save(folder / "0.jpg")
    run(artifact, folder, Wanted(tmp_path / "out"))
    assert {"0.png.png", "0.jpg.png", "1.png"} <= {p.name for p in (tmp_path / "out").iterdir()}


def make_video(path, count):
    ramp = np.linspace(0, 200, 48).astype(np.uint8)
    with video.video_writer(path, video.pick_encoder(), Fraction(10), (32, 48)) as writer:
        for number in range(count):
            writer.write(np.tile(np.roll(ramp, number)[None, :, None], (32, 1, 3)))
    return path


@pytest.mark.parametrize("file_format", ["onnx", "tflite"])
def test_a_video_becomes_a_video_and_one_array(artifact, tmp_path, file_format):
    pytest.importorskip("av")
    source = make_video(tmp_path / "a.mp4", 8)
    wanted = Wanted(tmp_path / "out.mp4", npy=True, side_by_side=True)
    summary = run(artifact, source, wanted, file_format=file_format)
    assert summary.frames == 8
    assert summary.sink.outputs == [tmp_path / "out.mp4", tmp_path / "out.npy"]
    assert video.probe(tmp_path / "out.mp4") == video.VideoFacts(Fraction(10), 8)
    assert [f.shape for f in video.read_frames(tmp_path / "out.mp4")] == [(32, 96, 3)] * 8
    values = np.load(tmp_path / "out.npy")
    assert values.shape == (8, 32, 48)
    assert np.isfinite(values).all()


def test_frames_that_a_video_declares_but_does_not_hold_are_reported(artifact, tmp_path):
    pytest.importorskip("av")
    from dataclasses import replace as changed

    source = changed(open_source(make_video(tmp_path / "a.mp4", 3)), count=9)
    summary = run_source(open_predictor(artifact), source, open_sink(source, Wanted(tmp_path / "out.mp4")))
    assert any("declares 9 frames; only 3" in line for line in summary.warnings())


def test_a_source_without_a_frame_is_an_input_error(artifact, tmp_path, folder):
    from dataclasses import replace as changed

    source = changed(open_source(folder), frames=lambda: (frame for frame in ()))
    with pytest.raises(InputError, match="holds no frame"):
        run_source(open_predictor(artifact), source, open_sink(source, Wanted(tmp_path / "out")))


def test_a_batchs_time_is_shared_by_its_frames():
    times = Times()
    times.add(4, 0.4, 0.8, 1.2)
    times.add(1, 0.5, 0.6, 0.7)
    assert times.medians_ms() == {"before": 100, "model": 200, "after": 300}
    assert len(times.model) == 5


def test_real_street_pictures(artifact, real_data, tmp_path):
    left = min((real_data / "kitti2015_dev" / "left").glob("*.png"))
    run(artifact, left, Wanted(tmp_path / "out.png", side_by_side=True))
    width, height = Image.open(left).size
    assert Image.open(tmp_path / "out.png").size == (2 * width, height)


def test_a_manifest_that_lies_about_its_file_is_caught(tmp_path, picture):
    told = write_file(tmp_path, entry("t.onnx"))
    from edgedepth.runtime import Session

    with pytest.raises(InputError, match="damaged"):
        Session(tmp_path / "t.onnx", replace(told, sha256="f" * 64))
