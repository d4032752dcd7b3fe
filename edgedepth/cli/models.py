"""``edgedepth models``: the registry as a table."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from edgedepth.cli.console import print_json, stdout


def models(
    counts: Annotated[
        bool, typer.Option("--counts", help="Count parameters and multiply-adds here (needs torch).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """List the models that can be exported, with the figures their papers state."""
    from rich.table import Table

    from edgedepth.models import build, cards

    counted = {}
    if counts:
        import torch

        from edgedepth.models.counting import count

        with torch.device("meta"):  # shapes are enough, and the largest would fill a gigabyte
            for name, card in cards().items():
                counted[name] = count(build(card), (card.input.height, card.input.width))
    if as_json:
        print_json(
            {
                name: dataclasses.asdict(card) | ({"counts": dataclasses.asdict(counted[name])} if counts else {})
                for name, card in cards().items()
            }
        )
        return
    table = Table("model", "input HxW", "output", "weights", "paper: params M", "paper: GFLOPs")
    for heading in ("params", "GFLOPs by the paper's rule", "GMACs of an export") if counts else ():
        table.add_column(heading, justify="right")
    for name, card in cards().items():
        row = [
            name,
            f"{card.input.height}x{card.input.width}" + (" per patch" if card.takes == "patches" else ""),
            card.output.meaning,
            "shipped" if card.weights else "your own",
            "-" if card.paper is None else f"{card.paper.params_millions:.3f}",
            "-" if card.paper is None or card.paper.gflops is None else f"{card.paper.gflops:.3f}",
        ]
        if counts:
            c = counted[name]
            row += [f"{c.parameters:,}", f"{c.paper_gflops:.3f}", f"{c.macs / 1e9:.3f}"]
        table.add_row(*row)
    stdout.print(table)
