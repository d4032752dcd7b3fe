"""Evaluation results as tables for people and as one object for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.table import Table

from edgedepth.evaluation.breakdown import Part
from edgedepth.evaluation.drift import scale_drift, scale_spread
from edgedepth.evaluation.protocol import EvaluationReport, FrameResult

_HEADINGS = {
    "abs_rel": "AbsRel",
    "sq_rel": "SqRel",
    "rmse": "RMSE",
    "rmse_log": "RMSElog",
    "delta1": "d<1.25",
    "delta2": "d<1.25^2",
    "delta3": "d<1.25^3",
}


@dataclass(frozen=True)
class Results:
    """What one command measured, all on the same dataset and protocol.

    Attributes:
        models: in the order in which they were named; the first is what the others are compared with.
        baselines: constant maps, compared with nothing.
    """

    models: tuple[EvaluationReport, ...]
    baselines: tuple[EvaluationReport, ...] = ()

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("results need at least one model")


def tables(results: Results, *, per_frame: bool = False) -> list[Table]:
    """Everything that a person asked to see.

    Args:
        results: what was measured.
        per_frame: also one table per model with a row per frame.
    """
    found = [_metrics_table(results), _parts_table(results)]
    if results.models[0].cameras:
        found.append(_cameras_table(results))
    if any(report.edges or report.jumps is not None for report in results.models):
        found.append(_edges_table(results))
    if len(results.models) > 1 and all(report.scales for report in results.models):
        found.append(_scale_table(results))
    return found + ([_frames_table(report) for report in results.models] if per_frame else [])


def _metrics_table(results: Results) -> Table:
    """One row per predictor; below each model but the first, the differences to the first."""
    first = results.models[0]
    table = _table(f"{first.dataset}, {counted(len(first.results))}", *_HEADINGS.values())
    table.caption = f"protocol {first.protocol.name}: {first.protocol.statement()}; mean over frames"
    for report in results.models:
        figures = report.mean.as_dict()
        table.add_row(report.predictor, *(f"{figures[name]:.3f}" for name in _HEADINGS))
        if report is not first:
            changes = difference(report, first)
            table.add_row("  difference", *(_signed(changes[name]) for name in _HEADINGS), style="dim")
    for report in results.baselines:
        figures = report.mean.as_dict()
        table.add_row(report.predictor, *(f"{figures[name]:.3f}" for name in _HEADINGS))
    return table


def _signed(value: float) -> str:
    return f"{round(value, 4) + 0.0:+.4f}"  # a sum with 0.0 has no negative zero


def counted(frames: int) -> str:
    """``1 frame``, ``8 frames``."""
    return f"{frames} frame{'' if frames == 1 else 's'}"


def difference(report: EvaluationReport, reference: EvaluationReport) -> dict[str, float]:
    """Each mean metric of a report minus the reference's."""
    ours, theirs = report.mean.as_dict(), reference.mean.as_dict()
    return {name: ours[name] - theirs[name] for name in ours}


def _parts_table(results: Results) -> Table:
    held = results.models[0].parts
    table = _table("AbsRel of parts", *held)
    table.caption = "over all pixels of all frames, aligned as whole frames"
    table.add_row("pixels", *(f"{part.pixels:,}" for part in held.values()), style="dim")
    for report in (*results.models, *results.baselines):
        table.add_row(report.predictor, *(f"{part.metrics.abs_rel:.3f}" for part in report.parts.values()))
    return table


def _cameras_table(results: Results) -> Table:
    held = results.models[0].cameras
    table = _table("AbsRel of cameras", *held)
    table.caption = "mean over each camera's frames; cameras clockwise from the one that looks forward"
    table.add_row("frames", *(f"{len(frames)}" for frames in held.values()), style="dim")
    for report in (*results.models, *results.baselines):
        table.add_row(report.predictor, *(f"{mean.abs_rel:.3f}" for mean in report.camera_means.values()))
    return table


def _edges_table(results: Results) -> Table:
    if not any(report.edges for report in results.models):
        table = _table("Borders", "share of jumps")
        table.caption = "between measured pixels that are near each other; ground truth is sparse"
        for report in results.models:
            if report.jumps is not None:
                table.add_row(report.predictor, f"{report.jumps:.3f}")
        return table
    table = _table("Borders", "boundary F1", "soft edge error")
    for report in results.models:
        if report.edges:
            table.add_row(report.predictor, f"{report.edges.f1:.3f}", f"{report.edges.soft_error:.3f}")
    return table


def _scale_table(results: Results) -> Table:
    first = results.models[0]
    table = _table("Scale", "metres per unit", "spread", "to first", "spread", "largest")
    table.caption = "metres per unit: median over frames; spread: standard deviation of its logarithm"
    for report in results.models:
        own, drift = scale_spread(report.scales), scale_drift(first.scales, report.scales)
        to_first = (f"{drift.median:.4f}", f"{drift.spread:.4f}", f"{drift.largest:.4f}")
        table.add_row(
            report.predictor, f"{own.median:.2f}", f"{own.spread:.3f}", *(("",) * 3 if report is first else to_first)
        )
    return table


def _frames_table(report: EvaluationReport) -> Table:
    table = _table(f"{report.predictor}, frame by frame", *_HEADINGS.values(), "pixels", "metres per unit")
    for result in report.results:
        figures = result.metrics.as_dict()
        scale = "" if result.scale is None else f"{result.scale:.2f}"
        table.add_row(result.name, *(f"{figures[name]:.3f}" for name in _HEADINGS), f"{result.pixels:,}", scale)
    return table


def _table(title: str, *headings: str) -> Table:
    # Without frames and double spaces: seven metrics leave a terminal of 80 columns little room for names.
    table = Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def as_object(results: Results) -> dict[str, Any]:
    """Plain data for ``--json``: everything, frame by frame."""
    first = results.models[0]
    reports = [_report_object(report) for report in (*results.models, *results.baselines)]
    for report, written in zip(results.models[1:], reports[1:], strict=False):
        drift = scale_drift(first.scales, report.scales) if first.scales and report.scales else None
        written["to_first"] = {"difference": difference(report, first), "scale_drift": drift and asdict(drift)}
    return {"dataset": first.dataset, "protocol": asdict(first.protocol), "reports": reports}


def _report_object(report: EvaluationReport) -> dict[str, Any]:
    edges: dict[str, Any] = {"absent": _why_no_edges(report)} if report.edges is None else asdict(report.edges)
    return {
        "predictor": report.predictor,
        "facts": report.facts,
        "mean": report.mean.as_dict(),
        "parts": _parts_object(report.parts),
        "cameras": {
            name: {"frames": len(report.cameras[name]), **mean.as_dict()} for name, mean in report.camera_means.items()
        },
        "edges": edges,
        "jumps": report.jumps,
        "scale": report.scale and asdict(report.scale),
        "frames": {result.name: _frame_object(result) for result in report.results},
    }


def _why_no_edges(report: EvaluationReport) -> str:
    return "the ground truth has no border" if report.dense else "the ground truth is sparse: it shows no borders"


def _frame_object(result: FrameResult) -> dict[str, Any]:
    return {
        **result.metrics.as_dict(),
        "camera": result.camera,
        "pixels": result.pixels,
        "metres_per_unit": result.scale,
        "parts": _parts_object(result.parts),
        "edges": result.edges and asdict(result.edges),
        "jumps": result.jumps,
    }


def _parts_object(parts: dict[str, Part]) -> dict[str, Any]:
    return {name: {"pixels": part.pixels, **part.metrics.as_dict()} for name, part in parts.items()}
