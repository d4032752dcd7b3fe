"""Clips: which frames explain which, and that all of a clip's pictures change alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedepth.errors import InputError, UsageError
from edgedepth.training.clip_batch import ROLES, change, gather
from edgedepth.training.clips import load_clips, nearest
from edgedepth.training.recipe import Augmentation, Source, Stage
from edgedepth.training.selfsupervised.geometry import stereo_pose, warp
from edgedepth.training.selfsupervised.photometric import photometric_error

SIZE = (64, 192)
STILL = Augmentation(flip=0, colour=0, grey=0, blur=0, noise=0)


def loaded(recipe, data, **changes):
    return load_clips(replace(recipe, sources=(replace(recipe.sources[0], **changes),)), data)


def test_a_sequence_with_both_eyes(stages, drive):
    bank = load_clips(stages, drive)
    assert bank.images.shape == (12, 3, *SIZE)
    clips = {clip.name: clip for clip in bank.clips}
    # Frame 5 is held out, so 4 must not show it; 0 and 5 lack a neighbour and keep the other eye.
    assert sorted(clips) == ["0", "1", "2", "3", "5"]
    assert [bank.clips[i].name for i in bank.order] == ["0", "1", "2", "3"]
    assert [bank.clips[i].name for i in bank.held_out] == ["5"]
    assert (clips["0"].previous, clips["0"].following) == (None, None)
    assert (clips["2"].previous, clips["2"].target, clips["2"].following, clips["2"].eye) == (2, 4, 6, 5)
    assert clips["2"].baseline == 0.5
    assert len(bank.depths) == 0
    assert bank.moving[clips["5"].target].shape == SIZE


def test_a_monocular_sequence_leaves_out_its_ends(stages, drive):
    bank = loaded(stages, drive, stereo=False, hold_out=(), repeat=2)
    assert [bank.clips[i].name for i in bank.order] == ["1", "1", "2", "2", "3", "3", "4", "4"]
    assert all(clip.eye is None and clip.baseline == 0 for clip in bank.clips)
    wide = loaded(stages, drive, stereo=False, hold_out=(), step=2)
    assert [clip.name for clip in wide.clips] == ["2", "3"]


def test_right_views_look_the_other_way(stages, drive):
    bank = loaded(stages, drive, step=0, right_view=True, hold_out=())
    left, right = bank.clips[:2]
    assert (left.target, left.eye) == (right.eye, right.target)
    assert (left.baseline, right.baseline) == (0.5, -0.5)


def test_targets_are_kept_where_supervision_is_mixed_in(stages, drive):
    mixed = replace(stages, stages=(Stage(1, *SIZE, 2, objective="photometric", supervised=0.5),))
    bank = load_clips(mixed, drive)
    truth = np.load(drive / "drive" / "depth" / "0.npy")
    sky = truth == 0
    np.testing.assert_array_equal(bank.depths[0, 0].numpy()[~sky], np.minimum(truth, 80)[~sky])
    assert float(bank.depths[0, 0][torch.from_numpy(sky)].min()) == 80  # dense truth: nothing within reach


def test_pictures_of_other_sizes_are_resized_with_their_camera(stages, drive):
    half = replace(stages, stages=(Stage(1, 32, 96, 2, objective="photometric"),))
    whole, small = load_clips(stages, drive), load_clips(half, drive)
    assert small.images.shape[2:] == (32, 96)
    K, k = whole.cameras[0], small.cameras[0]
    assert float(k[0, 0]) == pytest.approx(float(K[0, 0]) / 2)
    assert float(k[0, 2]) == pytest.approx((float(K[0, 2]) + 0.5) / 2 - 0.5)


def test_the_nearest_pixel():
    values = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(nearest(values, (2, 2)), values[1::2, 1::2])
    np.testing.assert_array_equal(nearest(values, (8, 8)), values.repeat(2, 0).repeat(2, 1))


def test_a_batch_holds_the_clips_pictures(stages, drive):
    bank = load_clips(stages, drive)
    batch = gather(bank, [0, 2], SIZE, metres_per_unit=5.0)
    assert batch.timed.tolist() == [False, True]
    assert batch.paired.tolist() == [True, True]
    assert batch.baseline.tolist() == pytest.approx([0.1, 0.1])
    for role, index in zip(ROLES, (4, 2, 6, 5), strict=True):
        torch.testing.assert_close(batch.frames[role][1], bank.images[index] / 255.0)
    torch.testing.assert_close(batch.frames["previous"][0], batch.frames["target"][0])  # the target stands in
    smaller = gather(bank, [2], (32, 96), metres_per_unit=5.0)
    assert smaller.frames["eye"].shape == (1, 3, 32, 96)


@pytest.mark.parametrize("flip", [0, 1])
@pytest.mark.parametrize("right_view", [False, True])
def test_mirroring_keeps_pictures_depth_camera_and_baseline_together(stages, drive, flip, right_view):
    """With exact depth the other eye explains the target, mirrored or not, from either side."""
    mixed = replace(stages, stages=(Stage(1, *SIZE, 2, objective="photometric", supervised=1.0),))
    bank = loaded(mixed, drive, step=0, right_view=right_view, hold_out=())
    chosen = [index for index, clip in enumerate(bank.clips) if (clip.baseline < 0) == right_view]
    batch = change(gather(bank, chosen, SIZE, 5.0), replace(STILL, flip=flip), np.random.default_rng(0))
    depth = torch.where(batch.weights > 0, batch.depths, 16.0)
    target, eye = batch.frames["target"], batch.frames["eye"]
    warped, inside = warp(eye, depth, batch.K, stereo_pose(batch.baseline))
    seen = inside & (batch.weights > 0)
    found = float(photometric_error(warped, target)[seen].mean())
    assert found < 0.5 * float(photometric_error(eye, target)[seen].mean())
    wrong, _ = warp(eye, depth, batch.K, stereo_pose(-batch.baseline))
    assert found < 0.5 * float(photometric_error(wrong, target)[seen].mean())


def test_colours_change_alike_and_the_losses_see_the_true_ones(stages, drive):
    bank = loaded(stages, drive, hold_out=())
    plain = gather(bank, [1, 2, 3], SIZE, 5.0)
    same = dict.fromkeys(ROLES, plain.frames["target"])
    batch = change(replace(plain, frames=same, seen=same), Augmentation(flip=0), np.random.default_rng(1))
    for role in ROLES:
        torch.testing.assert_close(batch.frames[role], plain.frames["target"])
        torch.testing.assert_close(batch.seen[role], batch.seen["target"])
    assert float((batch.seen["target"] - batch.frames["target"]).abs().mean()) > 0.01
    assert 0 <= float(batch.seen["eye"].min()) <= float(batch.seen["eye"].max()) <= 1


def test_a_generator_decides_everything(stages, drive):
    bank = load_clips(stages, drive)
    plain = gather(bank, [1, 2], SIZE, 5.0)
    first, again, other = (change(plain, Augmentation(), np.random.default_rng(s)) for s in (1, 1, 2))
    assert all(torch.equal(first.seen[role], again.seen[role]) for role in ROLES)
    assert not torch.equal(first.seen["target"], other.seen["target"])


def test_pairs_must_exist(stages, data):
    for path in (data / "street" / "right").iterdir():
        path.unlink()
    (data / "street" / "right").rmdir()
    with pytest.raises(UsageError, match="no right view"):
        load_clips(replace(stages, sources=(Source("street", stereo=True),)), data)


def test_unrelated_frames_are_no_sequence(stages, data):
    with pytest.raises(InputError, match="no frame with another view"):
        load_clips(replace(stages, sources=(Source("street", step=1),)), data)


def test_intrinsics_must_match(stages, data):
    np.save(data / "street" / "K.npy", np.array([[721.5, 0, 609.6], [0, 721.5, 172.9], [0, 0, 1]]))
    with pytest.raises(InputError, match=r"do not match[\s\S]*96x64: the principal point \(609\.6"):
        load_clips(replace(stages, sources=(Source("street", stereo=True),)), data)


def test_depth_that_is_not_a_number_is_refused(stages, data):
    np.savez(data / "street" / "lidar_depth" / "01.npz", depth=np.full((64, 96), np.nan))
    with pytest.raises(InputError, match=r"01\.npz[\s\S]*6144 of 6144"):
        load_clips(replace(stages, sources=(Source("street", stereo=True),)), data)
