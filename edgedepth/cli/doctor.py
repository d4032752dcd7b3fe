"""`edgedepth doctor`: whether everything is here that edgedepth needs."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Check versions, optional tools and room; exit code 5 when something required is missing."""
    from dataclasses import asdict

    from rich.table import Table
    from rich.text import Text

    from edgedepth.cli.console import print_json, stdout
    from edgedepth.errors import MissingDependencyError
    from edgedepth.preflight.doctor import checks

    found = checks()
    if as_json:
        print_json({"checks": [asdict(check) for check in found]})
    else:
        table = Table("", "status", "found", box=None)
        colors = {"ok": "green", "low": "yellow", "missing": "red"}
        for check in found:
            optional = "" if check.required or check.status == "ok" else " (optional)"
            status = Text.assemble((check.status, colors[check.status]), optional)
            table.add_row(check.name, status, f"{check.found} {check.remedy}".strip())
        stdout.print(table)
    missing = [check for check in found if check.required and check.status == "missing"]
    if missing:
        names = ", ".join(check.name for check in missing)
        raise MissingDependencyError("Something that edgedepth needs is missing.", names, missing[0].remedy)
