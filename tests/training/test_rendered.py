"""Rendered streets as training frames: exact, reproducible, mixed in as the stage says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgedepth.errors import UsageError
from edgedepth.training.frames import load_frames
from edgedepth.training.recipe import Rendered, Stage, Targets, check
from edgedepth.training.rendered import load_rendered, rendered_frames, supervise_exactly
from edgedepth.training.schedule import frames_at
from edgedepth.training.trainer import Trainer

SIZE = (64, 96)


def test_frames_are_those_of_their_seed_and_the_first_ones_of_a_larger_count():
    few = list(rendered_frames(Rendered(2, 7), *SIZE))
    more = list(rendered_frames(Rendered(3, 7), *SIZE))
    other = next(rendered_frames(Rendered(1, 8), *SIZE))
    for a, b in zip(few, more, strict=False):
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.depth, b.depth)
    assert not np.array_equal(few[0].image, other.image)


def test_kept_frames_equal_rendered_ones(tmp_path):
    told: list[str] = []
    first = load_rendered(Rendered(2, 7), SIZE, tmp_path, told.append)
    second = load_rendered(Rendered(2, 7), SIZE, tmp_path, told.append)
    assert len(told) == 2  # the second time nothing was rendered
    for a, b in zip(first, second, strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)


def test_sky_and_what_is_farther_count_as_the_skys_depth():
    depth = np.array([[0, 5, 300]], np.float16)
    target, weight = supervise_exactly(depth, Targets(sky_depth=80, sky_weight=0.25, lidar_weight=1))
    assert target.tolist() == [[80, 5, 80]]
    assert weight.tolist() == [[0.25, 1, 1]]


def test_every_batch_holds_the_stages_share_and_passes_cover_all(recipe):
    mixed = replace(recipe, rendered=Rendered(5), stages=(Stage(4, 32, 64, 3, 1), Stage(6, 32, 64, 4, 1)))
    real, made = tuple(range(6)), (10, 11, 12, 13, 14)
    batches = [frames_at(step, mixed, real, made) for step in range(mixed.steps)]
    assert all(batch[-1] in made and not set(batch[:-1]) & set(made) for batch in batches)
    assert sorted(b[-1] for b in batches[:5]) == sorted(b[-1] for b in batches[5:]) == sorted(made)
    drawn = [frame for batch in batches for frame in batch[:-1]]
    assert sorted(drawn[:6]) == sorted(drawn[6:12]) == sorted(real)


def test_a_mixed_run_trains_in_bfloat16(data, recipe, tmp_path):
    stages = (Stage(2, 32, 64, 3, 2),)
    optimisation = replace(recipe.optimisation, bfloat16=True)
    mixed = replace(recipe, rendered=Rendered(3), stages=stages, optimisation=optimisation)
    bank = load_frames(mixed, data, tmp_path)
    assert bank.rendered == tuple(range(len(bank.images) - 3, len(bank.images)))
    trainer = Trainer(mixed, data, tmp_path)
    losses = [trainer.train_step() for _ in range(2)]
    assert np.isfinite(losses).all()
    assert all(p.dtype.itemsize == 4 for p in trainer.model.parameters())


def test_more_rendered_pictures_than_a_batch_has_are_refused(recipe):
    with pytest.raises(UsageError, match=r"stages\.rendered"):
        check(replace(recipe, rendered=Rendered(5), stages=(Stage(1, 32, 64, 2, 3),)))
    with pytest.raises(UsageError, match=r"stages\.rendered"):
        check(replace(recipe, stages=(Stage(1, 32, 64, 2, 1),)))
