"""A refiner's stages: what each learns and leaves alone, that they resume exactly, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedepth.errors import UsageError
from edgedepth.evaluation.boundaries import boundary_f1
from edgedepth.models import card, checkpoint, shipped_weights
from edgedepth.training.augment import Batch
from edgedepth.training.feeds import CloseUpFeed
from edgedepth.training.losses import depth_of
from edgedepth.training.recipe import Augmentation, Optimisation, Recipe, Refinement, Rendered, Source, Stage, check
from edgedepth.training.recipe_file import find_recipe, read_recipe
from edgedepth.training.refiner import close_ups
from edgedepth.training.refiner import objective as refining
from edgedepth.training.trainer import LOG, STATE, WEIGHTS, Trainer

pytest.importorskip("timm")
pytestmark = pytest.mark.usefixtures("one_thread")

WHOLE = (384, 512)
SEED = 8


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Two streets and one that is held out, two patches of each."""
    folder = tmp_path_factory.mktemp("rendered")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(close_ups, "PATCHES", 2)
        for seed, street in ((SEED, 0), (SEED, 1), (SEED + 1, 0)):
            close_ups.load_close_ups(seed, street, WHOLE, folder)
    return folder


@pytest.fixture
def start(rendered, tmp_path):
    """``start(recipe, name, data)``: a trainer that finds the pictures rendered."""

    def new(recipe, name="run", data=tmp_path):
        output = tmp_path / name
        output.mkdir(exist_ok=True)
        for folder in rendered.iterdir():
            link = output / folder.name
            if not link.exists():
                link.symlink_to(folder)
        return Trainer(recipe, data, output)

    return new


def recipe(*stages, **more):
    settings = {
        "optimisation": Optimisation(learning_rate=2e-3, warmup=1),
        "augmentation": Augmentation(seam=0.0),
        "refinement": Refinement(patches=2, hold_out=1, pairs=16),
        "report_every": 1,
        "save_every": 100,
        "monitor_every": 100,
    }
    return Recipe("prv2-nano", 3, (), stages, rendered=Rendered(2, SEED), **{**settings, **more})


COARSE = Stage(6, 64, 96, 2, 2, "coarse")
NOISY = Stage(10, 64, 64, 1, 1, "noisy")
REFINED = Stage(6, 64, 64, 1, 1, "refined")
SHARPENED = Stage(6, 64, 64, 1, 1, "sharpened")


def losses(trainer):
    return [json.loads(line)["loss"] for line in (trainer.output / LOG).read_text().splitlines() if "loss" in line]


def still(found):
    """The same recipe, every batch of a picture alike but for the places of its parts."""
    quiet = Augmentation(flip=0, zoom=1, aspect=0, rotation=0, colour=0, grey=0, blur=0, noise=0, erase=0, seam=0)
    return replace(found, augmentation=quiet, rendered=Rendered(1, SEED))


@pytest.mark.parametrize(("stage", "share"), [(COARSE, 0.8), (NOISY, 0.8)])
def test_each_stage_lowers_its_loss(start, stage, share):
    plain = Refinement(patches=2, hold_out=1, softest=1.0, pairs=16)
    trainer = start(still(recipe(replace(stage, steps=10), refinement=plain)))
    trainer.run()
    found = losses(trainer)
    assert np.mean(found[-3:]) < share * np.mean(found[:2])


def test_refining_lowers_the_loss_of_a_batch(start):
    plain = Refinement(0.0, patches=2, hold_out=1, softest=1.0, silog=0.0, local=0.0, detail=0.0)
    trainer = start(still(recipe(replace(SHARPENED, steps=16), refinement=plain, initial="flex-nano")))
    batch, _ = trainer.close_ups.close_ups(0)
    found = []
    for until in (1, 16):
        trainer.run(until=until)
        with torch.no_grad():
            found.append(float(refining.refined(trainer.setting, batch, np.random.default_rng(0)).total))
    assert found[1] < 0.95 * found[0]


def parts(trainer):
    model = trainer.model
    return {
        "coarse": {k: v.clone() for k, v in model.coarse_branch.state_dict().items()},
        "refiner": {k: v.clone() for k, v in model.refiner.state_dict().items()},
    }


