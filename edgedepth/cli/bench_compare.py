"""`edgedepth bench compare`: whether anything became slower between two result files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench_compare(
    before: Annotated[Path, typer.Argument(help="Results to compare with: a results.jsonl or its folder.")],
    after: Annotated[Path, typer.Argument(help="Results that may be slower.")],
    *,
    threshold: Annotated[str, typer.Option(help="By how much a configuration may become slower.")] = "5%",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare results by a rank test; exit code 8 where something became slower than allowed."""
    allowed = share(threshold)

    import msgspec

    from edgedepth.bench.compare import compare
    from edgedepth.bench.files import result_file
    from edgedepth.bench.journal import read_records
    from edgedepth.cli.console import print_json, stderr, stdout
    from edgedepth.errors import InvalidBenchmarkError, RegressionError

    found = compare(read_records([result_file(before)]), read_records([result_file(after)]), allowed)
    if as_json:
        print_json({**msgspec.to_builtins(found), "regressions": len(found.regressions)})
    else:
        from edgedepth.bench.compare_table import comparison_table, remarks

        stdout.print(comparison_table(found))
        for line in remarks(found):
            stderr.print(line, markup=False)
    if found.regressions:
        worst = max(found.regressions, key=lambda pair: pair.ratio.value)
        raise RegressionError(
            f"{len(found.regressions)} of {len(found.pairs)} configurations became slower than allowed.",
            f"The worst: {worst.label}, {worst.configuration}: {worst.before_ms:.2f} to {worst.after_ms:.2f} ms.",
            "Look at what changed, or allow more with --threshold.",
        )
    if not found.pairs:
        raise InvalidBenchmarkError(
            "The two files have no valid configuration in common, so nothing was compared.",
            f"{len(found.only_before)} only before, {len(found.only_after)} only after, {len(found.invalid)} invalid.",
            "Measure the same models in the same way on the same device.",
        )


def share(text: str) -> float:
    """``5%`` or ``0.05`` as 0.05.

    Raises:
        UsageError: not a share of 0 or more.
    """
    from edgedepth.errors import UsageError

    number = text.strip().removesuffix("%")
    try:
        value = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise UsageError(f"{text!r} is no threshold.", "It is a share of 0 or more.", "For example --threshold 5%.")
    return value
