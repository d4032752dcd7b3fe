"""Which plots a page has, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence

from edgedepth.bench.page.accuracy import Accuracy
from edgedepth.bench.page.bars import latency_plot, memory_plot, phases_plot
from edgedepth.bench.page.naming import together
from edgedepth.bench.page.published_plot import published_plot
from edgedepth.bench.page.scatter import accuracy_plots, gmacs_plot
from edgedepth.bench.page.theme import Plot
from edgedepth.bench.page.traces import sustained_plot, trace_plot
from edgedepth.bench.rows import by_device
from edgedepth.bench.schema import Record

PUBLISHED = "published"


def plots_of(records: Sequence[Record], accuracy: Sequence[Accuracy]) -> list[Plot]:
    """Those of each device, then the published figures'; a plot that would be empty is not there."""
    groups = by_device(records)
    plots = [plot for number, own in enumerate(groups, 1) for plot in _of_device(own, accuracy, prefix(number, groups))]
    return [*plots, published_plot(PUBLISHED)]


def prefix(number: int, groups: Sequence[object]) -> str:
    """What names of a device's plots begin with: nothing where there is one device."""
    return "" if len(groups) == 1 else f"device{number}-"


def _of_device(records: Sequence[Record], accuracy: Sequence[Accuracy], start: str) -> list[Plot]:
    records = together(records)
    plots = [
        latency_plot(records, f"{start}latency"),
        trace_plot(records, f"{start}runs"),
        sustained_plot(records, f"{start}sustained"),
        gmacs_plot(records, f"{start}gmacs"),
        *accuracy_plots(records, accuracy, f"{start}accuracy"),
        phases_plot(records, f"{start}phases"),
        memory_plot(records, f"{start}memory"),
    ]
    return [plot for plot in plots if plot is not None]
