"""Recipes: what ships is legal, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgedepth.training
from edgedepth.errors import MissingDependencyError, UsageError
from edgedepth.training import recipe_file
from edgedepth.training.recipe_file import read_recipe

SHIPPED = sorted((Path(edgedepth.training.__file__).parent / "recipes").glob("*.toml"))
MINIMAL = """
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
def write(tmp_path):
    def to_file(text):
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return path

    return to_file


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_are_legal(path):
    recipe = read_recipe(path)
    assert recipe.model == path.stem
    assert recipe.steps > 0


def test_defaults_and_stages(write):
    recipe = read_recipe(write(MINIMAL + "[[stages]]\nsteps = 3\nheight = 64\nwidth = 64\nbatch = 1\n"))
    assert recipe.steps == 5
    assert [recipe.stage_at(step).height for step in range(5)] == [32, 32, 64, 64, 64]
    with pytest.raises(IndexError):
        recipe.stage_at(5)


def test_the_digest_knows_every_field(write):
    plain = read_recipe(write(MINIMAL)).digest
    assert read_recipe(write(MINIMAL)).digest == plain
    assert read_recipe(write(MINIMAL + "[augmentation]\nflip = 0.4\n")).digest != plain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = ", "cannot be read"),
        (MINIMAL.replace("seed = 1", ""), "lacks the field 'seed'"),
        (MINIMAL.replace("seed = 1", "sead = 1"), "Did you mean seed"),
        (MINIMAL.replace("seed = 1", 'seed = "one"'), "wrong type"),
        (MINIMAL.replace("seed = 1", "seed = true"), "wrong type"),
        (MINIMAL.replace("height = 32", "height = 33"), "multiples of 32"),
        (MINIMAL.replace("batch = 2", "batch = 0"), "positive steps and batch"),
        (MINIMAL.split("[[stages]]", maxsplit=1)[0], "names no stages"),
        (MINIMAL + "[augmentation]\nflip = 2\n", "augmentation.flip"),
        (MINIMAL + "[augmentation]\nzoom = 0.5\n", "1 or more"),
        (MINIMAL + "[augmentation]\nflop = 0.5\n", "Did you mean flip"),
        (MINIMAL + "[loss]\nscales = []\n", "1 to 4 weights"),
        (MINIMAL + "[loss]\nscales = 1\n", "Expected a list"),
        (MINIMAL + "[optimisation]\nema = 1\n", "optimisation.ema"),
        ("loss = 3\n" + MINIMAL, "not a table"),
    ],
)
def test_mistakes_are_named(write, text, message):
    with pytest.raises(UsageError) as caught:
        read_recipe(write(text))
    assert message in str(caught.value)


def test_an_absent_recipe(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")


def test_without_a_toml_reader(write, monkeypatch):
    monkeypatch.setattr(recipe_file.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="tomli"):
        read_recipe(write(MINIMAL))
