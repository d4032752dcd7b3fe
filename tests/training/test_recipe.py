"""Recipes: what ships is legal, and what is wrong is named."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import pytest

import edgedepth.training
from edgedepth.errors import MissingDependencyError, UsageError
from edgedepth.models import cards
from edgedepth.training.networks.threshold import HIGH, LOW
from edgedepth.training.recipe import Recipe, Source, Stage
from edgedepth.training.recipe_file import find_recipe, read_recipe
from edgedepth.training.settings import THRESHOLDS

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
METRIC = MINIMAL + 'objective = "metric"\n[targets]\nmetres_per_unit = 1.0\n'
PAIRS = MINIMAL.replace('folder = "street"', 'folder = "street"\nstereo = true')


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
    assert path.stem.startswith(recipe.model)
    assert recipe.steps > 0
    assert find_recipe(path.stem) == path


@pytest.mark.parametrize("model", [name for name, card in cards().items() if card.family == "flexdepth"])
def test_every_scale_has_a_recipe_with_both_stages(model):
    recipe = read_recipe(find_recipe(f"{model}-selfsupervised"))
    assert recipe.model == model
    assert [span.objective for span in recipe.spans] == ["photometric", "masked"]
    assert recipe.optimisation.optimizer == "nadam"


@pytest.mark.parametrize("model", [name for name, card in cards().items() if card.family == "surround"])
def test_every_student_has_the_papers_recipe(model):
    recipe = read_recipe(find_recipe(model))
    (stage,) = recipe.stages
    assert (stage.objective, stage.height, stage.width) == ("metric", 384, 640)
    assert (recipe.optimisation.learning_rate, recipe.optimisation.weight_decay) == (1.61e-4, 0.01)
    assert (recipe.distillation.supervised, recipe.distillation.cross, recipe.distillation.relation) == (1, 0.1, 1)
    assert recipe.distillation.teacher


def test_an_unknown_recipe_names_those_that_ship():
    with pytest.raises(UsageError, match=r"no recipe 'flex-nanno'[\s\S]*flex-nano, [\s\S]*Did you mean flex-nano"):
        find_recipe("flex-nanno")


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
    assert read_recipe(write(MINIMAL + "[augmentation]\nflip = 0.5\n")).digest == plain  # the default


def test_the_digest_of_an_old_recipe_stays():
    """States and weights carry it: fields that are added must not change it."""
    recipe = Recipe("flex-nano", 1, (Source("street"),), (Stage(2, 32, 64, 2),))
    text = (
        '{"model": "flex-nano", "seed": 1, "sources": [{"folder": "street"}], '
        '"stages": [{"batch": 2, "height": 32, "steps": 2, "width": 64}]}'
    )
    assert recipe.digest == hashlib.sha256(text.encode()).hexdigest()


def test_spans_put_stages_of_one_objective_together():
    kinds = ("supervised", "supervised", "photometric", "masked")
    stages = tuple(Stage(steps, 32, 64, 2, objective=kind) for steps, kind in enumerate(kinds, start=2))
    recipe = Recipe("flex-nano", 1, (Source("street", stereo=True),), stages)
    found = [(span.start, span.steps, span.objective) for span in recipe.spans]
    assert found == [(0, 5, "supervised"), (5, 4, "photometric"), (9, 5, "masked")]
    assert [recipe.span_at(step).start for step in (0, 4, 5, 8, 9, 13)] == [0, 0, 5, 5, 9, 9]


def test_threshold_limits_are_those_of_the_network():
    assert THRESHOLDS == (LOW, HIGH)


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
        (MINIMAL + 'objective = "photometric"\n', "step = 1 or stereo = true"),
        (PAIRS + 'objective = "masked"\n', "right after a photometric one"),
        (PAIRS + 'objective = "foto"\n', "Known: supervised, photometric, masked"),
        (PAIRS + 'objective = "photometric"\nrendered = 1\n[rendered]\ncount = 3\n', "single views"),
        (PAIRS + "supervised = -1.0\n", "stages.supervised"),
        (MINIMAL + "[masked]\nearly_pass = 0\n", "masked.early_pass"),
        (MINIMAL + "[masked]\nthreshold = 0.2\n", "between 0.08 and 0.15"),
        (MINIMAL + '[masked]\nmask = "gentle"\n', "Known: hard, straight-through, soft"),
        (MINIMAL + '[optimisation]\noptimizer = "nadan"\n', "Did you mean nadam"),
        (MINIMAL + 'objective = "metric"\n', "metres_per_unit"),
        (MINIMAL.replace('"street"', '"street"\nmasks = "m"'), "sources.masks"),
        (METRIC.replace('"street"', '"street"\nstereo = true'), "rigs have none"),
        (METRIC.replace("batch = 2", "batch = 2\nsupervised = 0.5"), "distillation.supervised"),
        (METRIC.replace("[targets]", "[[stages]]\nsteps = 1\nheight = 32\nwidth = 32\nbatch = 1\n[targets]"), "alone"),
        (METRIC + "[distillation]\ncross = -1\n", "distillation.cross"),
        (METRIC + "[distillation]\nsupervised = 0\n", "without any weight"),
        (METRIC + '[distillation]\ndistance = "bin"\n', "Known: view, pixel"),
        (METRIC + '[distillation]\nmean = "view"\n', "Known: batch, moment"),
        (METRIC + "[distillation]\nhuber = 0\n", "distillation.huber"),
        (METRIC + "[distillation]\nfactor = 0\n", "distillation.factor"),
        (METRIC + "[distillation]\npool = 0\n", "1 or more"),
        (METRIC + "[distillation]\npool = 3\n", "a divisor"),
        (METRIC + '[distillation]\ntaecher = "a"\n', "Did you mean teacher"),
        (MINIMAL + "[optimisation]\nbfloat16 = true\nfloat16 = true\n", "optimisation.float16"),
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
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="tomli"):
        read_recipe(write(MINIMAL))
