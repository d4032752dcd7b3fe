"""A picture sheet: some frames, each with its ground truth and every model's depth and error, and legends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgedepth.errors import UsageError, nearest
from edgedepth.evaluation import panels
from edgedepth.evaluation.comparison import Comparison, compare
from edgedepth.evaluation.datasets.base import DepthDataset
from edgedepth.evaluation.page import FAINT, Page
from edgedepth.evaluation.predictor import Predictor
from edgedepth.evaluation.protocol import EvaluationReport
from edgedepth.evaluation.report import counted
from edgedepth.runtime.colour import colour_table
from edgedepth.runtime.preprocess import resize
from edgedepth.runtime.writing import png_bytes, require_writable, write_whole

COLUMNS, PANEL_WIDTH, TALLEST_PANEL = 4, 520, 520
MARGIN, GAP, LINE, HEAD = 28, 12, 26, 84
# Numbers that ticks may have within each power of ten, from many to few, and their least distance on the bar.
TICKS = ((1, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1,))
LEAST_DISTANCE = 0.1

# A column, and its panel with the words at the left and at the right above it.
_Placed = tuple[int, tuple[NDArray[np.uint8], str, str]]


@dataclass(frozen=True)
class _Row:
    """One frame of the sheet: its note, and one comparison per model."""

    name: str
    note: str
    frames: tuple[Comparison, ...]

    @property
    def panel_size(self) -> tuple[int, int]:
        height, width = self.frames[0].sample.depth.shape
        shrink = min(PANEL_WIDTH / width, TALLEST_PANEL / height)
        return max(round(height * shrink), 1), max(round(width * shrink), 1)


def chosen_frames(sheet: Path | None, names: str | None, dataset: DepthDataset) -> tuple[str, ...]:
    """Check what was asked of a sheet before anything is measured.

    Args:
        sheet: where it goes; None is no sheet.
        names: frames, separated by commas; None leaves the choice to `write_sheet`.
        dataset: that has the frames.

    Raises:
        UsageError: not a .png, frames without a sheet, or frames that the dataset does not have.
        OutputError: a place that cannot be written.
    """
    if sheet is None:
        if names is not None:
            raise UsageError("--frames has no effect without --sheet.", "", "Add --sheet FILE.png, or leave it out.")
        return ()
    if sheet.suffix.lower() != ".png":
        raise UsageError(
            f"A sheet cannot be written to {sheet.name}.",
            "It is a .png.",
            f"For example --sheet {sheet.with_suffix('.png')}",
        )
    require_writable(sheet)
    chosen = tuple(names.split(",")) if names else ()
    for name in chosen:
        if name not in dataset.names:
            raise UsageError(
                f"{dataset.title} has no frame {name!r}.",
                f"Its {len(dataset.names)} frames run from {dataset.names[0]} to {dataset.names[-1]}.",
                nearest(name, dataset.names).capitalize(),
            )
    return chosen


def notable_frames(report: EvaluationReport, moments: Sequence[Sequence[str]] = ()) -> dict[str, str]:
    """The worst, the median and the best frame by AbsRel, each with that note; fewer where there are fewer.

    Of a rig it is all cameras of the moment with the worst mean, in ring order.
    """
    if moments:
        errors = [np.mean([report.frames[name].abs_rel for name in moment]) for moment in moments]
        return dict.fromkeys(moments[int(np.argmax(errors))], "worst moment" if len(moments) > 1 else "")
    if len(report.results) == 1:
        return {report.results[0].name: ""}
    order = sorted(report.results, key=lambda result: (-result.metrics.abs_rel, result.name))
    picked: dict[str, str] = {}
    for index, note in ((0, "worst"), (len(order) - 1, "best"), (len(order) // 2, "median")):
        picked.setdefault(order[index].name, note)
    return {result.name: picked[result.name] for result in order if result.name in picked}


def write_sheet(
    path: Path,
    predictors: Sequence[Predictor],
    dataset: DepthDataset,
    reports: Sequence[EvaluationReport],
    names: Sequence[str] = (),
) -> None:
    """Draw frames of an evaluation and write them as a PNG, whole or not at all.

    Args:
        path: the .png; replaced if it exists.
        predictors: what was measured.
        dataset: where the frames come from.
        reports: of each predictor, in the same order.
        names: the frames; empty takes those of `notable_frames` of the first report.

    Raises:
        OutputError: it cannot be written.
    """
    chosen = dict.fromkeys(names, "") or notable_frames(reports[0], dataset.moments)
    protocol = reports[0].protocol
    rows = []
    for name, note in chosen.items():
        sample = dataset.read(name)
        rows.append(_Row(name, note, tuple(compare(predictor, sample, protocol) for predictor in predictors)))
    write_whole(path, png_bytes(np.asarray(_drawn(rows, reports))))


def _drawn(rows: Sequence[_Row], reports: Sequence[EvaluationReport]) -> Image.Image:
    first, limits = reports[0], _depth_limits(rows)
    width = 2 * MARGIN + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * GAP
    height = MARGIN + HEAD + sum(len(reports) * (LINE + GAP + row.panel_size[0]) + GAP for row in rows) + MARGIN
    page = Page((width, height))
    page.text((MARGIN, MARGIN), f"{first.dataset}, {counted(len(first.results))}", 26)
    page.text((MARGIN, MARGIN + 42), f"protocol {first.protocol.name}: {first.protocol.statement()}", 17, FAINT)
    _draw_legends(page, limits)
    top = MARGIN + HEAD
    for row in rows:
        for frame, report in zip(row.frames, reports, strict=True):
            beside = _picture_and_truth(row, limits) if report is first else _change(row, frame)
            for column, (panel, title, note) in beside + _depth_and_error(row, frame, report, limits):
                page.caption((_left(column), top), row.panel_size[1], title, note)
                page.image.paste(Image.fromarray(panel), (_left(column), top + LINE))
            top += LINE + GAP + row.panel_size[0]
        top += GAP
    return page.image


def _picture_and_truth(row: _Row, limits: panels.Limits) -> list[_Placed]:
    sample, mask = row.frames[0].sample, row.frames[0].mask
    truth = panels.truth_panel(sample.image, sample.depth, mask, limits, row.panel_size)
    return [
        (0, (panels.veiled(resize(sample.image, row.panel_size), sample.seen, keep=0.3), row.name, row.note)),
        (1, (truth, "ground truth", f"{int(mask.sum()):,} pixels")),
    ]


def _change(row: _Row, frame: Comparison) -> list[_Placed]:
    """How another model's depth differs from the first one's, in place of the ground truth that stands above."""
    reference = row.frames[0].depth
    seen = frame.sample.seen
    panel = panels.veiled(panels.change_panel(frame.depth, reference, row.panel_size), seen)
    change = np.abs(frame.depth / reference - 1)
    mean = float(np.mean(change if seen is None else change[seen]))
    return [(1, (panel, f"change to the first, colours to {panels.WORST_CHANGE:.0%}", f"mean {mean:.2%}"))]


def _depth_and_error(row: _Row, frame: Comparison, report: EvaluationReport, limits: panels.Limits) -> list[_Placed]:
    sample, metrics = frame.sample, report.frames[row.name]
    scale = "" if frame.scale is None else f"1 unit = {frame.scale:.2f} m"
    depth = panels.veiled(panels.depth_panel(frame.depth, limits, row.panel_size), sample.seen)
    error = panels.error_panel(sample.image, frame.depth, sample.depth, frame.mask, row.panel_size)
    figures = f"AbsRel {metrics.abs_rel:.3f}   d<1.25 {metrics.delta1:.3f}"
    if sample.camera:
        figures += f"   camera's mean {report.camera_means[sample.camera].abs_rel:.3f}"
    return [(2, (depth, report.predictor, scale)), (3, (error, "error", figures))]


def _draw_legends(page: Page, limits: panels.Limits) -> None:
    depths = depth_ticks(limits)
    page.bar((_left(2), MARGIN + 10), PANEL_WIDTH, colour_table(), ("far", "near"), depths)
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    errors = [(share, f"{(2 * share - 1) * panels.WORST_ERROR:+.0%}" if share != 0.5 else "0") for share in shares]
    page.bar((_left(3), MARGIN + 10), PANEL_WIDTH, panels.error_table(), ("too near", "too far"), errors)


def depth_ticks(limits: panels.Limits) -> list[tuple[float, str]]:
    """Round depths within the limits, with their places on a bar from far to near that is even in the logarithm."""
    near, far = limits
    decades = range(math.floor(math.log10(near)), math.ceil(math.log10(far)) + 1)
    places: list[tuple[float, str]] = []
    for numbers in TICKS:
        depths = [number * 10.0**power for power in decades for number in numbers]
        places = [(math.log(far / d) / math.log(far / near), f"{d:g} m") for d in depths if near <= d <= far]
        if all(first - second >= LEAST_DISTANCE for (first, _), (second, _) in pairwise(places)):
            break
    return places


def _left(column: int) -> int:
    return MARGIN + column * (PANEL_WIDTH + GAP)


def _depth_limits(rows: Sequence[_Row]) -> panels.Limits:
    """Nearest and farthest depth of all frames shown, without the outermost hundredth."""
    near, far = np.percentile(np.concatenate([row.frames[0].truth for row in rows]), (1, 99))
    return float(near), float(max(far, near * 1.01))
