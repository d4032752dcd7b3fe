"""`edgedepth eval`: depth metrics of models and exported files on frames with ground truth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

MOST_DEFAULT_THREADS = 4


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="Exported folders or files, checkpoints, or names of models with shipped weights. "
            "The others are compared with the first.",
        ),
    ],
    *,
    data: Annotated[Path, typer.Option(help="A folder of frames with ground truth.")],
    protocol: Annotated[
        str,
        typer.Option(
            help="kitti2015, eigen, eigen-crop, least-squares, metric, indoor, ddad or nuscenes; "
            "options below change it."
        ),
    ] = "kitti2015",
    alignment: Annotated[str | None, typer.Option(help="none, median or least-squares.")] = None,
    crop: Annotated[str | None, typer.Option(help="none, garg or eigen.")] = None,
    min_depth: Annotated[float | None, typer.Option(help="Nearest depth that counts, metres.")] = None,
    max_depth: Annotated[float | None, typer.Option(help="Farthest depth that counts, metres.")] = None,
    metres_per_unit: Annotated[float | None, typer.Option(help="Factor on the prediction before alignment.")] = None,
    ranges: Annotated[str | None, typer.Option(help="Borders of depth ranges, such as 0,10,20,40,80.")] = None,
    file_format: Annotated[str | None, typer.Option("--format", help="Of a folder, these files: onnx, tflite.")] = None,
    precision: Annotated[str | None, typer.Option(help="Of a folder, these files: fp32, fp16 and so on.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="HxW", help="Of a folder, these files; of a PyTorch model, its input.")
    ] = None,
    tiles: Annotated[
        str | None,
        typer.Option(help="Of a folder with a refiner, also refined depth: m1, m2, r32, or several, such as m1,m2."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Training frames with depth: adds rows of constant maps.")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="Of a rig: CAMERA.png, 255 where it sees the world, 0 its own vehicle.")
    ] = None,
    per_frame: Annotated[bool, typer.Option("--per-frame", help="Also show every frame.")] = False,
    sheet: Annotated[Path | None, typer.Option(help="Also draw pictures, depth and errors into this .png.")] = None,
    frames: Annotated[
        str | None, typer.Option(help="Frames of the sheet, such as 000012,000045. Default: worst, median, best.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: all at hand, up to 4.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure depth against ground truth: PyTorch models and exported files alike, so that a drop has a place."""
    from itertools import count

    from edgedepth.bench.progress import progress_bar
    from edgedepth.cli.console import parse_size, print_json, stderr, stdout
    from edgedepth.evaluation.alignment import read_alignment
    from edgedepth.evaluation.baseline import baselines_of
    from edgedepth.evaluation.crops import read_crop
    from edgedepth.evaluation.datasets import open_dataset
    from edgedepth.evaluation.datasets.masks import MaskedRig
    from edgedepth.evaluation.named_protocols import protocol_named, read_ranges
    from edgedepth.evaluation.opening import Choice, open_predictors
    from edgedepth.evaluation.predictor import Predictor
    from edgedepth.evaluation.protocol import EvaluationReport
    from edgedepth.evaluation.protocol import evaluate as measure
    from edgedepth.evaluation.report import Results, as_object, tables
    from edgedepth.evaluation.sheet import chosen_frames, write_sheet
    from edgedepth.runtime.refine import parse_tiling

    rule = protocol_named(
        protocol,
        alignment=read_alignment(alignment) if alignment else None,
        crop=read_crop(crop) if crop else None,
        min_depth=min_depth,
        max_depth=max_depth,
        metres_per_unit=metres_per_unit,
        ranges=read_ranges(ranges) if ranges else None,
    )
    dataset = open_dataset(data)
    if masks:
        dataset = MaskedRig(dataset, masks)
    pictured = chosen_frames(sheet, frames, dataset)
    threads = threads or min(MOST_DEFAULT_THREADS, os.cpu_count() or 1)
    tilings = tuple(map(parse_tiling, tiles.split(","))) if tiles else ()
    sized = parse_size(size) if size else None
    predictors = open_predictors(models, Choice(file_format, precision, sized, threads, tilings))
    training = open_dataset(baseline) if baseline else None
    if training and masks and training.moments:
        training = MaskedRig(training, masks)
    constants = baselines_of(training) if training else ()

    def measured(predictor: Predictor) -> EvaluationReport:
        done = count(1)
        with progress_bar(stderr, predictor.title) as bar:
            return measure(predictor, dataset, rule, on_frame=lambda _: bar(next(done), len(dataset.names)))

    results = Results(tuple(map(measured, predictors)), tuple(map(measured, constants)))
    if sheet:
        write_sheet(sheet, predictors, dataset, results.models, pictured)
    if as_json:
        print_json(as_object(results))
        return
    for table in tables(results, per_frame=per_frame):
        stdout.print(table)
