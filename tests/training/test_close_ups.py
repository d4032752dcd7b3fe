"""Rendered pictures for refiners: patches are parts of the picture, and a step's changes keep both together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.errors import OutputError
from edgedepth.models.patchrefiner.nano import PUBLISHED_GRID
from edgedepth.training.recipe import Augmentation, Targets
from edgedepth.training.refiner import close_up_batch, close_ups
from edgedepth.training.refiner.close_up_batch import change, choose_parts, gather, soften
from edgedepth.training.refiner.close_ups import CloseUps, load_close_ups, street_view
from edgedepth.training.settings import PATCH

SIZE = (64, 96)
STILL = Augmentation(flip=0.0, colour=0.0, grey=0.0, blur=0.0, noise=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("close-ups")


@pytest.fixture(scope="module")
def picture(folder):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(close_ups, "PATCHES", 2)
        return load_close_ups(4, 1, SIZE, folder)


def made_up(seed):
    """A picture whose every value is random."""
    rng = np.random.default_rng(seed)
    return CloseUps(
        rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8),
        rng.uniform(0, 100, SIZE).astype(np.float16),
        rng.integers(0, 256, (2, *PATCH, 3), dtype=np.uint8),
        rng.uniform(0, 100, (2, *PATCH)).astype(np.float16),
        np.array([[0, 32], [0, 64]]),
    )


def test_patches_are_parts_of_the_large_picture(picture):
    scene, camera, pose = street_view(4, 1, SIZE)
    large = scene.render(camera.magnified(PUBLISHED_GRID), pose)
    for depth, (top, left) in zip(picture.depths, picture.places, strict=True):
        there = np.s_[top : top + PATCH[0], left : left + PATCH[1]]
        np.testing.assert_array_equal(depth, large.depth[there].astype(np.float16))
    np.testing.assert_array_equal(picture.depth, scene.render(camera, pose).depth.astype(np.float16))
    assert not (picture.places % close_ups.STEP).any()


def test_what_is_kept_is_what_was_rendered(picture, folder):
    again = load_close_ups(4, 1, SIZE, folder)
    for name, values in vars(picture).items():
        np.testing.assert_array_equal(getattr(again, name), values)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(close_ups, "PATCHES", 1)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be written"):
        load_close_ups(4, 1, SIZE, tmp_path / "file")


def test_a_part_is_cut_where_its_box_says(picture):
    size = (64, 96)
    (parts,) = choose_parts([picture], 2, size, np.random.default_rng(0))
    assert {number for number, _, _ in parts} == {0, 1}
    batch = gather([picture], [parts], size, Targets(metres_per_unit=2.0, sky_weight=0.25))
    scene, camera, pose = street_view(4, 1, SIZE)
    large = scene.render(camera.magnified(PUBLISHED_GRID), pose).depth
    for n in range(2):
        left, top, right, bottom = (batch.boxes[0, n] * torch.tensor([384, 256, 384, 256])).round().int().tolist()
        truth = large[top:bottom, left:right]
        target, weight = batch.targets[0, n, 0].numpy(), batch.weights[0, n, 0].numpy()
        np.testing.assert_allclose(target, np.where(truth > 0, np.minimum(truth, 80), 80) / 2, rtol=1e-3)
        np.testing.assert_array_equal(weight, np.where(truth > 0, 1, 0.25))


def test_parts_with_borders_are_preferred():
    flat = made_up(0)
    depths = np.full_like(flat.depths, 10)
    depths[:, 100:, :] = 20
    picture = replace(flat, depths=depths)
    (parts,) = choose_parts([picture], 200, (64, 64), np.random.default_rng(0))
    share = np.mean([top < 100 < top + 64 for _, top, _ in parts])
    assert share == pytest.approx(1 - (5 / 7) ** 2, abs=0.1)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_mirrored_pictures_have_mirrored_patches_and_boxes(seed):
    pictures = [made_up(seed), made_up(seed + 1)]
    parts = choose_parts(pictures, 3, (64, 64), np.random.default_rng(seed))
    plain = gather(pictures, parts, (64, 64), Targets())
    turned = change(plain, Augmentation(**{**vars(STILL), "flip": 1.0}), 1.0, np.random.default_rng(seed))
    assert turned.patches.shape == (2, 3, 3, 64, 64)
    torch.testing.assert_close(turned.patches.flip(-1), plain.patches, rtol=0, atol=2e-4)
    torch.testing.assert_close(turned.wholes.images.flip(-1), plain.wholes.images, rtol=0, atol=2e-4)
    for name in ("targets", "weights"):
        assert torch.equal(getattr(turned, name).flip(-1), getattr(plain, name))
    assert torch.equal(turned.wholes.depths.flip(-1), plain.wholes.depths)
    back = torch.stack([1 - turned.boxes[..., 2], turned.boxes[..., 1], 1 - turned.boxes[..., 0], turned.boxes[..., 3]])
    torch.testing.assert_close(back.movedim(0, -1), plain.boxes)


def test_softening_takes_detail_and_leaves_colours():
    patches = torch.rand(64, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    soft = soften(patches, 4.0, np.random.default_rng(0))
    changed = (soft != patches).flatten(1).any(1)
    assert 16 < int(changed.sum()) < 48
    assert float(soft[changed].var()) < float(patches.var())
    torch.testing.assert_close(soft.mean((2, 3)), patches.mean((2, 3)), rtol=0, atol=0.03)
    assert torch.equal(soften(patches, 1.0, np.random.default_rng(0))[~changed], patches[~changed])


def test_a_batch_goes_to_a_device_whole():
    plain = gather([made_up(0)], [[(0, 0, 0)]], (64, 64), Targets())
    moved = plain.to(torch.device("meta"))
    assert moved.patches.is_meta
    assert moved.wholes.depths.is_meta
    assert close_up_batch.whole_batch([made_up(0)], Targets()).images.shape == (1, 3, *SIZE)
