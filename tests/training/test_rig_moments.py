"""Moments of rigs: sizes without blending, masks, mirrored rings, rendered rigs, and clear refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from surround_rigs import MOMENTS, RING, SIZE, rig_recipe

from edgedepth.artifact.rig import ring_order
from edgedepth.errors import InputError, UsageError
from edgedepth.evaluation.datasets import DepthSample
from edgedepth.training.frames import open_source
from edgedepth.training.recipe import Augmentation, Rendered, Source, Stage, Targets
from edgedepth.training.surround.moments import MomentBank, resized_depth, resized_mask, view_of
from edgedepth.training.surround.rendered_rigs import CAMERAS, rendered_moment, rig_cameras
from edgedepth.training.surround.rig_batch import change, gather

STILL = Augmentation(flip=0, colour=0, grey=0, blur=0, noise=0)


@given(
    depth=arrays.arrays(
        np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 2, 5, 7])
    ),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_points_keep_their_depth_and_the_nearest_stays(depth, size):
    found = resized_depth(depth, size)
    expected = np.zeros(size, np.float32)
    for y, x in np.argwhere(depth > 0):
        row, column = int((y + 0.5) / depth.shape[0] * size[0] + 1e-9), int((x + 0.5) / depth.shape[1] * size[1] + 1e-9)
        if not expected[row, column] or depth[y, x] < expected[row, column]:
            expected[row, column] = depth[y, x]
    np.testing.assert_array_equal(found, expected)
    assert set(np.unique(found)) <= {0, *np.unique(depth)}


def test_depth_of_that_size_stays():
    depth = np.random.default_rng(0).uniform(0, 9, SIZE).astype(np.float32)
    np.testing.assert_array_equal(resized_depth(depth, SIZE), depth)


def test_a_pixel_is_seen_if_all_of_it_is():
    seen = np.ones((8, 12), np.bool_)
    seen[5, 7] = False
    expected = np.ones((4, 6), np.bool_)
    expected[2, 3] = False
    np.testing.assert_array_equal(resized_mask(seen, (4, 6)), expected)
    assert resized_mask(seen, (16, 24))[10:12, 14:16].sum() == 0
    assert resized_mask(seen, (16, 24)).sum() == 16 * 24 - 4


def test_what_the_vehicle_hides_and_what_is_too_far_does_not_count():
    depth = np.full((8, 8), 5.0, np.float32)
    depth[0] = 300
    seen = np.ones((8, 8), np.bool_)
    seen[6:] = False
    sample = DepthSample("a", np.zeros((8, 8, 3), np.uint8), depth, np.eye(3), seen=seen)
    _, target, weight, small = view_of(sample, (4, 4), Targets(max_depth=200))
    np.testing.assert_array_equal(target, np.where(weight > 0, 5, 1))
    np.testing.assert_array_equal(weight > 0, small)
    np.testing.assert_array_equal(small, np.arange(4)[:, None].repeat(4, 1) < 3)


def test_training_moments_are_those_not_held_out_in_ring_order(rig):
    bank = MomentBank(rig_recipe(), rig, None)
    assert bank.names == [tuple(f"rig/{moment}/{camera}" for camera in RING) for moment in MOMENTS[:2]]
    assert bank.order == (0, 1)
    moment = bank.read(1, (32, 64))
    assert moment.images.shape == (3, 3, 32, 64)
    assert moment.images.dtype == torch.uint8
    assert moment.depths.shape == moment.weights.shape == moment.seen.shape == (3, 1, 32, 64)
    assert bool(moment.seen.all())
    dataset, held_out = open_source(rig, Source("rig", hold_out=("02",)))
    assert sorted(held_out) == sorted(name for name in dataset.names if name.startswith("02/"))


def test_masks_of_the_vehicle(rig, tmp_path):
    for camera in RING:
        mask = np.full(SIZE, 255, np.uint8)
        mask[SIZE[0] // 2 :] = 0 if camera == "left" else 255
        Image.fromarray(mask).save(tmp_path / f"{camera}.png")
    recipe = replace(rig_recipe(), sources=(Source("rig", masks=str(tmp_path)),))
    bank = MomentBank(recipe, rig, None)
    batch = change(gather([bank.read(0, SIZE)], [bank.names[0]]), STILL, np.random.default_rng(0))
    hidden = ~batch.seen[0, :, 0]
    assert [bool(one.any()) for one in hidden] == [False, False, True]
    assert bool(hidden[2, SIZE[0] // 2 :].all())
    assert float(batch.weights[0, 2, 0][hidden[2]].max()) == 0
    assert float(batch.weights[0, 2].max()) > 0


def test_a_mirrored_rig_is_mirrored_views_in_the_opposite_order(rig):
    bank = MomentBank(rig_recipe(), rig, None)
    plain = gather([bank.read(0, SIZE), bank.read(1, SIZE)], bank.names)
    changed = change(plain, replace(STILL, flip=1), np.random.default_rng(0))
    assert changed.names[0] == bank.names[0][::-1]
    assert bool(changed.mirrored.all())
    for name in ("plain", "depths", "weights", "seen"):
        ours, theirs = getattr(changed, name), getattr(plain, name)
        for view in range(3):
            torch.testing.assert_close(ours[:, view], theirs[:, 2 - view].flip(3))
    torch.testing.assert_close(changed.images, changed.plain, atol=1e-4, rtol=0)


def test_only_the_student_sees_other_colours(rig):
    bank = MomentBank(rig_recipe(), rig, None)
    plain = gather([bank.read(0, SIZE)], bank.names[:1])
    changed = change(plain, Augmentation(flip=0), np.random.default_rng(0))
    assert torch.equal(changed.plain, plain.plain)
    assert float((changed.images - plain.images).abs().mean()) > 0.01


def test_a_rendered_rig_is_a_ring_with_exact_depth():
    size = (32, 48)
    cameras = rig_cameras(*size)
    to_vehicle = np.eye(4)
    to_vehicle[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
    assert ring_order([to_vehicle @ pose for _, pose in cameras]) == list(range(6))
    frames = rendered_moment(5, 0, size)
    assert len(frames) == len(CAMERAS) == 6
    # Neighbours overlap: what one sees at its side lies where the other one sees it.
    (ahead, pose), (aside, other) = cameras[0], cameras[1]
    rows, columns = np.nonzero(frames[0].depth > 0)
    z = frames[0].depth[rows, columns].astype(np.float64)
    x, y = ((columns - ahead.K[0, 2]) / ahead.K[0, 0]) * z, ((rows - ahead.K[1, 2]) / ahead.K[1, 1]) * z
    points = np.linalg.inv(other) @ pose @ np.stack([x, y, z, np.ones_like(z)])
    u, v, _ = np.round(aside.K @ (points[:3] / np.maximum(points[2], 1e-3))).astype(int)
    inside = (points[2] > 0.5) & (u >= 0) & (u < size[1]) & (v >= 0) & (v < size[0])
    assert inside.sum() > 20
    ratio = frames[1].depth[v[inside], u[inside]] / points[2][inside]
    assert abs(np.median(ratio) - 1) < 0.1


def test_rendered_moments_are_kept_and_come_last(rig, tmp_path):
    recipe = replace(
        rig_recipe(), rendered=Rendered(2, 5), stages=(Stage(1, 32, 64, 1, rendered=1, objective="metric"),)
    )
    bank = MomentBank(replace(recipe, sources=(Source("six"),)), _six(rig, tmp_path), tmp_path)
    assert bank.rendered == (1, 2)
    assert bank.names[2][1] == "rendered-5/1/front-right"
    first = bank.read(2, (32, 64))
    kept = list(tmp_path.rglob("1.npz"))
    assert len(kept) == 1
    again = MomentBank(replace(recipe, sources=(Source("six"),)), _six(rig, tmp_path), tmp_path).read(2, (32, 64))
    assert all(torch.equal(getattr(first, name), getattr(again, name)) for name in ("images", "depths", "weights"))
    assert float(first.depths.max()) == 200  # the sky
    with pytest.raises(InputError, match=r"numbers of cameras: 3, 6"):
        MomentBank(recipe, rig, tmp_path)


def _six(rig, folder):
    """A data folder whose rig has its three cameras twice, one a little aside of the other."""
    root = folder / "six" / "00"
    if not root.exists():
        root.mkdir(parents=True)
        for file in (rig / "rig" / "00").iterdir():
            for prefix in ("a-", "b-"):
                (root / f"{prefix}{file.name}").write_bytes(file.read_bytes())
    return folder


def test_a_part_of_a_moment_is_not_held_out(rig):
    recipe = replace(rig_recipe(), sources=(Source("rig", hold_out=("02/left",)),))
    with pytest.raises(UsageError, match=r"a part of a moment[\s\S]*02/front"):
        MomentBank(recipe, rig, None)
    unknown = replace(rig_recipe(), sources=(Source("rig", hold_out=("03",)),))
    with pytest.raises(UsageError, match="Unknown: 03"):
        MomentBank(unknown, rig, None)


def test_frames_of_one_camera_are_no_rig(data):
    with pytest.raises(InputError, match="no moments of a rig"):
        MomentBank(replace(rig_recipe(), sources=(Source("street"),)), data, None)


def test_everything_held_out(rig):
    recipe = replace(rig_recipe(), sources=(Source("rig", hold_out=MOMENTS),))
    with pytest.raises(InputError, match="no moment to train on"):
        MomentBank(recipe, rig, None)
