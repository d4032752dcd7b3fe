"""`edgedepth train`: train a model as a recipe says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def train(
    recipe: Annotated[str, typer.Argument(help="A TOML recipe, or the name of one that ships.")],
    *,
    data: Annotated[Path, typer.Option(help="The folder that the recipe's source folders are in.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where state, log, weights and plots go.")],
    resume: Annotated[bool, typer.Option(help="Go on from the state in the output folder.")] = False,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 1,
    device: Annotated[str, typer.Option(help="A torch device, such as cpu or cuda.")] = "cpu",
    write_teacher: Annotated[
        bool, typer.Option(help="Train nothing: write what the recipe's teacher says of every moment into the output.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a model; what was interrupted goes on with --resume as if it had not been."""
    from edgedepth.training.recipe_file import find_recipe, read_recipe

    settings = read_recipe(find_recipe(recipe))  # before any heavy import
    import torch

    from edgedepth.cli.console import stderr
    from edgedepth.errors import UsageError
    from edgedepth.training.progress import training_bar
    from edgedepth.training.trainer import WEIGHTS, Trainer, usable_device

    torch.set_num_threads(threads)
    if write_teacher:
        from edgedepth.training.surround.teachers import write_teacher as write

        if resume:
            raise UsageError("--write-teacher has nothing to resume.", "It writes a folder whole or not at all.", "")
        with stderr.status("running the teacher"):
            views = write(settings, data, output, usable_device(device))
        _tell({"teacher": str(output), "views": views}, "next: name it as distillation.teacher", as_json=as_json)
        return
    with stderr.status("reading frames"):
        trainer = Trainer(settings, data, output, device)
    if resume:
        trainer.resume()
    if trainer.statement:
        stderr.print(trainer.statement, markup=False)
    with training_bar(stderr, trainer.step, settings.steps) as show:
        trainer.run(show)
    weights = str(output / WEIGHTS)
    summary: dict[str, Any] = {"weights": weights, "steps": trainer.step, "recipe_sha256": settings.digest}
    _tell(summary, f"next: edgedepth eval {weights} --data DIR", as_json=as_json)


def _tell(summary: dict[str, Any], following: str, *, as_json: bool) -> None:
    """The summary as JSON, or the path that it begins with and what to do next."""
    from edgedepth.cli.console import print_json

    if as_json:
        print_json(summary)
    else:
        typer.echo(f"{next(iter(summary.values()))}\n{following}")
