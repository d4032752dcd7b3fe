"""The training loop: exact resume, usable weights, clear refusals."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from edgedepth.errors import EdgedepthError, OutputError, UsageError
from edgedepth.models import checkpoint
from edgedepth.training.recipe import Optimisation, Stage
from edgedepth.training.trainer import LOG, STATE, WEIGHTS, Trainer


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def losses(trainer, until=None):
    found = []
    trainer.run(lambda progress: found.append(progress.loss), until=until)
    return found


def test_a_resumed_run_equals_an_uninterrupted_one(recipe, data, tmp_path):
    whole = Trainer(recipe, data, tmp_path / "whole")
    expected = losses(whole)

    first = Trainer(recipe, data, tmp_path / "parts")
    found = losses(first, until=4)
    second = Trainer(recipe, data, tmp_path / "parts")
    second.resume()
    assert second.step == 4
    found += losses(second)

    assert found == expected
    for name, value in whole.networks.average.values.items():
        assert torch.equal(value, second.networks.average.values[name]), name
    one, other = (checkpoint.load(tmp_path / run / WEIGHTS).model.state_dict() for run in ("whole", "parts"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_a_run_leaves(recipe, data, tmp_path):
    trainer = Trainer(recipe, data, tmp_path / "run")
    trainer.run()
    loaded = checkpoint.load(tmp_path / "run" / WEIGHTS)
    assert loaded.card.name == "flex-nano"
    assert loaded.card.config.offset_limits == (0.25,) * 4
    assert "non-commercial" in loaded.notes["licence"]
    assert loaded.notes["recipe_sha256"] == recipe.digest
    lines = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[-1]["held_out"]["abs_rel"] > 0


def test_training_learns(recipe, data, tmp_path):
    longer = replace(recipe, stages=(Stage(40, 32, 64, 4),), optimisation=Optimisation(learning_rate=3e-3, warmup=5))
    found = losses(Trainer(longer, data, tmp_path / "run"))
    assert sum(found[-5:]) < 0.6 * sum(found[:5])


def test_a_state_of_another_recipe_is_refused(recipe, data, tmp_path):
    losses(Trainer(recipe, data, tmp_path / "run"), until=1)
    other = Trainer(replace(recipe, seed=4), data, tmp_path / "run")
    with pytest.raises(UsageError, match="another recipe"):
        other.resume()


def test_a_damaged_state_is_refused(recipe, data, tmp_path):
    trainer = Trainer(recipe, data, tmp_path / "run")
    with pytest.raises(UsageError, match="nothing to resume"):
        trainer.resume()
    (tmp_path / "run" / STATE).write_bytes(b"PK no")
    with pytest.raises(UsageError, match="cannot be resumed"):
        trainer.resume()


def test_divergence_stops_the_run(recipe, data, tmp_path):
    trainer = Trainer(recipe, data, tmp_path / "run")
    with torch.no_grad():
        next(trainer.model.parameters()).fill_(float("nan"))
    with pytest.raises(EdgedepthError, match="diverged"):
        trainer.run()


def test_an_output_that_is_a_file(recipe, data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        Trainer(recipe, data, tmp_path / "file")


def test_an_unknown_device(recipe, data, tmp_path):
    with pytest.raises(UsageError, match="device"):
        Trainer(recipe, data, tmp_path / "run", device="abacus")


def test_supervised_runs_compute_what_they_always_did(recipe, data, tmp_path):
    """The recipe of the shipped weights depends on it: the first steps of the version that trained them."""
    trainer = Trainer(recipe, data, tmp_path / "run")
    found = [trainer.train_step() for _ in range(6)]
    expected = [3.567617, 3.384718, 3.074976, 3.145495, 2.817558, 3.083577]
    assert found == pytest.approx(expected, rel=2e-3)


def test_the_optimizer_is_the_recipes(recipe, data, tmp_path):
    optimisation = replace(recipe.optimisation, optimizer="nadam", weight_decay=0.01)
    trainer = Trainer(replace(recipe, optimisation=optimisation), data, tmp_path / "run")
    trainer.train_step()
    assert isinstance(trainer._optimizer, torch.optim.NAdam)
    assert [group["weight_decay"] for group in trainer._optimizer.param_groups] == [0.01, 0.0]
