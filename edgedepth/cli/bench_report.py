"""`edgedepth bench report`: results as one page with plots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench_report(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS", help="Result files: results.jsonl, one or several.")
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for report.html and plots/.")],
    accuracy: Annotated[
        list[Path] | None,
        typer.Option(help="Depth metrics of the same files, as `edgedepth eval --json` printed them; repeatable."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Of the page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write one self-contained HTML page about measurements, and its plots as PNG files beside it."""
    from edgedepth.bench.files import result_file
    from edgedepth.bench.journal import read_records
    from edgedepth.bench.page import PLOTS, TITLE, read_accuracy, write_page
    from edgedepth.bench.table import notes, tables
    from edgedepth.cli.console import print_json, stderr, stdout

    records = read_records(map(result_file, results))
    page = write_page(records, output / "report.html", read_accuracy(accuracy or (), records), title or TITLE)
    plots = sorted(path.name for path in (output / PLOTS).glob("*.png"))
    if as_json:
        valid = sum(record.valid for record in records)
        written = {"page": page.name, "plots": plots, "valid": valid, "invalid": len(records) - valid}
        print_json(written)
        return
    for table in tables(records, stdout.width):
        stdout.print(table)
    for note in notes(records):
        stderr.print(note, markup=False)
    stderr.print(f"Wrote {page} and {len(plots)} plots.", markup=False)
