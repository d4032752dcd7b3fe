"""`edgedepth train`: train a model as a recipe says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[str, typer.Argument(help="A TOML recipe, or the name of one that ships.")],
    *,
    data: Annotated[Path, typer.Option(help="The folder that the recipe's source folders are in.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where state, log, weights and plots go.")],
    resume: Annotated[bool, typer.Option(help="Go on from the state in the output folder.")] = False,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 1,
    device: Annotated[str, typer.Option(help="A torch device, such as cpu or cuda.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a model; what was interrupted goes on with --resume as if it had not been."""
    from edgedepth.training.recipe_file import find_recipe, read_recipe

    settings = read_recipe(find_recipe(recipe))  # before any heavy import
    import torch

    from edgedepth.cli.console import print_json, stderr
    from edgedepth.training.progress import training_bar
    from edgedepth.training.trainer import WEIGHTS, Trainer

    torch.set_num_threads(threads)
    with stderr.status("reading frames"):
        trainer = Trainer(settings, data, output, device)
    if resume:
        trainer.resume()
    with training_bar(stderr, trainer.step, settings.steps) as show:
        trainer.run(show)
    weights = str(output / WEIGHTS)
    summary = {"weights": weights, "steps": trainer.step, "recipe_sha256": settings.digest}
    if as_json:
        print_json(summary)
    else:
        typer.echo(f"{weights}\nnext: edgedepth eval {weights} --data DIR")
