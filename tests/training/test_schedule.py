"""What a step uses depends on the step alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgedepth.training.recipe import Optimisation, Stage
from edgedepth.training.schedule import changes_at, ema_decay, frames_at, learning_rate


def test_learning_rate_warms_up_and_decays():
    settings = Optimisation(learning_rate=1.0, warmup=10, final_fraction=0.1)
    rates = [learning_rate(step, 100, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert np.all(np.diff(rates[10:]) <= 0)
    assert 0.1 <= rates[-1] < 0.102


def test_every_pass_uses_every_frame_as_often_as_asked(recipe):
    order = (0, 1, 2, 2, 3)
    long = replace(recipe, stages=(Stage(5, 32, 32, 2), Stage(5, 32, 32, 3)))
    used = [frame for step in range(long.steps) for frame in frames_at(step, long, order)]
    assert len(used) == 25
    for start in range(0, 25, 5):
        assert sorted(used[start : start + 5]) == sorted(order)
    assert len({tuple(used[start : start + 5]) for start in range(0, 25, 5)}) > 1


def test_random_numbers_depend_on_seed_and_step(recipe):
    same = [changes_at(4, recipe).random() for _ in range(2)]
    assert same[0] == same[1]
    assert changes_at(5, recipe).random() != same[0]
    assert changes_at(4, replace(recipe, seed=9)).random() != same[0]


def test_the_average_forgets_its_start():
    assert ema_decay(0, 0.999) == pytest.approx(0.1)
    assert ema_decay(10**6, 0.999) == 0.999
    assert np.all(np.diff([ema_decay(step, 0.999) for step in range(1000)]) >= 0)
