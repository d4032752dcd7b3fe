"""`edgedepth run`: depth of an image, a folder, a video or all cameras of a vehicle, with an exported model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgedepth.cli.refining import DEFAULT_MEMORY, parse_memory, run_tiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgedepth.runtime import DepthPredictor, Wanted
    from edgedepth.runtime.rig import RigWanted

MOST_DEFAULT_THREADS = 4
DEFAULT_RANGE = 50.0


def run(
    artifact: Annotated[Path, typer.Argument(help="An exported folder, or one .onnx or .tflite file of it.")],
    source: Annotated[Path | None, typer.Argument(help="An image, a folder of images, or a video.")] = None,
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="A .png or .npy; a folder for a folder or a rig; a .mp4 for a video."),
    ],
    rig: Annotated[
        Path | None, typer.Option(help="Instead of SOURCE: a rig.toml that names the cameras of a vehicle.")
    ] = None,
    max_range: Annotated[
        float | None,
        typer.Option(help=f"With --rig: metres that the cloud and the map reach. Default: {DEFAULT_RANGE:g}."),
    ] = None,
    file_format: Annotated[str | None, typer.Option("--format", help="Which file: onnx or tflite.")] = None,
    precision: Annotated[str | None, typer.Option(help="Which file: fp32, fp16 and so on.")] = None,
    size: Annotated[str | None, typer.Option(help="Which file: its input size, HxW.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: all at hand, up to 4.", min=1)] = None,
    tiles: Annotated[
        str | None,
        typer.Option(
            help="Refine a large picture patch by patch: m1 (16 patches), m2 (49) or r and a number (m2 and so many at "
            "random). The artifact must hold a refiner."
        ),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help=f"With --tiles: what the process may take. Default: {DEFAULT_MEMORY}.")
    ] = None,
    npy: Annotated[bool, typer.Option("--npy", help="Also write the values, float32, beside.")] = False,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Put each picture left of its depth.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace earlier results in an output folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run an exported model and show its depth in colour: near is bright, far is dark.

    With --rig, all cameras of a vehicle run: metric depth of each, one point cloud and one picture from above.

    An existing output file is replaced, in one step; results in an output folder only with --force.
    """
    from edgedepth.cli.console import parse_size
    from edgedepth.runtime import Wanted, open_predictor

    wanted_size = parse_size(size) if size else None
    at_most = threads or min(MOST_DEFAULT_THREADS, os.cpu_count() or 1)

    def opened() -> DepthPredictor:
        return open_predictor(
            artifact,
            file_format=file_format,
            precision=precision,
            size=wanted_size,
            threads=at_most,
        )

    _require_one(source, rig, max_range)
    _require_tiles(tiles, memory, rig, size)
    if tiles is not None and source is not None:
        from edgedepth.runtime.refine import RefineWanted, parse_tiling

        budget = parse_memory(memory or DEFAULT_MEMORY)
        large = RefineWanted(output, parse_tiling(tiles), budget, npy=npy, side_by_side=side_by_side)
        run_tiled(
            artifact, source, large, file_format=file_format, precision=precision, threads=at_most, as_json=as_json
        )
    elif rig is not None:
        from edgedepth.runtime.rig import RigWanted

        reach = DEFAULT_RANGE if max_range is None else max_range
        wanted = RigWanted(output, reach, npy=npy, side_by_side=side_by_side, force=force)
        _run_rig(opened, artifact, rig, wanted, as_json=as_json)
    elif source is not None:
        _run_source(opened, source, Wanted(output, npy=npy, side_by_side=side_by_side, force=force), as_json=as_json)


def _require_one(source: Path | None, rig: Path | None, max_range: float | None) -> None:
    from edgedepth.errors import UsageError

    if (source is None) == (rig is None):
        raise UsageError(
            "A run takes a SOURCE or --rig.",
            "Neither was given." if rig is None else f"Both were given: {source} and {rig}.",
            "For example: edgedepth run ARTIFACT photo.jpg -o depth.png, or edgedepth run ARTIFACT --rig rig.toml -o "
            "FOLDER",
        )
    if rig is None and max_range is not None:
        raise UsageError("--max-range belongs to --rig.", f"{source} is no rig.", "Drop --max-range.")


def _require_tiles(tiles: str | None, memory: str | None, rig: Path | None, size: str | None) -> None:
    from edgedepth.errors import UsageError

    if tiles is None and memory is not None:
        raise UsageError("--memory belongs to --tiles.", "There are no tiles.", "Add --tiles m1, or drop --memory.")
    if tiles is not None and (rig is not None or size is not None):
        raise UsageError(
            "--tiles goes with one picture and the artifact's own patch size.",
            "--rig or --size was given too.",
            "Drop one of them.",
        )


def _run_source(opened: Callable[[], DepthPredictor], source: Path, wanted: Wanted, *, as_json: bool) -> None:
    from rich.progress import Progress

    from edgedepth.cli.console import print_json, stderr, stdout, warn
    from edgedepth.runtime import open_sink, open_source, run_source

    frames = open_source(source)
    sink = open_sink(frames, wanted)
    predictor = opened()
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        task = progress.add_task("running", total=frames.count)
        summary = run_source(predictor, frames, sink, lambda: progress.advance(task))
    if as_json:
        print_json(summary.as_object())
        return
    for line in summary.lines():
        stdout.print(line, markup=False)
    warn(summary.warnings())


def _run_rig(
    opened: Callable[[], DepthPredictor], artifact: Path, rig: Path, wanted: RigWanted, *, as_json: bool
) -> None:
    import msgspec

    from edgedepth.artifact import open_artifact
    from edgedepth.artifact.rig_file import read_rig
    from edgedepth.cli.console import print_json, stderr, stdout, warn
    from edgedepth.runtime.rig import match, run_rig

    held = open_artifact(artifact)
    cameras = match(read_rig(rig, held.manifest.rig if held.manifest else None), held, rig)
    with stderr.status(f"running {len(cameras)} cameras"):
        report = run_rig(opened(), cameras, wanted)
    if as_json:
        print_json(msgspec.to_builtins(report))
        return
    for line in report.lines():
        stdout.print(line, markup=False)
    for name in report.outputs:
        stdout.print(f"output  {wanted.output / name}", markup=False)
    warn(report.warnings)
