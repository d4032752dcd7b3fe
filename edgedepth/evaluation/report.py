"""Evaluation results as a table for people and as one object for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rich.table import Table

from edgedepth.evaluation.protocol import EvaluationReport

_HEADINGS = {
    "abs_rel": "AbsRel",
    "sq_rel": "SqRel",
    "rmse": "RMSE",
    "rmse_log": "RMSElog",
    "delta1": "d<1.25",
    "delta2": "d<1.25^2",
    "delta3": "d<1.25^3",
}


def as_table(reports: Sequence[EvaluationReport]) -> Table:
    """One row per report; all of them on the same dataset and protocol.

    Raises:
        ValueError: no reports.
    """
    if not reports:
        raise ValueError("a table needs at least one report")
    first = reports[0]
    rule = first.protocol
    table = Table(
        title=f"{first.dataset}, {len(first.frames)} frames",
        caption=f"alignment {rule.alignment}, {rule.min_depth:g} to {rule.max_depth:g} m, no crop",
    )
    table.add_column("")
    for heading in _HEADINGS.values():
        table.add_column(heading, justify="right")
    for report in reports:
        figures = report.mean.as_dict()
        table.add_row(report.predictor, *(f"{figures[name]:.3f}" for name in _HEADINGS))
    return table


def as_object(reports: Sequence[EvaluationReport]) -> dict[str, object]:
    """Plain data for ``--json``: every report with its mean, its frames and its protocol."""
    return {
        "reports": [
            {
                "predictor": report.predictor,
                "dataset": report.dataset,
                "protocol": dataclasses.asdict(report.protocol),
                "mean": report.mean.as_dict(),
                "frames": {name: metrics.as_dict() for name, metrics in report.frames.items()},
            }
            for report in reports
        ]
    }
