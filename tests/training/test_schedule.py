"""What a step uses depends on the step alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgedepth.training.recipe import Optimisation, Stage
from edgedepth.training.schedule import (
    changes_at,
    clips_at,
    ema_decay,
    frames_at,
    learning_rate,
    passes_before,
    rate_at,
)


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


def two_spans(recipe, **optimisation):
    stages = (
        Stage(4, 32, 32, 2, objective="photometric"),
        Stage(4, 32, 64, 3, objective="photometric"),
        Stage(6, 32, 64, 3, objective="masked"),
    )
    return replace(recipe, stages=stages, optimisation=replace(recipe.optimisation, **optimisation))


def test_one_objective_has_one_course_of_the_rate(recipe):
    rates = [rate_at(step, recipe, 0) for step in range(recipe.steps)]
    assert rates == [learning_rate(step, recipe.steps, recipe.optimisation) for step in range(recipe.steps)]


def test_the_cosine_starts_anew_with_the_objective(recipe):
    spans = two_spans(recipe, warmup=0, learning_rate=1.0)
    assert [span.start for span in spans.spans] == [0, 8]
    rates = [rate_at(step, spans, 0) for step in range(spans.steps)]
    assert rates[0] == rates[8] == 1.0
    assert rates[7] < 0.1
    assert rates[13] < 0.2


def test_the_released_steps(recipe):
    stepped = two_spans(recipe, warmup=0, learning_rate=1.0, schedule="stepped")
    rates = [rate_at(step, stepped, 0) for step in range(8)]
    assert rates == [1.0] * 6 + [0.1] * 2  # 15 of 20 epochs, then a tenth
    assert [rate_at(9, stepped, passes) for passes in (0, 1, 3)] == pytest.approx([1.0, 0.8, 0.512])


def test_clips_come_in_passes_that_start_with_the_span(recipe):
    spans, order = two_spans(recipe), (0, 1, 2, 3, 4)
    first, second = spans.spans
    drawn = [clip for step in range(8) for clip in clips_at(step, spans, order)]
    assert len(drawn) == 20
    assert all(sorted(drawn[start : start + 5]) == list(order) for start in range(0, 20, 5))
    assert [passes_before(step, spans, first, 5) for step in (0, 2, 3, 4, 8)] == [0, 0, 1, 1, 4]
    assert [passes_before(step, spans, second, 5) for step in (8, 9, 10, 14)] == [0, 0, 1, 3]
    later = [clip for step in range(8, 14) for clip in clips_at(step, spans, order)]
    assert sorted(later[:5]) == list(order)
    assert later[:5] != drawn[:5]
