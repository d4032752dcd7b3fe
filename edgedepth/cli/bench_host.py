"""`edgedepth bench host`: how fast files are on this machine, beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench_host(
    files: Annotated[list[Path], typer.Argument(help="Artifact folders, .tflite or .onnx files.")],
    *,
    threads: Annotated[int, typer.Option(help="Threads of every runtime.", min=1)] = 1,
    rounds: Annotated[int, typer.Option(help="Time every file at least this often.", min=1)] = 30,
    seconds: Annotated[float, typer.Option(help="Measure at least this long.", min=0)] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the order within rounds and of the inputs.")] = 0,
    floor: Annotated[
        bool, typer.Option("--floor", help="Also time plain convolutions and scale them to each file's work.")
    ] = False,
    macs: Annotated[
        float | None, typer.Option(help="Multiply-adds of every file for --floor, such as 695.8e6.", min=1)
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Afterwards, in a pass of its own, profile every operator.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, raw samples included.")] = False,
) -> None:
    """Measure files in interleaved rounds, in shuffled order, after a warm-up."""
    from edgedepth.errors import UsageError

    if macs is not None and not floor:
        raise UsageError("--macs has no effect without --floor.", "", "Add --floor, or leave --macs out.")

    from edgedepth.bench.files import graph_files
    from edgedepth.bench.host import Plan, bench_files
    from edgedepth.bench.profile import profile as profile_file
    from edgedepth.bench.progress import progress_bar
    from edgedepth.bench.report import as_object, profile_table, tables, warnings_of
    from edgedepth.cli.console import print_json, stderr, stdout

    found, plan = graph_files(files), Plan(rounds, seconds, seed=seed)
    count = None if macs is None else round(macs)
    with progress_bar(stderr, "measuring") as bar:
        report = bench_files(found, threads, plan, floor=floor, macs=count, progress=bar)
    profiles = []
    for file in found if profile else []:
        with progress_bar(stderr, f"profiling {file.name}") as bar:
            profiles.append(profile_file(file, threads, progress=bar))
    if as_json:
        print_json(as_object(report, profiles))
        return
    for table in (*tables(report), *map(profile_table, profiles)):
        stdout.print(table)
    for warning in warnings_of(report):
        stderr.print(f"[yellow]{warning}")
