"""`edgedepth train` from the command's side."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from edgedepth.cli.train import train
from edgedepth.errors import UsageError
from edgedepth.models import checkpoint

app = typer.Typer()
app.command()(train)

RECIPE = """
model = "flex-nano"
seed = 1
[[sources]]
folder = "street"
[[stages]]
steps = 2
height = 32
width = 64
batch = 2
"""


@pytest.fixture
def arguments(data, tmp_path):
    threads = torch.get_num_threads()
    (tmp_path / "small.toml").write_text(RECIPE)
    yield [str(tmp_path / "small.toml"), "--data", str(data), "-o", str(tmp_path / "run")]
    torch.set_num_threads(threads)


def test_trains_and_resumes(arguments):
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    summary = json.loads(result.stdout)
    assert summary["steps"] == 2
    assert checkpoint.load(Path(summary["weights"])).card.name == "flex-nano"
    again = CliRunner().invoke(app, [*arguments, "--resume"], catch_exceptions=False)
    assert "next: edgedepth eval" in again.stdout


def test_the_bar_names_the_parts_of_the_loss(drive, stages, tmp_path):
    """As the command shows it: the trainer's steps through the bar, on a console that is kept."""
    from dataclasses import replace

    from rich.console import Console

    from edgedepth.training.progress import training_bar
    from edgedepth.training.trainer import Trainer

    console = Console(file=io.StringIO(), force_terminal=True, width=80, highlight=False)
    trainer = Trainer(replace(stages, stages=stages.stages[:1]), drive, tmp_path / "run")
    with training_bar(console, 0, 2) as show:
        trainer.run(show)
    shown = console.file.getvalue()
    assert "held-out AbsRel" in shown
    assert re.search(r"photometric error 0\.\d{4}", shown)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert re.search(r"2/2 \d\.\d\d steps/s 0:00:00 loss 0\.\d+ +photometric 0\.\d+\s+smoothness", plain)


def test_a_missing_recipe_is_refused_first(arguments, tmp_path):
    with pytest.raises(UsageError, match=r"no recipe[\s\S]*Recipes that ship: flex-[\s\S]*-selfsupervised"):
        CliRunner().invoke(app, [str(tmp_path / "no.toml"), *arguments[1:]], catch_exceptions=False)


def test_a_folder_that_holds_a_run_needs_resume(arguments):
    CliRunner().invoke(app, arguments, catch_exceptions=False)
    with pytest.raises(UsageError, match="holds a run already"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
