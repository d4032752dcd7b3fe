"""What each step uses, as pure functions of the step: learning rate, frames and random numbers.

Nothing here has state, so a run that was stopped goes on exactly as if it had not been.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from edgedepth.training.recipe import Optimisation, Recipe

_ORDER, _CHANGES = 1, 2  # streams of random numbers that must not meet


def learning_rate(step: int, steps: int, settings: Optimisation) -> float:
    """Linear warm-up to the peak, then half a cosine down to `final_fraction` of it."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(steps - settings.warmup, 1)
    share = settings.final_fraction + (1 - settings.final_fraction) * 0.5 * (1 + math.cos(math.pi * progress))
    return settings.learning_rate * share


def ema_decay(step: int, decay: float) -> float:
    """The moving average's decay, shorter at first so that it forgets the initial weights."""
    return min(decay, (1 + step) / (10 + step))


def frames_at(step: int, recipe: Recipe, order: tuple[int, ...]) -> list[int]:
    """Frame indices of a step's batch: passes over `order`, each shuffled by the seed and its number."""
    start = _frames_before(step, recipe)
    positions = range(start, start + recipe.stage_at(step).batch)
    return [order[_shuffled(recipe.seed, p // len(order), len(order))[p % len(order)]] for p in positions]


def changes_at(step: int, recipe: Recipe) -> np.random.Generator:
    """The random numbers of a step's augmentation."""
    return np.random.default_rng((recipe.seed, _CHANGES, step))


def _frames_before(step: int, recipe: Recipe) -> int:
    before = 0
    for stage in recipe.stages:
        taken = min(step, stage.steps)
        before += taken * stage.batch
        step -= taken
    return before


@lru_cache(maxsize=4)
def _shuffled(seed: int, number: int, length: int) -> tuple[int, ...]:
    return tuple(int(i) for i in np.random.default_rng((seed, _ORDER, number)).permutation(length))