@pytest.mark.parametrize(
    ("stage", "rate", "changed"),
    [
        (COARSE, 0.2, {"coarse"}),
        (NOISY, 0.2, {"refiner"}),
        (REFINED, 0.2, {"coarse", "refiner"}),
        (REFINED, 0.0, {"refiner"}),
        (SHARPENED, 0.2, {"refiner"}),
    ],
)
def test_each_stage_leaves_the_rest_alone(start, stage, rate, changed):
    trainer = start(recipe(stage, refinement=Refinement(rate, patches=2, hold_out=1, pairs=16)))
    before = parts(trainer)
    for _ in range(2):
        trainer.train_step()
    for name, now in parts(trainer).items():
        assert any(not torch.equal(now[k], v) for k, v in before[name].items()) == (name in changed)
    if stage is REFINED:
        assert ("coarse" in trainer.terms.parts) == (rate > 0)
        statistics = {k: v for k, v in parts(trainer)["coarse"].items() if "running" in k}
        assert all(torch.equal(v, before["coarse"][k]) for k, v in statistics.items())
        paces = {group["pace"] for group in trainer._optimizer.param_groups}
        assert paces == ({1.0, rate} if rate else {1.0})


def test_a_stopped_run_goes_on_as_if_it_had_not(start):
    whole = recipe(*(replace(stage, steps=2) for stage in (COARSE, NOISY, REFINED, SHARPENED)))
    first = start(whole, "first")
    first.run()
    for until in (1, 3, 5, 7):
        second = start(whole, "second")
        if until > 1:
            second.resume()
        second.run(until=until)
    third = start(whole, "second")
    third.resume()
    third.run()
    assert losses(third) == losses(first)
    assert (third.output / WEIGHTS).read_bytes() == (first.output / WEIGHTS).read_bytes()
    one, other = (torch.load(t.output / STATE, weights_only=True)["networks"]["depth"] for t in (first, third))
    assert all(torch.equal(one[k], other[k]) for k in one)


