"""Arithmetic with the same bits on every machine: no libm, only operations that IEEE 754 rounds exactly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Dice:
    """A seeded stream of choices, from the raw uniform numbers of PCG64, which are the same everywhere."""

    def __init__(self, *seed: int) -> None:
        self._rng = np.random.Generator(np.random.PCG64(list(seed)))

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * float(self._rng.random())

    def chance(self, probability: float) -> bool:
        """Return true with the given probability."""
        return float(self._rng.random()) < probability

    def pick(self, options: tuple[Any, ...]) -> Any:
        """One of the options, all equally likely."""
        return options[int(float(self._rng.random()) * len(options))]

    def seed(self) -> int:
        """Return a small whole number to tell two textures apart."""
        return int(float(self._rng.random()) * 4096)


def sine(x: float) -> float:
    """sin(x) within 1e-9, from additions and multiplications alone."""
    x = x - 2 * math.pi * math.floor(x / (2 * math.pi) + 0.5)
    total, term = 0.0, x
    for n in range(1, 26, 2):
        total += term
        term *= -x * x / ((n + 1) * (n + 2))
    return total


def cosine(x: float) -> float:
    """cos(x) within 1e-9, from additions and multiplications alone."""
    return sine(x + math.pi / 2)


def wave(x: Array) -> Array:
    """Return a wave of period 4 and amplitude 1 made of parabolas: its curvature is constant in pieces."""
    phase = x - 4 * np.floor(x / 4)
    arch = np.where(phase < 2, phase, phase - 2)
    arch = arch * (2 - arch)
    return np.asarray(np.where(phase < 2, arch, -arch))


def wave_slope(x: Array) -> Array:
    """Return the derivative of `wave`."""
    phase = x - 4 * np.floor(x / 4)
    return np.asarray(np.where(phase < 2, 2 - 2 * phase, 2 * phase - 6))


def smooth(x: Array) -> Array:
    """0 below 0, 1 above 1, and a smooth step between."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)


def mix(a: Array, b: Array, weight: Array) -> Array:
    """Return `a` where the weight is 0, `b` where it is 1."""
    return a + (b - a) * weight


def vanish(x: Array) -> Array:
    """Return about exp(-x) for x >= 0, by a rational function, because exp differs between machines."""
    return 1 / (1 + x * (1 + x * (0.5 + x * (1 / 6))))
