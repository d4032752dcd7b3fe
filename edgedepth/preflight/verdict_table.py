"""A preflight as a table for people."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from edgedepth.preflight.verdict import Preflight

COLORS = {"ok": "green", "failed": "red", "not run": "yellow"}
CAPTION = "No phone was used: nothing here is a phone's time, power or driver."


def as_table(result: Preflight) -> Table:
    """One row for each file and check; what a check needs is said once."""
    table = Table("file", "check", "on", "verdict", "evidence and remedy", caption=CAPTION, caption_justify="left")
    shown = ""
    said: set[str] = set()
    for verdict in result.verdicts:
        words = Text(verdict.evidence)
        if verdict.remedy and not (verdict.outcome == "not run" and verdict.remedy in said):
            words.append(f"\n{verdict.remedy}", style="dim")
        said.add(verdict.remedy)
        name = "" if verdict.file == shown else verdict.file
        outcome = Text(verdict.outcome, style=COLORS[verdict.outcome])
        table.add_row(Text(name), verdict.check, Text(verdict.place), outcome, words)
        shown = verdict.file
    return table
