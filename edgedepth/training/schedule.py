"""What each step uses, as pure functions of the step: learning rate, frames and random numbers.

Nothing here has state, so a run that was stopped goes on exactly as if it had not been.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from edgedepth.training.recipe import Optimisation, Recipe, Span

# Streams of random numbers that must not meet; each span has one for its clips, from the last one on.
_ORDER, _CHANGES, _RENDERED, _CLIPS = 1, 2, 3, 4
# FlexDepth's release: 15 of 20 epochs at the full rate, then a tenth; in its second stage a factor per epoch.
_DROP_AFTER, _DROP, _DECAY = 0.75, 0.1, 0.8


def learning_rate(step: int, steps: int, settings: Optimisation) -> float:
    """Linear warm-up to the peak, then half a cosine down to `final_fraction` of it."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(steps - settings.warmup, 1)
    share = settings.final_fraction + (1 - settings.final_fraction) * 0.5 * (1 + math.cos(math.pi * progress))
    return settings.learning_rate * share


def rate_at(step: int, recipe: Recipe, passes: int) -> float:
    """The learning rate of a step.

    Args:
        step: 0 or more.
        recipe: its schedule runs over each span anew.
        passes: over the data, done in this span before the step.
    """
    settings, span = recipe.optimisation, recipe.span_at(step)
    done = step - span.start
    if settings.schedule == "cosine" or done < settings.warmup:
        return learning_rate(done, span.steps, settings)
    if span.objective == "masked":
        return settings.learning_rate * _DECAY**passes
    return settings.learning_rate * (_DROP if done >= _DROP_AFTER * span.steps else 1.0)


def ema_decay(step: int, decay: float) -> float:
    """The moving average's decay, shorter at first so that it forgets the initial weights."""
    return min(decay, (1 + step) / (10 + step))


def frames_at(step: int, recipe: Recipe, order: tuple[int, ...], rendered: tuple[int, ...] = ()) -> list[int]:
    """Frame indices of a step's batch: passes over `order`, each shuffled by the seed and its number.

    Args:
        step: 0 or more.
        recipe: how many of each kind a stage's batches hold.
        order: measured frames.
        rendered: rendered ones, which come last in a batch.
    """
    stage = recipe.stage_at(step)
    before = list(zip(_steps_before(step, recipe), recipe.stages, strict=True))
    real = sum(done * (s.batch - s.rendered) for done, s in before)
    made = sum(done * s.rendered for done, s in before)
    chosen = _passes(recipe.seed, _ORDER, order, real, stage.batch - stage.rendered)
    return chosen + _passes(recipe.seed, _RENDERED, rendered, made, stage.rendered)


def clips_at(step: int, recipe: Recipe, order: tuple[int, ...]) -> list[int]:
    """Clip indices of a step's batch: passes over `order`, counted from the start of the step's span."""
    span = recipe.span_at(step)
    start = passes_before(step, recipe, span, length=1)
    stream = _CLIPS + recipe.spans.index(span)
    return _passes(recipe.seed, stream, order, start, recipe.stage_at(step).batch)


def passes_before(step: int, recipe: Recipe, span: Span, length: int) -> int:
    """Whole passes over `length` clips that the span makes before `step`, one of its own or the one after."""
    stages = zip(_steps_before(step, recipe), _steps_before(span.start, recipe), recipe.stages, strict=True)
    return sum((done - outside) * stage.batch for done, outside, stage in stages) // length


def changes_at(step: int, recipe: Recipe) -> np.random.Generator:
    """The random numbers of a step's augmentation."""
    return np.random.default_rng((recipe.seed, _CHANGES, step))


def _steps_before(step: int, recipe: Recipe) -> list[int]:
    """How many steps of each stage come before `step`."""
    done = []
    for stage in recipe.stages:
        done.append(min(step, stage.steps))
        step -= done[-1]
    return done


def _passes(seed: int, stream: int, order: tuple[int, ...], start: int, count: int) -> list[int]:
    size = len(order)
    return [order[_shuffled(seed, stream, p // size, size)[p % size]] for p in range(start, start + count)]


@lru_cache(maxsize=4)
def _shuffled(seed: int, stream: int, number: int, length: int) -> tuple[int, ...]:
    return tuple(int(i) for i in np.random.default_rng((seed, stream, number)).permutation(length))
