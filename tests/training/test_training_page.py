"""What docs/training.md shows is read by the readers it is about, and says the defaults."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedepth.evaluation.datasets import open_dataset
from edgedepth.training.recipe_file import find_recipe, read_recipe
from edgedepth.training.settings import Distillation, LossWeights, Masked, Optimisation

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"


@pytest.fixture
def examples():
    """The description of frames and the recipe."""
    return re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_recipe(examples, tmp_path):
    (tmp_path / "recipe.toml").write_text(examples[1])
    recipe = read_recipe(tmp_path / "recipe.toml")
    assert [span.objective for span in recipe.spans] == ["photometric", "masked"]


def test_the_recipe_of_a_student(examples, tmp_path):
    (tmp_path / "recipe.toml").write_text(examples[2])
    recipe = read_recipe(tmp_path / "recipe.toml")
    assert recipe.stages[0].objective == "metric"
    assert recipe.distillation.teacher == "teacher.safetensors"


def test_the_description(examples, tmp_path):
    for name in ("left/0.jpg", "right/0.jpg"):
        (tmp_path / name).parent.mkdir()
        Image.new("RGB", (1242, 375)).save(tmp_path / name)
    for name in ("moving/0.png", "lidar/0.png"):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(np.full((375, 1242), 512, np.uint16)).save(tmp_path / name)
    (tmp_path / "teacher").mkdir()
    np.savez(tmp_path / "teacher" / "0.npz", depth=np.ones((375, 1242)))
    np.savetxt(tmp_path / "poses.txt", np.eye(4)[None, :3].reshape(1, 12))
    (tmp_path / "dataset.toml").write_text(examples[0])
    dataset = open_dataset(tmp_path)
    sample = dataset.read("0")
    assert dataset.licence == "CC BY 4.0, me"
    assert float(sample.depth.max()) == 2
    assert sample.moving.all()
    assert sample.baseline == 0.54


def test_recipes_that_are_named_ship():
    for name in set(re.findall(r"`((?:flex|surround)-[a-z0-9-]+)`", PAGE.read_text())):
        assert find_recipe(name).is_file()


def test_the_defaults_are_the_ones_stated():
    text = PAGE.read_text()
    for name, default in (("mask", '"straight-through"'), ("likelihood", '"paper"'), ("average", '"static"')):
        assert f"{name} = {default}" in text
        assert getattr(Masked(), name) == default.strip('"')
    for name in ("early_pass", "refresh_passes", "threshold"):
        assert f"{name} = {getattr(Masked(), name)}" in text
    assert Masked().restart
    assert Optimisation().schedule == "cosine"


def test_the_defaults_of_distillation_are_the_ones_stated():
    text, settings = PAGE.read_text(), Distillation()
    for name in ("factor", "huber", "pool"):
        assert f"`{name} = {getattr(settings, name)}`" in text
    for name in ("distance", "mean"):
        assert f'`{name} = "{getattr(settings, name)}"`' in text
    assert f"`supervised + {settings.cross} cross + {settings.relation} relation`" in text
    assert settings.supervised == 1
    assert f"`variance_focus = {LossWeights().variance_focus}`" in text
    assert not settings.recompute


def test_the_recipe_of_a_refiner(examples, tmp_path):
    (tmp_path / "recipe.toml").write_text(examples[3])
    recipe = read_recipe(tmp_path / "recipe.toml")
    assert (recipe.stages[0].objective, recipe.rendered.count) == ("refined", 400)
