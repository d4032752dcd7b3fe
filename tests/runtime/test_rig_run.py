"""A whole rig frame with depth that is known exactly: the cloud lies on the true surfaces, the cameras agree."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from rendered_rig import NAMES, SIZE, exact, knowing_predictor, render

from edgedepth.errors import InputError, UsageError
from edgedepth.runtime.rig import RigWanted, run_rig
from edgedepth.runtime.rig.birdseye import SIDE
from edgedepth.runtime.rig.cloud import RECORD


@pytest.fixture(scope="module")
def rig(once):
    return once("rendered-rig", render)


def read_ply(path):
    """Points and colours of a PLY, by its own header."""
    raw = path.read_bytes()
    header, _, body = raw.partition(b"end_header\n")
    words = header.decode("ascii").split()
    assert words[:4] == ["ply", "format", "binary_little_endian", "1.0"]
    assert [words[i + 1 : i + 3] for i, w in enumerate(words) if w == "property"] == [
        *(["float", axis] for axis in "xyz"),
        *(["uchar", colour] for colour in ("red", "green", "blue")),
    ]
    records = np.frombuffer(body, RECORD)
    assert len(records) == int(words[words.index("vertex") + 1])
    return records["place"], records["colour"]


def run(rig, output, *, batch=1, kind="shipped", change=lambda maps: maps, **options):
    cameras, depth = exact(rig)
    predictor = knowing_predictor(change(depth), batch, kind)
    return run_rig(predictor, cameras, RigWanted(output, **options)), predictor


def test_exact_depth_of_six_cameras(rig, tmp_path):
    report, _ = run(rig, tmp_path / "out", npy=True)
    assert report.consistency.median < 0.005
    assert report.consistency.within > 0.98
    assert [pair.cameras for pair in report.pairs] == list(zip(NAMES, [*NAMES[1:], NAMES[0]], strict=True))
    assert all(pair.pixels > 500 for pair in report.pairs)
    assert [camera.name for camera in report.cameras] == list(NAMES)
    assert set(report.ms) == {"read", "prepare", "model", "decode", "fuse", "compare", "draw"}
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == set(report.outputs)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["points"] == report.points
    assert not list(tmp_path.glob(".*"))


def test_the_cloud_lies_on_the_surfaces_that_a_seventh_camera_sees(rig, tmp_path):
    run(rig, tmp_path / "out", max_range=30.0)
    points, colours = read_ply(tmp_path / "out" / "cloud.ply")
    assert np.hypot(points[:, 0], points[:, 1]).max() <= 30
    assert colours.std() > 10
    road = points[(np.abs(points[:, 1]) < 1.5) & (np.abs(points[:, 0]) < 8)]
    assert len(road) > 500
    assert np.median(np.abs(road[:, 2])) < 0.03

    from edgedepth.scenes import Camera, Scene

    look_ahead = np.array([[0, 0, 1, -3], [-1, 0, 0, 0.5], [0, -1, 0, 2.2], [0, 0, 0, 1.0]])
    base = np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 1.65], [0, 0, 0, 1.0]])
    scene = Scene.street(3)
    K = np.array([[100.0, 0, 99.5], [0, 100.0, 59.5], [0, 0, 1]])
    truth = scene.render(Camera(K, 200, 120), scene.pose(30.0) @ np.linalg.inv(base) @ look_ahead).depth
    seen = np.c_[points, np.ones(len(points))] @ np.linalg.inv(look_ahead).T
    seen = seen[seen[:, 2] > 1]
    u, v = np.rint((K[:2, :2] @ seen[:, :2].T) / seen[:, 2] + K[:2, 2:]).astype(int)
    inside = (u >= 0) & (u < 200) & (v >= 0) & (v < 120)
    expected, found = truth[v[inside], u[inside]], seen[inside, 2]
    # What stands in front of a point hides it from this camera; nothing may float in front of the surfaces.
    assert np.mean(found < 0.93 * expected) < 0.01
    visible = found < 1.07 * expected
    assert visible.mean() > 0.6
    assert np.median(np.abs(found[visible] / expected[visible] - 1)) < 0.01


@pytest.mark.parametrize(("batch", "calls"), [(1, 6), (6, 1), (4, 2)])
def test_any_batch_gives_the_same_files(rig, tmp_path, batch, calls):
    report, predictor = run(rig, tmp_path / "out", batch=batch)
    run(rig, tmp_path / "one")
    assert predictor.session.calls == report.calls == calls
    for name in ("cloud.ply", "birdseye.png", *(f"depth/{n}.png" for n in NAMES)):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_a_wrong_scale_in_one_camera_shows_in_its_two_pairs(rig, tmp_path):
    report, _ = run(rig, tmp_path / "out", change=lambda maps: [1.5 * maps[0], *maps[1:]])
    broken = [pair.within < 0.2 for pair in report.pairs]
    assert broken == [True, False, False, False, False, True]


def test_arrays_are_at_the_picture_s_size_and_pictures_have_a_scale(rig, tmp_path):
    run(rig, tmp_path / "out", npy=True, change=lambda maps: [m[::2, ::2] for m in maps])
    values = np.load(tmp_path / "out" / "depth" / "rear.npy")
    assert (values.shape, values.dtype) == (SIZE, np.float32)
    shown = Image.open(tmp_path / "out" / "depth" / "rear.png")
    assert shown.width == 480  # no narrower, so that the scale can be read
    assert shown.height > 480 * SIZE[0] // SIZE[1]
    run(rig, tmp_path / "both", side_by_side=True)
    assert Image.open(tmp_path / "both" / "depth" / "rear.png").width == 2 * 480


def test_the_own_vehicle_is_in_nothing(rig, tmp_path):
    cameras, depth = exact(rig)
    seen = np.ones(SIZE, bool)
    seen[SIZE[0] // 2 :] = False
    masked = [replace(one, seen=seen) for one in cameras]
    report = run_rig(knowing_predictor(depth), masked, RigWanted(tmp_path / "out"))
    points, _ = read_ply(tmp_path / "out" / "cloud.ply")
    assert points[:, 2].min() > 1.5  # all cameras are level, 1.6 m above the road
    assert all(camera.seen == 0.5 for camera in report.cameras)
    shown = np.asarray(Image.open(tmp_path / "out" / "depth" / "front.png"))
    assert (shown[480 * SIZE[0] // SIZE[1] * 3 // 4] == shown[480 * SIZE[0] // SIZE[1] * 3 // 4, 0]).all()


def test_the_bird_s_eye_shows_the_road_ahead_up(rig, tmp_path):
    run(rig, tmp_path / "out", max_range=20.0)
    shown = np.asarray(Image.open(tmp_path / "out" / "birdseye.png")).astype(int)
    assert shown.shape == (SIDE, SIDE, 3)
    # 7 to 9 metres ahead and behind, one metre wide.
    along, across = np.array([7, 9]) * SIDE // 40, slice(SIDE // 2 - 12, SIDE // 2 + 12)
    ahead, behind = slice(SIDE // 2 - along[1], SIDE // 2 - along[0]), slice(SIDE // 2 + along[0], SIDE // 2 + along[1])
    assert shown[ahead, across].mean() > 60
    assert shown[behind, across].mean() > 60
    half, _ = run(rig, tmp_path / "ahead", max_range=20.0, change=lambda maps: [maps[0], *(0 * m for m in maps[1:])])
    shown = np.asarray(Image.open(tmp_path / "ahead" / "birdseye.png")).astype(int)
    assert shown[ahead, across].mean() > 60
    assert shown[behind, across].mean() < 40
    assert half.cameras[3].median_depth_m is None


def test_depth_that_is_nowhere_gives_an_empty_cloud_and_no_overlap(rig, tmp_path):
    report, _ = run(rig, tmp_path / "out", change=lambda maps: [np.full_like(m, np.nan) for m in maps])
    assert report.points == 0
    assert report.consistency.median is None
    assert "no overlap" in "\n".join(report.lines())
    assert len(read_ply(tmp_path / "out" / "cloud.ply")[0]) == 0


def test_random_weights_are_warned_of(rig, tmp_path):
    report, _ = run(rig, tmp_path / "out", kind="random")
    assert "arithmetic, not depth" in report.warnings[0]


def test_a_model_up_to_scale_is_refused(rig, tmp_path):
    cameras, depth = exact(rig)
    predictor = knowing_predictor(depth)
    predictor.meaning = replace(predictor.meaning, unit="up to scale")
    with pytest.raises(UsageError, match="needs depth in metres") as caught:
        run_rig(predictor, cameras, RigWanted(tmp_path / "out"))
    assert "surround-monodepth2" in caught.value.remedy
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("reach", [0.0, -1.0, math.nan, math.inf])
def test_a_range_that_is_none(rig, tmp_path, reach):
    with pytest.raises(UsageError, match="shows nothing"):
        run(rig, tmp_path / "out", max_range=reach)


def test_results_are_replaced_with_force_and_only_results(rig, tmp_path):
    run(rig, tmp_path / "out")
    with pytest.raises(UsageError, match="not empty"):
        run(rig, tmp_path / "out")
    run(rig, tmp_path / "out", force=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="not the result of a rig"):
        run(rig, tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_a_picture_damaged_behind_its_header_leaves_nothing_behind(rig, tmp_path):
    cameras, depth = exact(rig)
    broken = tmp_path / "broken.png"
    broken.write_bytes(cameras[2].image.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"broken\.png"):
        run_rig(
            knowing_predictor(depth),
            [*cameras[:2], replace(cameras[2], image=broken), *cameras[3:]],
            RigWanted(tmp_path / "out"),
        )
    assert [path.name for path in tmp_path.iterdir()] == ["broken.png"]
