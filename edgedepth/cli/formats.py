"""``edgedepth formats``: what each file format can be asked for."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from edgedepth.cli.console import print_json, stdout


def formats(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """List the export formats and their legal options."""
    from rich.table import Table

    from edgedepth.export.formats import FORMATS

    if as_json:
        print_json({name: dataclasses.asdict(fmt) for name, fmt in FORMATS.items()})
        return
    table = Table("format", "precisions", "input layout: float, integer", "opsets", "runs on")
    for fmt in FORMATS.values():
        opsets = f"{fmt.opsets[0]} to {fmt.opsets[1]}" if fmt.opsets else "-"
        table.add_row(fmt.name, ", ".join(fmt.precisions), ", ".join(fmt.layouts), opsets, fmt.runs_on)
    stdout.print(table)
