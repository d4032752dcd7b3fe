"""A comparison as text for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from edgedepth.bench.compare import Comparison


def comparison_table(found: Comparison) -> Table:
    """One row per configuration that both files hold a valid result of."""
    table = Table(
        title=f"Slower than {100 * found.threshold:g} % by a rank test is a regression; milliseconds",
        title_justify="left",
    )
    for heading, justify in (
        ("file", "left"),
        ("configuration", "left"),
        ("before", "right"),
        ("after", "right"),
        ("ratio", "right"),
        ("95%", "right"),
        ("p", "right"),
        ("verdict", "left"),
    ):
        table.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
    for pair in found.pairs:
        table.add_row(
            pair.label,
            pair.configuration,
            f"{pair.before_ms:.2f}",
            f"{pair.after_ms:.2f}",
            f"{pair.ratio.value:.3f}",
            f"{pair.ratio.low:.3f}-{pair.ratio.high:.3f}",
            "" if pair.chance is None else f"{pair.chance:.1g}",
            f"{pair.verdict}: {pair.note}" if pair.note else pair.verdict,
        )
    return table


def remarks(found: Comparison) -> Iterator[str]:
    """What was not compared, and why."""
    for line in found.invalid:
        yield f"Not compared: {line}."
    for name, lines in (("before", found.only_before), ("after", found.only_after)):
        for line in lines:
            yield f"Only in the results {name}: {line}."
