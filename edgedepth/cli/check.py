"""``edgedepth check``: is an artifact still what was exported, and does it still compute the same?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgedepth.cli.console import print_json, stdout

if TYPE_CHECKING:
    from edgedepth.export.recheck import Rechecked


def check(
    artifact: Annotated[Path, typer.Argument(help="An exported folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Verify every hash of an artifact, run its files again and compare them with the stored references."""
    import msgspec

    from edgedepth.export.recheck import recheck

    results = recheck(artifact)
    if as_json:
        print_json({_label(r): {k: msgspec.to_builtins(p) for k, p in r.parity.items()} for r in results})
    else:
        for result in results:
            for name, parity in result.parity.items():
                figures = f"max error {parity.max_abs:.1e}, correlation {parity.correlation:.7f}"
                stdout.print(f"{_label(result)}  {name}: {figures}")
        count = sum(result.behind is None for result in results)
        stdout.print(f"{count} files: hashes as exported, all within the gate.")


def _label(result: Rechecked) -> str:
    return result.path if result.behind is None else f"{result.path} behind {result.behind}"
