"""`edgedepth devices`: the phones that adb knows, what they are and how they are."""

from __future__ import annotations

from typing import Annotated

import typer


def devices(*, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """List phones with chip, system, heat and battery; exit code 6 when none is ready."""
    import msgspec
    from rich.table import Table

    from edgedepth.bench.device.adb import Adb
    from edgedepth.bench.device.overview import cells, overview
    from edgedepth.bench.device.states import nothing_there
    from edgedepth.cli.console import print_json, stdout
    from edgedepth.errors import DeviceError

    found = overview(Adb())
    if as_json:
        print_json({"devices": [msgspec.to_builtins(row) | {"ready": row.ready} for row in found]})
    elif found:
        table = Table("serial", "state", "model", "chip", "ABI", "system", "heat", "battery", box=None)
        for row in found:
            table.add_row(*cells(row), style=None if row.ready else "yellow")
        stdout.print(table)
        for row in found:
            if not row.ready:
                stdout.print(f"{row.serial}: {row.remedy}")
    if not found:
        raise nothing_there()
    if not any(row.ready for row in found):
        raise DeviceError("No device is ready.", f"{found[0].serial}: {found[0].state}.", found[0].remedy)
