"""With true depth and pose, one view of a street is made from another: rendered exactly, and photographed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from edgedepth.scenes import Camera, Scene
from edgedepth.training.selfsupervised.geometry import flipped_intrinsics, resized_intrinsics, stereo_pose, warp
from edgedepth.training.selfsupervised.photometric import photometric_error

STEREO = Path(__file__).parents[3] / "shared" / "data" / "video" / "kitti2015_stereo_640x192"
CAMERA = Camera.kitti_like(96, 320)
BASELINE = 0.54
FAR = 1000.0


def as_picture(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def errors(target, source, depth, K, pose, known):
    """Photometric error before warping, and after it with 0.8, 1 and 1.25 times the depth; a mean and a median."""
    _, inside = warp(source, depth, K, pose)
    seen = inside & known
    found = [photometric_error(source, target)]
    found += [photometric_error(warp(source, factor * depth, K, pose)[0], target) for factor in (0.8, 1.0, 1.25)]
    return [float(e[seen].mean()) for e in found], [float(e[seen].median()) for e in found]


def rendered(seed, move):
    """Two frames of a street that stands still; `move` makes the second pose from the first."""
    scene = Scene.street(seed)
    pose = scene.pose(20.0)
    first = scene.render(CAMERA, pose, supersample=2)
    second = scene.render(CAMERA, move(scene, pose), supersample=2)
    relative = torch.from_numpy(np.linalg.inv(second.pose) @ first.pose)[None].float()
    depth = torch.from_numpy(first.depth)[None, None]
    known = depth > 0
    K = torch.from_numpy(CAMERA.K.copy())[None].float()
    depth = torch.where(known, depth, torch.full_like(depth, FAR))
    return as_picture(first.image), as_picture(second.image), depth, K, relative, known


def to_the_right(scene, pose):
    shift = np.eye(4)
    shift[0, 3] = BASELINE
    return pose @ shift


def down_the_road(scene, pose):
    return scene.pose(20.9, 0.1)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("move", [to_the_right, down_the_road])
def test_a_rendered_view_is_made_from_another(seed, move):
    target, source, depth, K, pose, known = rendered(seed, move)
    if move is to_the_right:
        torch.testing.assert_close(pose, stereo_pose(torch.tensor([BASELINE])))
    (before, near, true, far), medians = errors(target, source, depth, K, pose, known)
    # What remains on average is what the other view does not see.
    assert true < 0.35 * before
    assert medians[2] < 0.1 * medians[0]
    assert true < 0.6 * min(near, far)


def test_the_wrong_direction_makes_it_worse():
    target, source, depth, K, pose, known = rendered(0, to_the_right)
    right, wrong = (errors(target, source, depth, K, p, known)[0][2] for p in (pose, torch.linalg.inv(pose)))
    assert right < 0.35 * wrong


def test_a_resized_picture_and_its_intrinsics_fit_the_same_depth():
    """Half the size, by averaging 2 x 2 pixels."""
    target, source, depth, K, pose, known = rendered(1, down_the_road)
    size = tuple(depth.shape[2:])
    half = (size[0] // 2, size[1] // 2)
    target, source = (torch.nn.functional.avg_pool2d(x, 2) for x in (target, source))
    depth = 1 / torch.nn.functional.avg_pool2d(1 / depth, 2)
    known = torch.nn.functional.max_pool2d((~known).float(), 2) == 0
    before, _, true, _ = errors(target, source, depth, resized_intrinsics(K, size, half), pose, known)[0]
    assert true < 0.35 * before
    # The principal point matters on the way down the road, as it does not for a stereo pair.
    shifted = resized_intrinsics(K, size, half)
    shifted[:, :2, 2] += 4
    assert true < errors(target, source, depth, shifted, pose, known)[0][2]


@pytest.mark.parametrize("name", ["000002", "000042"])
def test_a_real_stereo_pair_agrees_with_its_teacher_s_depth(name):
    if not STEREO.is_dir():
        pytest.skip("the KITTI stereo frames do not lie beside this checkout")
    target, source = (as_picture(Image.open(STEREO / side / f"{name}.jpg")) for side in ("left", "right"))
    metres = np.asarray(Image.open(STEREO / "psmnet_depth_x256" / f"{name}.png")).astype(np.float32) / 256
    depth = torch.from_numpy(metres)[None, None]
    K = torch.from_numpy(np.load(STEREO / "K.npy"))[None].float()
    baseline = torch.tensor([json.loads((STEREO / "calib.json").read_text())["baseline_m"]])
    known = (depth > 0) & (depth < 80)
    (before, near, true, far), medians = errors(target, source, depth, K, stereo_pose(baseline), known)
    assert true < 0.6 * before
    assert medians[2] < 0.35 * medians[0]
    assert true < 0.85 * min(near, far)
    mirrored, _ = errors(
        *(x.flip(3) for x in (target, source, depth)),
        flipped_intrinsics(K, depth.shape[3]),
        stereo_pose(-baseline),
        known.flip(3),
    )
    assert mirrored == pytest.approx([before, near, true, far], rel=1e-3)