def test_the_loss_is_at_the_predictions_own_scale(start):
    trainer = start(recipe(REFINED))
    batch, _ = trainer.close_ups.close_ups(0)
    wholes = replace(batch.wholes, depths=batch.wholes.depths * 3)
    tripled = replace(batch, wholes=wholes, targets=batch.targets * 3)
    found = []
    for one in (batch, tripled):
        terms = refining.refined(trainer.setting, one, np.random.default_rng(0))
        found.append({name: float(part.detach()) for name, part in terms.parts.items() if name != "coarse"})
    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_the_truth_is_aligned_by_the_medians_of_the_picture(start):
    trainer = start(recipe(REFINED))
    batch, _ = trainer.close_ups.close_ups(0)
    found = refining.predict(trainer.model.eval(), trainer.setting, batch)
    depth, truth = found.seen.depth[0].detach().double().numpy(), batch.wholes.depths[0].double().numpy()
    known = truth < truth.max()
    ratio = np.sort(depth[known])[(known.sum() - 1) // 2] / np.sort(truth[known])[(known.sum() - 1) // 2]
    expected = np.log(batch.targets[0].double().numpy() * ratio)
    np.testing.assert_allclose(found.truth.detach().numpy(), expected, atol=1e-4)


def test_parts_of_the_loss_are_what_they_say(start):
    trainer = start(recipe(REFINED))
    weighted = Refinement(0.0, patches=2, hold_out=1, silog=0.1, absolute=2.0, gradient=3.0, local=0.0, detail=0.0)
    setting = replace(trainer.setting, recipe=replace(trainer.recipe, refinement=weighted))
    batch, rng = trainer.close_ups.close_ups(0)
    parts = refining.refined(setting, batch, rng).parts
    found = refining.predict(trainer.model, setting, batch)
    e = (found.after - found.asked).detach().double().numpy()[:, 0]
    w = found.weight.double().numpy()[:, 0]
    mean = [(np.abs(one) * by).sum() / by.sum() for one, by in zip(e, w, strict=True)]
    share = w / w.sum()
    square, bias = (share * e**2).sum(), (share * e).sum()
    assert set(parts) == {"silog", "absolute", "gradient", "coarse"}
    assert float(parts["absolute"].detach()) == pytest.approx(2 * np.mean(mean), rel=1e-4)
    assert float(parts["silog"].detach()) == pytest.approx(np.sqrt(square - 0.85 * bias**2), rel=1e-3)


def test_sharpening_leaves_the_scale_invariant_loss_out(start):
    trainer = start(recipe(SHARPENED))
    trainer.train_step()
    assert set(trainer.terms.parts) == {"absolute", "gradient", "local", "detail"}
    assert trainer.terms.notes["refined error"] != trainer.terms.notes["coarse error"]


def test_features_are_those_of_the_coarse_branch(start):
    trainer = start(recipe(REFINED))
    model, picture = trainer.model.eval(), torch.rand(1, 3, 64, 96)
    seen = refining.see(model, trainer.setting, picture)
    depth, features = model.coarse_branch(picture)
    torch.testing.assert_close(seen.depth, depth)
    for ours, theirs in zip(model.guiding(seen.features), model.guiding(features), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert torch.equal(seen.depth, depth_of(seen.disparities[0], *trainer.setting.depth_range))


def test_coarse_stages_mix_sources_and_streets(start, data, rendered):
    mixed = replace(
        recipe(Stage(2, 64, 96, 3, 2, "coarse")), sources=(Source("street", hold_out=("03",)),), monitor_every=2
    )
    trainer = start(mixed, data=data)
    batch = trainer.close_ups.coarse(0)
    assert batch.images.shape == (3, 3, 64, 96)
    assert isinstance(batch, Batch)
    trainer.run()
    last = json.loads((trainer.output / LOG).read_text().splitlines()[-1])["held_out"]
    assert {"abs_rel", "coarse_error", "refined_error", "coarse_f1", "refined_f1"} < set(last)
    assert "log error" in str(trainer.measure())


def test_it_starts_from_the_weights_that_ship_and_states_their_licence(start):
    shipped = shipped_weights(card("flex-nano"))
    if shipped is None:
        pytest.skip("no weights ship for flex-nano")
    limits = [0.25, 0.25, 0.25, 0.25]
    trainer = start(recipe(replace(NOISY, steps=1), initial="flex-nano", config={"offset_limits": limits}))
    trainer.run()
    saved, coarse = checkpoint.load(trainer.output / WEIGHTS), checkpoint.load(shipped)
    assert saved.card.name == "prv2-nano"
    assert saved.notes["licence"] == coarse.notes["licence"]
    picture = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = depth_of(coarse.model(picture), 0.1, 100.0)
        torch.testing.assert_close(saved.model.coarse_branch(picture)[0], expected)


def test_the_weights_that_ship_sharpen_borders_and_hold_their_coarse_model_as_it_is(start, rendered):
    shipped, coarse = (checkpoint.load(shipped_weights(card(name))) for name in ("prv2-nano", "flex-nano"))
    held = shipped.model.coarse_branch.network.state_dict()
    assert all(torch.equal(held[key], value) for key, value in coarse.model.state_dict().items())
    assert "non-commercial" in shipped.notes["licence"]
    trainer = start(recipe(SHARPENED))
    with torch.no_grad():
        found = refining.predict(shipped.model.eval(), trainer.setting, trainer.close_ups.held_out(0))
    before, after, truth = (one[:, 0].double().exp().numpy() for one in (found.before, found.after, found.truth))
    everywhere = np.ones(truth.shape[1:], bool)
    scores = [
        [boundary_f1(one, exact, everywhere) for one, exact in zip(maps, truth, strict=True)]
        for maps in (before, after)
    ]
    assert np.mean(scores[1]) > np.mean(scores[0])
    change = np.abs(np.log(after / before))
    assert np.mean(change > 0.02) < 0.5
    assert change.max() > 0.1


def test_pictures_are_rendered_where_none_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(close_ups, "PATCHES", 1)
    feed = CloseUpFeed(recipe(REFINED), tmp_path, (64, 96), tmp_path, torch.device("cpu"))
    batch, _ = feed.close_ups(0)
    assert batch.patches.shape == (1, 2, 3, 64, 64)
    assert len(list(tmp_path.glob("rendered-close-ups-*/*.npz"))) == 1


@pytest.mark.parametrize(
    ("stages", "more", "said"),
    [
        ((NOISY, COARSE), {}, "stages"),
        ((replace(REFINED, rendered=0),), {}, "rendered"),
        ((replace(REFINED, height=288),), {}, "256x320 at most"),
        ((replace(COARSE, rendered=1),), {}, "sources"),
        ((REFINED, Stage(1, 64, 96, 1)), {}, "stages"),
        ((REFINED,), {"refinement": Refinement(patches=0)}, "refinement.patches"),
        ((REFINED,), {"refinement": Refinement(coarse_rate=-1.0)}, "refinement.coarse_rate"),
        ((REFINED,), {"refinement": Refinement(softest=0.5)}, "refinement.softest"),
        ((REFINED,), {"refinement": Refinement(silog=-1.0)}, "refinement"),
        ((SHARPENED,), {"refinement": Refinement(absolute=0, gradient=0, local=0, detail=0)}, "refinement"),
    ],
)
def test_recipes_that_cannot_be_are_refused(stages, more, said):
    with pytest.raises(UsageError) as caught:
        check(recipe(*stages, **more))
    assert said in str(caught.value)


def test_another_model_cannot_refine():
    with pytest.raises(UsageError, match="objective"):
        check(replace(recipe(REFINED), model="flex-nano"))


def test_other_stages_need_sources():
    with pytest.raises(UsageError, match="sources"):
        check(Recipe("flex-nano", 1, (), (Stage(1, 64, 96, 1),)))


def test_the_shipped_recipe_is_sound():
    shipped = read_recipe(find_recipe("prv2-nano"))
    assert [span.objective for span in shipped.spans] == ["noisy"]
