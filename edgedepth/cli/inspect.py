"""`edgedepth inspect`: what a file is, and what phones' delegates will do with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def inspect(
    path: Annotated[Path, typer.Argument(help="An artifact folder, a .tflite or a .onnx file.")],
    *,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Run LiteRT's GPU accelerator on this machine's Vulkan driver.")
    ] = False,
    vulkan: Annotated[
        Path | None, typer.Option(help="Vulkan driver description for --gpu, or a folder that holds one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show contents, meaning, operators, XNNPACK partitions, and what a GPU accelerator would refuse."""
    from edgedepth.errors import UsageError

    if vulkan is not None and not gpu:
        raise UsageError("--vulkan has no effect without --gpu.", "", "Add --gpu, or leave --vulkan out.")

    from edgedepth.bench.files import graph_files
    from edgedepth.cli.console import print_json, stderr, stdout
    from edgedepth.preflight.inspection import as_object, inspect_file
    from edgedepth.preflight.report import as_table
    from edgedepth.preflight.vulkan import find_icd

    icd = find_icd(vulkan) if gpu else None
    inspections = []
    for file in graph_files([path]):
        with stderr.status(f"inspecting {file.name}"):
            inspections.append(inspect_file(file, icd))
    if as_json:
        print_json(as_object(inspections))
        return
    for inspection in inspections:
        stdout.print(as_table(inspection))
