"""Both stages end to end on a rendered sequence: snapshots, exact resume, pictures, refusals."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from edgedepth.errors import UsageError
from edgedepth.models import build, checkpoint
from edgedepth.models.init import initialise
from edgedepth.training.network_set import EARLY, LATE
from edgedepth.training.recipe import Masked, Stage
from edgedepth.training.trainer import LOG, LOSSES, MASKS, STATE, WEIGHTS, Trainer

pytestmark = pytest.mark.usefixtures("one_thread")


def losses(trainer, until=None):
    found = []
    trainer.run(lambda progress: found.append(progress.loss), until=until)
    return found


def same(one, other):
    a, b = one.state_dict(), other.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def copied(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.fixture(scope="module")
def whole(drive, tmp_path_factory):
    """An uninterrupted run of the recipe: its folder, its losses and the trainer."""
    run = {}

    def once(recipe):
        if not run:
            folder = tmp_path_factory.mktemp("run") / "whole"
            trainer = Trainer(recipe, drive, folder)
            run["all"] = folder, losses(trainer), trainer
        return run["all"]

    return once


def test_what_both_stages_leave(stages, whole):
    folder, found, _ = whole(stages)
    assert len(found) == 4
    lines = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1, 2, 3, 4]
    assert lines[0]["held_out"]["photometric"] > 0
    assert lines[-1]["held_out"]["abs_rel"] > 0
    assert set(lines[2]["terms"]) == {"photometric", "smoothness"}
    assert set(lines[3]["terms"]) == {"likelihood", "smoothness"}
    assert set(lines[3]["notes"]) == {"kept", "static", "threshold", "variance"}
    assert sum(lines[4]["terms"].values()) == pytest.approx(lines[4]["loss"], rel=1e-5)
    loaded = checkpoint.load(folder / WEIGHTS)
    assert loaded.notes["licence"] == "CC0"
    for picture in (LOSSES, MASKS):
        with Image.open(folder / picture) as image:
            assert min(image.size) > 100


@pytest.mark.parametrize("stop", [2, 3])
def test_a_resumed_run_equals_an_uninterrupted_one(stages, drive, whole, tmp_path, stop):
    """Between both stages, and within the second."""
    _, expected, reference = whole(stages)
    first = Trainer(stages, drive, tmp_path)
    found = losses(first, until=stop)
    second = Trainer(stages, drive, tmp_path)
    second.resume()
    found += losses(second)
    assert found == expected
    for name in ("depth", "pose", "variance", "threshold"):
        assert same(getattr(reference.networks, name), getattr(second.networks, name)), name
    assert same(reference.networks.frozen[EARLY], second.networks.frozen[EARLY])
    assert same(reference.networks.frozen[LATE], second.networks.frozen[LATE])
    (tmp_path / STATE).unlink()  # large


def test_snapshots_and_the_second_start(stages, drive, tmp_path):
    trainer = Trainer(stages, drive, tmp_path)
    trainer.train_step()
    assert not trainer.networks.frozen
    trainer.train_step()  # two steps of two clips are the one pass over four
    first_end = copied(trainer.model)
    pose = copied(trainer.networks.pose)
    assert all(torch.equal(first_end[k], v) for k, v in trainer.networks.frozen[EARLY].state_dict().items())
    started = initialise(build(trainer.card), stages.seed).state_dict()
    trainer.train_step()
    assert all(torch.equal(first_end[k], v) for k, v in trainer.networks.frozen[LATE].state_dict().items())
    assert all(torch.equal(pose[k], v) for k, v in trainer.networks.pose.state_dict().items())  # frozen
    gaps = {
        name: float((trainer.model.state_dict()[name] - started[name]).abs().max())
        for name, _ in trainer.model.named_parameters()
    }
    assert max(gaps.values()) < 3e-4  # one step at 1e-4 from where the run itself started


def test_the_early_network_is_refreshed_when_asked(stages, drive, tmp_path):
    recipe = replace(stages, masked=Masked(refresh_passes=1, restart=False))
    trainer = Trainer(recipe, drive, tmp_path)
    for _ in range(3):
        trainer.train_step()
    assert not same(trainer.networks.frozen[EARLY], trainer.model)
    trainer.train_step()
    assert same(trainer.networks.frozen[EARLY], trainer.model)


def test_a_first_stage_too_short_for_the_early_network(stages, drive, tmp_path):
    with pytest.raises(UsageError, match=r"too short[\s\S]*passes 1 times over its 4 clips[\s\S]*after pass 3"):
        Trainer(replace(stages, masked=Masked(early_pass=3)), drive, tmp_path)


def test_supervised_first_and_mixed_in(stages, drive, tmp_path):
    mixed = replace(
        stages,
        sources=(replace(stages.sources[0], step=0),),
        stages=(
            Stage(1, 64, 192, 2),
            Stage(2, 64, 192, 2, objective="photometric", supervised=0.5),
        ),
        optimisation=replace(stages.optimisation, bfloat16=True),
    )
    trainer = Trainer(mixed, drive, tmp_path)
    assert trainer.networks.pose is None  # pairs need none
    seen = []
    trainer.run(lambda progress: seen.append(set(progress.terms)))
    assert seen == [{"depth"}, *[{"photometric", "smoothness", "depth"}] * 2]


def test_a_folder_that_holds_a_run_is_not_overwritten(stages, drive, whole):
    folder, _, _ = whole(stages)
    before = (folder / STATE).read_bytes()
    with pytest.raises(UsageError, match=r"holds a run already[\s\S]*--resume"):
        Trainer(stages, drive, folder).run()
    assert (folder / STATE).read_bytes() == before


def test_a_run_may_start_from_a_checkpoint(stages, drive, whole, tmp_path):
    folder, _, _ = whole(stages)
    data = tmp_path / "data"
    data.mkdir()
    (data / "drive").symlink_to(drive / "drive")
    (data / "start.safetensors").write_bytes((folder / WEIGHTS).read_bytes())
    trainer = Trainer(replace(stages, initial="start.safetensors"), data, tmp_path / "run")
    assert same(trainer.model, checkpoint.load(folder / WEIGHTS).model)
    assert trainer.model.training
    with pytest.raises(UsageError, match=r"trains flex-small[\s\S]*holds flex-nano"):
        Trainer(replace(stages, model="flex-small", initial="start.safetensors"), data, tmp_path / "run")
