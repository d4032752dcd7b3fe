"""Agreement of neighbouring cameras: a box around the vehicle, known by hand; real LiDAR."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from test_rig_view import INTRINSICS, SIZE, pose, view

from edgedepth.artifact.rig_file import read_rig
from edgedepth.runtime.rig.consistency import FEWEST_PIXELS, agreements, ratios
from edgedepth.runtime.rig.view import View, scaled_intrinsics

DDAD = ("scene_02", "00")


def wall(where, distance=12.0):
    """z-depth of a wall at x = `distance` in the vehicle's frame, 0 where a ray does not meet it."""
    fx, fy, cx, cy = INTRINSICS
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    rays = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones(SIZE)], axis=-1) @ where[:3, :3].T
    with np.errstate(divide="ignore"):
        depth = (distance - where[0, 3]) / rays[..., 0]
    return np.where(depth > 0, depth, 0)


POSES = pose(0.3, (1.0, 0.5, 1.5)), pose(-0.3, (1.2, -0.5, 1.5))


def test_exact_depth_agrees():
    one, other = (view(wall(where), where=where) for where in POSES)
    found = ratios(one, other)
    assert len(found) > 300
    assert np.abs(found - 1).max() < 0.03  # the nearest pixel of the other is up to half of one off


def test_a_wrong_scale_of_one_camera_shows_as_that_ratio():
    one, other = (view(wall(where), where=where) for where in POSES)
    wrong = view(1.1 * wall(POSES[1]), where=POSES[1])
    exact, found = ratios(one, other), ratios(one, wrong)
    np.testing.assert_allclose(found, 1.1 * exact, rtol=1e-5)
    pairs, overall = agreements([one, wrong])
    assert len(pairs) == 1
    assert pairs[0].cameras == ("one", "one")
    assert overall.median == pytest.approx(0.1, abs=0.015)
    assert overall.within == 1
    assert agreements([one, view(1.4 * wall(POSES[1]), where=POSES[1])])[1].within < 0.1


def test_no_overlap_says_so():
    ahead, behind = pose(0.0, (1, 0, 1.5)), pose(math.pi, (0, 0, 1.5))
    pairs, overall = agreements([view(wall(ahead), where=ahead), view(wall(behind, -9.0), where=behind)])
    assert (pairs[0].pixels, pairs[0].median, pairs[0].within) == (0, None, None)
    assert (overall.pixels, overall.median) == (0, None)


def test_the_own_vehicle_does_not_count():
    one, other = (view(wall(where), where=where) for where in POSES)
    seen = np.zeros(SIZE, bool)
    assert len(ratios(one, view(wall(POSES[1]), seen, POSES[1]))) == 0
    assert len(ratios(view(wall(POSES[0]), seen, POSES[0]), other)) == 0


def test_a_point_behind_a_nearer_one_of_the_same_camera_does_not_count():
    where, beside = pose(0.0, (0, 0, 1.5)), pose(0.0, (0, 1.0, 1.5))
    depth = np.full(SIZE, 30.0)
    depth[:, :20] = 4.0  # a near wall at the left, which hides part of the far one from the right
    one = view(depth, where=where)
    # From one metre to the left the near wall shifts by fx / 4 = 9 pixels, the far one by about one.
    far = view(np.full(SIZE, 30.0), where=beside)
    shifted = np.full(SIZE, 30.0)
    shifted[:, :29] = 4.0
    truth = view(shifted, where=beside)
    found = ratios(one, truth)
    assert np.abs(found - 1).max() < 1e-4
    assert len(ratios(one, far)) < np.count_nonzero(one.solid)


def test_all_pairs_pool_their_pixels():
    headings = [-i * math.tau / 10 for i in range(10)]
    poses = [pose(h, (0.2 * math.cos(h), 0.2 * math.sin(h), 1.5)) for h in headings]
    views = [view(np.full(SIZE, 20.0), where=where, name=str(i)) for i, where in enumerate(poses)]
    pairs, overall = agreements(views)
    assert [p.cameras for p in pairs] == [(str(i), str((i + 1) % 10)) for i in range(10)]
    assert overall.pixels == sum(p.pixels for p in pairs if p.median is not None)
    assert overall.pixels > FEWEST_PIXELS


def described(folder, path):
    """A rig.toml of that frame's cameras."""
    path.write_text(
        "\n".join(
            f"[[cameras]]\nname = '{picture.stem}'\nimage = '{picture}'\n"
            f"intrinsics_file = '{folder / picture.stem}_K.npy'\npose_file = '{folder / picture.stem}_T_ego_cam.npy'\n"
            for picture in sorted(folder.glob("*.jpg"))
        )
    )
    return path


def test_real_lidar_of_six_cameras_agrees(real_data, tmp_path):
    folder = Path(real_data, "ddad_surround", *DDAD)
    if not folder.is_dir():
        pytest.skip("no surround sample beside the repository")
    views, size = [], (384, 640)
    for one in read_rig(described(folder, tmp_path / "rig.toml")):
        with np.load(folder / f"{one.camera.name}_depth_sparse.npz") as held:
            sparse = held["depth"]
        rows, columns = np.nonzero(sparse)
        far_first = np.argsort(-sparse[rows, columns])
        rows, columns = rows[far_first], columns[far_first]
        depth = np.zeros(size, np.float32)
        down, across = size[0] / sparse.shape[0], size[1] / sparse.shape[1]
        depth[(rows * down).astype(int), (columns * across).astype(int)] = sparse[rows, columns]
        scaled = scaled_intrinsics(one.camera.intrinsics, one.camera.size, size)
        made = View(one.camera.name, scaled, one.camera.pose_matrix(), depth, np.zeros((*size, 3), np.uint8), depth > 0)
        made.__dict__["solid"] = made.valid  # beside single measurements everything looks like an edge
        views.append(made)
    assert [v.name[-1] for v in views] == list("168975")
    pairs, overall = agreements(views)
    assert all(pair.median is not None and pair.median < 0.002 for pair in pairs)
    assert overall.within > 0.98
