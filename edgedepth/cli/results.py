"""What `bench host` and `bench device` share once something was measured: printing it, and judging it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from edgedepth.bench.profile import Profile
    from edgedepth.bench.schema import Record


def command_line() -> str:
    """The command that is running, as a user would give it again."""
    return shlex.join(["edgedepth", *sys.argv[1:]])


def print_results(records: Sequence[Record], profiles: Sequence[Profile], *, as_json: bool) -> None:
    """Tables on stdout and notes on stderr, or one JSON object."""
    import msgspec

    from edgedepth.bench.table import notes, profile_table, tables
    from edgedepth.cli.console import print_json, stderr, stdout

    if as_json:
        print_json({"records": msgspec.to_builtins(records), "profiles": msgspec.to_builtins(profiles)})
        return
    for table in (*tables(records, stdout.width), *map(profile_table, profiles)):
        stdout.print(table)
    for note in notes(records):
        stderr.print(note, markup=False)


def say_skipped(count: int) -> None:
    """How many configurations were not measured, where any."""
    from edgedepth.cli.console import stderr

    if count:
        stderr.print(f"{count} configurations had a valid result already; --fresh measures them anew.")


def write_report(records: Sequence[Record], folder: Path) -> None:
    """The page beside the results."""
    from edgedepth.bench.page import write_page
    from edgedepth.cli.console import stderr

    stderr.print(f"Page: {write_page(records, folder / 'report.html')}", markup=False)


def require_valid(records: Sequence[Record]) -> None:
    """Exit with 7 where a time must not be quoted.

    Raises:
        InvalidBenchmarkError: a record is invalid; the first is named.
    """
    from edgedepth.errors import InvalidBenchmarkError

    invalid = [record for record in records if not record.valid]
    if invalid:
        first = invalid[0]
        raise InvalidBenchmarkError(
            f"{len(invalid)} of {len(records)} results are invalid: their times must not be quoted.",
            f"{first.subject.label}, {first.configuration}: {'; '.join(first.invalid_reasons)}.",
            "With -o, the same command again keeps the valid ones. --allow-invalid exits with 0.",
        )
