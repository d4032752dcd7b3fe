"""Logarithmic axes with a few round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable

from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

MOST_TICKS, FEWEST_TICKS = 9, 3
NARROWEST = 0.4
"""Powers of ten that a logarithmic axis spans at least."""
# Numbers that ticks may have within each power of ten, from many to few.
_STEPS = ((1, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,))


def logarithmic(axis: Axis, values: Iterable[float], margin: float = 0.08) -> None:
    """Make an axis logarithmic with a few round ticks, whether it spans a tenth or six powers of ten.

    Args:
        axis: of the plot.
        values: positive, all that the axis has to hold.
        margin: share of the axis left free at both ends.
    """
    low, high = min(values := list(values)), max(values)
    span = math.log10(high / low)
    room = max(span * margin / (1 - 2 * margin) + 0.02, (NARROWEST - span) / 2)
    low, high = low / 10**room, high * 10**room
    axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low, high)})  # type: ignore[attr-defined]
    axis.set_major_locator(FixedLocator(round_ticks(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def round_ticks(low: float, high: float) -> list[float]:
    """Some round numbers between two positive ones."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in _STEPS:
        ticks = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
        if FEWEST_TICKS <= len(ticks) <= MOST_TICKS:
            return ticks
    if high / low < 10:
        return [tick for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
    return [10.0**power for power in powers if low <= 10.0**power <= high][:: max(1, len(powers) // MOST_TICKS)]
