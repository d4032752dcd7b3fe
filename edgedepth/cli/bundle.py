"""``edgedepth bundle``: artifacts into an app."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgedepth.cli.console import parse_size, print_json, stdout

if TYPE_CHECKING:
    from rich.table import Table

    from edgedepth.bundle import Bundled


def bundle(
    artifacts: Annotated[list[Path], typer.Argument(help="Exported folders.")],
    *,
    android: Annotated[Path, typer.Option("--android", metavar="FOLDER", help="The demo's folder: android_demo.")],
    precisions: Annotated[
        list[str] | None,
        typer.Option("--precision", "-p", help="Of the files; repeat for several. Default: fp32 and w8a8, if there."),
    ] = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option("--size", "-s", metavar="HxW", help="Of the files; repeat for several. Default: all."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace other artifacts of the same names.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Copy the .tflite files of ARTIFACTS, what they mean and their references into the Android demo's assets."""
    from edgedepth.bundle import bundle as write
    from edgedepth.bundle import plans

    chosen = plans(artifacts, precisions or (), [parse_size(size) for size in sizes or ()])
    made = [write(plan, android, force=force) for plan in chosen]
    if as_json:
        print_json({"bundled": [_as_object(one) for one in made], "apk_bytes": sum(one.apk_bytes for one in made)})
        return
    stdout.print(_table(made))
    total = sum(one.apk_bytes for one in made)
    stdout.print(f"The app's package grows by about {total / 1e6:.1f} MB. Build the app anew to have them on a phone.")
    for one in made:
        if one.coarse_only:
            stdout.print(f"{one.manifest.name}: the app runs its coarse model and no refiner; `edgedepth run` refines.")


def _as_object(one: Bundled) -> dict[str, Any]:
    return {
        "name": one.manifest.name,
        "folder": str(one.folder),
        "files": [{"path": entry.path, "bytes": entry.bytes} for entry in one.manifest.files],
        "apk_bytes": one.apk_bytes,
        "changed": one.changed,
        "coarse_only": one.coarse_only,
    }


def _table(made: list[Bundled]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table("model", "file", "precision", "size", "MB", "", box=SIMPLE)
    for one in made:
        for number, entry in enumerate(one.manifest.files):
            name, state = (one.manifest.name, "bundled" if one.changed else "as it was") if number == 0 else ("", "")
            height, width = entry.size
            table.add_row(name, entry.path, entry.precision, f"{height}x{width}", f"{entry.bytes / 1e6:.2f}", state)
    return table
