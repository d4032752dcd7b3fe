"""`edgedepth run`: depth of an image, a folder of images or a video, with an exported model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

MOST_DEFAULT_THREADS = 4


def run(
    artifact: Annotated[Path, typer.Argument(help="An exported folder, or one .onnx or .tflite file of it.")],
    source: Annotated[Path, typer.Argument(help="An image, a folder of images, or a video.")],
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="A .png or .npy; a folder for a folder; a .mp4 for a video."),
    ],
    file_format: Annotated[str | None, typer.Option("--format", help="Which file: onnx or tflite.")] = None,
    precision: Annotated[str | None, typer.Option(help="Which file: fp32, fp16 and so on.")] = None,
    size: Annotated[str | None, typer.Option(help="Which file: its input size, HxW.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: all at hand, up to 4.", min=1)] = None,
    npy: Annotated[bool, typer.Option("--npy", help="Also write the values, float32, beside.")] = False,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Put each picture left of its depth.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace earlier results in an output folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run an exported model and show its depth in colour: near is bright, far is dark.

    An existing output file is replaced, in one step; results in an output folder only with --force.
    """
    from rich.markup import escape
    from rich.progress import Progress

    from edgedepth.cli.console import parse_size, print_json, stderr, stdout
    from edgedepth.runtime import Wanted, open_predictor, open_sink, open_source, run_source

    wanted_size = parse_size(size) if size else None
    frames = open_source(source)
    sink = open_sink(frames, Wanted(output, npy=npy, side_by_side=side_by_side, force=force))
    predictor = open_predictor(
        artifact,
        file_format=file_format,
        precision=precision,
        size=wanted_size,
        threads=threads or min(MOST_DEFAULT_THREADS, os.cpu_count() or 1),
    )
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        task = progress.add_task("running", total=frames.count)
        summary = run_source(predictor, frames, sink, lambda: progress.advance(task))
    if as_json:
        print_json(summary.as_object())
        return
    for line in summary.lines():
        stdout.print(line, markup=False)
    for warning in summary.warnings():
        stderr.print(f"[yellow]Warning:[/] {escape(warning)}")
