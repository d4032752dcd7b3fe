"""`edgedepth train` from the command's side."""

from __future__ import annotations

import json
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
    yield ["--recipe", str(tmp_path / "small.toml"), "--data", str(data), "-o", str(tmp_path / "run")]
    torch.set_num_threads(threads)


def test_trains_and_resumes(arguments):
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    summary = json.loads(result.stdout)
    assert summary["steps"] == 2
    assert checkpoint.load(Path(summary["weights"])).card.name == "flex-nano"
    again = CliRunner().invoke(app, [*arguments, "--resume"], catch_exceptions=False)
    assert "next: edgedepth eval" in again.stdout


def test_a_missing_recipe_is_refused_first(arguments, tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        CliRunner().invoke(app, [*arguments, "--recipe", str(tmp_path / "no.toml")], catch_exceptions=False)
