"""`edgedepth eval`: depth metrics of a model on a folder of frames with ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    model: Annotated[str, typer.Argument(help="A model's name, a .safetensors file or a checkpoint folder.")],
    *,
    data: Annotated[Path, typer.Option(help="A folder of frames with ground truth.")],
    baseline: Annotated[
        Path | None, typer.Option(help="Training frames with dense depth: adds rows of constant maps.")
    ] = None,
    alignment: Annotated[str, typer.Option(help="none, median or least-squares.")] = "median",
    size: Annotated[str | None, typer.Option(help="Network input, HxW; default: the checkpoint's.")] = None,
    max_depth: Annotated[float, typer.Option(help="Farthest depth that counts, metres.", min=0.01)] = 80.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a model's depth against ground truth."""
    from edgedepth.cli.console import parse_size, print_json, stderr, stdout
    from edgedepth.evaluation.alignment import read_alignment
    from edgedepth.evaluation.baseline import baselines_of
    from edgedepth.evaluation.datasets import open_dataset
    from edgedepth.evaluation.opening import open_predictor
    from edgedepth.evaluation.protocol import EvaluationProtocol, Predictor
    from edgedepth.evaluation.protocol import evaluate as measure
    from edgedepth.evaluation.report import as_object, as_table

    protocol = EvaluationProtocol(read_alignment(alignment), max_depth=max_depth)
    dataset = open_dataset(data)
    predictors: list[Predictor] = [open_predictor(model, parse_size(size) if size else None)]
    if baseline is not None:
        predictors += baselines_of(open_dataset(baseline))
    with stderr.status("measuring"):
        reports = [measure(predictor, dataset, protocol) for predictor in predictors]
    if as_json:
        print_json(as_object(reports))
    else:
        stdout.print(as_table(reports))
