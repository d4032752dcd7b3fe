"""Metric stages: what each term is, that it teaches, resumes exactly, and refuses what cannot be."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from surround_rigs import SIZE, rig_recipe
from typer.testing import CliRunner

from edgedepth.cli import app
from edgedepth.errors import InputError, UsageError
from edgedepth.models import build, card, checkpoint, initialise
from edgedepth.models.surround.metric_bins import up
from edgedepth.training.objectives import Setting
from edgedepth.training.precision import Precision
from edgedepth.training.recipe import Optimisation, Source, Stage
from edgedepth.training.surround.bins import bins_of
from edgedepth.training.surround.losses import log_depth_loss, relation_loss, view_distances
from edgedepth.training.surround.objective import metric
from edgedepth.training.surround.teachers import FolderTeacher, NetworkTeacher, write_teacher
from edgedepth.training.trainer import LOG, WEIGHTS, Trainer

CPU = torch.device("cpu")
TEACHER = "teacher.safetensors"
STILL = {"flip": 0.0, "colour": 0.0, "grey": 0.0, "blur": 0.0, "noise": 0.0}

pytestmark = pytest.mark.usefixtures("one_thread")


def still(recipe, flip=0.0):
    return replace(recipe, augmentation=replace(recipe.augmentation, **{**STILL, "flip": flip}))


def terms_of(trainer, step=0):
    return metric(trainer.setting, trainer.moments.batch(step), trainer.teacher).parts


def test_each_term_is_what_the_paper_says(rig, tmp_path):
    trainer = Trainer(rig_recipe(teacher=TEACHER, cross=0.3, relation=0.7, supervised=2.0), rig, tmp_path / "run")
    found = {name: float(part.detach()) for name, part in terms_of(trainer).items()}
    batch = trainer.moments.batch(0)
    student = bins_of(trainer.model, batch.images[0], trainer.precision)
    with torch.no_grad():
        teacher = checkpoint.load(rig / TEACHER).model.bins(batch.plain[0])

    def silog(predicted, target, known):
        e = np.log((predicted / target).detach().double().numpy()[known])
        return 10 * np.sqrt(e.var() + 0.15 * e.mean() ** 2)

    known = batch.weights[0].numpy() > 0
    assert found["supervised"] == pytest.approx(2 * silog(student.depth, batch.depths[0], known), rel=1e-3)
    crossed = (student.probabilities * up(teacher.centres, student.probabilities)).sum(1, keepdim=True)
    everywhere = np.ones_like(known)
    assert found["cross"] == pytest.approx(0.3 * silog(crossed, teacher.depth, everywhere), rel=1e-3)
    distances = []
    for network in (student, teacher):
        p = network.probabilities.detach().double().numpy()
        raw = np.array([np.linalg.norm(p[i] - p[j]) for i, j in ((0, 1), (1, 2), (2, 0))])
        distances.append(raw / raw.mean())
    gap = distances[0] - distances[1]
    assert np.abs(gap).max() < 1
    assert found["relation"] == pytest.approx(0.7 * (gap**2 / 2).sum(), rel=1e-3)
    assert set(found) == {"supervised", "cross", "relation"}


def test_what_a_vehicle_hides_enters_no_term(rig, tmp_path):
    trainer = Trainer(rig_recipe(teacher=TEACHER), rig, tmp_path / "run")
    batch = trainer.moments.batch(0)
    seen = batch.seen.clone()
    seen[:, :2, :, SIZE[0] // 2 :] = False
    batch = replace(batch, seen=seen, weights=torch.where(seen, batch.weights, 0.0))
    said = trainer.teacher(batch)
    other = replace(
        said, depth=torch.where(seen, said.depth, 7.0), probabilities=torch.where(seen, said.probabilities, 1 / 64)
    )
    changed = replace(batch, depths=torch.where(seen, batch.depths, 500.0))
    expected = metric(trainer.setting, batch, lambda _: said).parts
    found = metric(trainer.setting, changed, lambda _: other).parts
    for name, part in expected.items():
        torch.testing.assert_close(found[name], part)


def test_the_teacher_is_frozen_and_the_student_is_not(rig, tmp_path):
    trainer = Trainer(rig_recipe(teacher=TEACHER), rig, tmp_path / "run")
    before = {key: value.clone() for key, value in trainer.teacher.network.state_dict().items()}
    assert not trainer.teacher.network.training
    trainer.train_step()
    after = trainer.teacher.network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(p.grad is None for p in trainer.teacher.network.parameters())
    head = trainer.model.metric_bins
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in head.attractors.parameters())
    assert all(p.grad is not None for p in trainer.model.core.encoder.parameters())


@pytest.mark.parametrize("distillation", [{"supervised": 0.0, "relation": 0.0}, {"supervised": 0.0, "cross": 0.0}, {}])
def test_gradients_through_the_whole_student(rig, tmp_path, distillation):
    """Against central differences in float64, on weights of the encoder, the decoder and every part of the head."""
    trainer = Trainer(rig_recipe(teacher=TEACHER, **distillation), rig, tmp_path / "run")
    batch = trainer.moments.batch(0)
    lesson = trainer.teacher(batch)
    network = trainer.model.double()
    settings = trainer.recipe.distillation

    def loss():
        images = batch.images[0].double()
        taps = network.core.features(images)
        last, *finer = network.core.pyramid(taps)
        bins = network.metric_bins(taps[-1], finer[::-1], last, network.core.head(last, 0))
        total = torch.zeros((), dtype=torch.float64)
        if settings.supervised:
            total = total + log_depth_loss(
                bins.depth, batch.depths[0].double(), batch.weights[0].double(), focus=0.85, factor=10
            )
        centres = up(lesson.centres[0].double(), bins.probabilities)
        crossed = (bins.probabilities * centres).sum(1, keepdim=True)
        told = lesson.depth[0].double()
        total = total + settings.cross * log_depth_loss(crossed, told, torch.ones_like(told), focus=0.85, factor=10)
        ours, weight = view_distances(bins.probabilities[None], batch.seen, "view", 1)
        theirs, _ = view_distances(lesson.probabilities.double(), batch.seen, "view", 1)
        return total + settings.relation * relation_loss(ours, theirs, weight, mean="batch", huber=1.0)

    network.zero_grad()
    loss().backward()
    head = network.metric_bins
    # The centres, and what places them, have a slope by the supervised loss alone: the others take the teacher's.
    checked = [
        network.core.encoder.layer2[0].conv1.weight,
        network.core.decoder[1].conv.conv.weight,
        head.projectors[3].layers[0].weight,
        head.conditional_log_binomial.mlp[2].weight,
    ]
    if settings.supervised:
        checked += [head.seed_bin_regressor.layers[1].bias, head.seed_projector.layers[1].weight]
    step = 1e-6
    for parameter in checked:
        slope = parameter.grad
        index = np.unravel_index(int(slope.abs().argmax()), slope.shape)
        value = float(parameter.detach()[index])
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter[index] = value + sign * step
                sides.append(float(loss()))
                parameter[index] = value
        assert float(slope[index]) == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=2e-3)


@pytest.mark.parametrize("term", ["supervised", "cross", "relation"])
def test_each_term_alone_can_be_lowered(rig, tmp_path, term):
    weights = {name: float(name == term) for name in ("supervised", "cross", "relation")}
    recipe = still(rig_recipe(teacher=TEACHER, **weights))
    one = (Source("rig", hold_out=("01", "02")),)
    recipe = replace(recipe, sources=one, stages=(Stage(10, *SIZE, 1, objective="metric"),))
    trainer = Trainer(recipe, rig, tmp_path / "run")
    found = [trainer.train_step() for _ in range(10)]
    assert set(trainer.terms.parts) == {term}
    assert found[-1] < 0.7 * found[0]


def test_a_resumed_run_equals_an_uninterrupted_one_and_leaves_a_checkpoint(rig, tmp_path):
    recipe = rig_recipe(teacher=TEACHER)
    whole = Trainer(recipe, rig, tmp_path / "whole")
    expected = []
    whole.run(lambda progress: expected.append(progress.loss))
    found = []
    Trainer(recipe, rig, tmp_path / "parts").run(lambda progress: found.append(progress.loss), until=1)
    second = Trainer(recipe, rig, tmp_path / "parts")
    second.resume()
    second.run(lambda progress: found.append(progress.loss))
    assert found == expected
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "parts" / WEIGHTS).read_bytes()

    lines = [json.loads(line) for line in (tmp_path / "whole" / LOG).read_text().splitlines()]
    assert lines[0]["statement"] == "Taught by surround-monodepth2 of teacher.safetensors, run at every step."
    assert lines[0]["held_out"]["abs_rel"] > 0
    assert set(lines[1]["terms"]) == {"supervised", "cross", "relation"}
    loaded = checkpoint.load(tmp_path / "whole" / WEIGHTS)
    assert loaded.card.name == "surround-monodepth2"
    assert loaded.notes["metres_per_unit"] == "1.0"
    assert loaded.size == SIZE


def test_held_out_figures_are_not_aligned(rig, tmp_path):
    """A network of twice the depth is twice as far off."""
    trainer = Trainer(rig_recipe(), rig, tmp_path / "run")
    found = []
    with torch.no_grad():
        for value in (2.0, 200.0):
            bias = trainer.networks.average.values["metric_bins.seed_bin_regressor._net.2.bias"]
            bias.fill_(value)
            found.append(trainer.measure().depth.abs_rel)
    assert found[0] < 1 < found[1]


def test_computing_the_head_again_changes_nothing(rig, tmp_path):
    losses = []
    for recompute in (False, True):
        trainer = Trainer(rig_recipe(teacher=TEACHER, recompute=recompute), rig, tmp_path / f"run{recompute}")
        losses.append([trainer.train_step() for _ in range(2)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_predictions_on_the_disk_teach_what_the_network_does(rig, tmp_path, flip):
    recipe = still(rig_recipe(teacher=TEACHER))
    assert write_teacher(recipe, rig, tmp_path / "bins", CPU) == 6
    batch = Trainer(still(recipe, flip), rig, tmp_path / "run").moments.batch(0)
    plain = Trainer(recipe, rig, tmp_path / "plain").moments.batch(0)
    network = NetworkTeacher(rig / TEACHER, Precision(recipe.optimisation, CPU), CPU)
    folder = FolderTeacher(tmp_path / "bins", "rig/00/front")
    direct, stored = network(plain), folder(batch)
    assert "centres and probabilities" in folder.statement
    for ours, theirs in ((stored.depth, direct.depth), (stored.centres, direct.centres)):
        torch.testing.assert_close(ours, theirs.flip(1, 4) if flip else theirs, rtol=1e-3, atol=1e-3)
    expected = direct.probabilities.flip(1, 4) if flip else direct.probabilities
    torch.testing.assert_close(stored.probabilities, expected, rtol=1e-3, atol=1e-6)


def test_a_teacher_is_written_the_same_twice(rig, tmp_path):
    for name in ("a", "b"):
        write_teacher(rig_recipe(teacher=TEACHER), rig, tmp_path / name, CPU)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.npz"))
    assert len(files) == 6
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)


def dense_teacher(folder, value=9.0, **arrays):
    for moment in ("00", "01"):
        for camera in ("front", "left", "right"):
            file = folder / "rig" / moment / f"{camera}.npz"
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, depth=np.full((16, 24), value, np.float32), **arrays)
    return folder


def test_dense_maps_alone_switch_distillation_off(rig, tmp_path):
    recipe = still(rig_recipe(teacher=str(dense_teacher(tmp_path / "dense")), cross=0.5))
    trainer = Trainer(recipe, rig, tmp_path / "run")
    parts = {name: float(part.detach()) for name, part in terms_of(trainer).items()}
    assert set(parts) == {"supervised", "dense"}
    student = bins_of(trainer.model, trainer.moments.batch(0).images[0], trainer.precision)
    e = np.log(student.depth.detach().double().numpy() / 9)
    assert parts["dense"] == pytest.approx(5 * np.sqrt(e.var() + 0.15 * e.mean() ** 2), rel=1e-3)
    assert "cross-interaction and view-relational distillation are off" in trainer.statement


def test_command_and_log_say_what_is_off(rig, tmp_path):
    dense_teacher(tmp_path / "dense")
    text = f"""
model = "surround-monodepth2"
seed = 1
[[sources]]
folder = "rig"
hold_out = ["02"]
[[stages]]
objective = "metric"
steps = 1
height = 64
width = 96
batch = 1
[targets]
metres_per_unit = 1.0
[distillation]
teacher = "{tmp_path / "dense"}"
"""
    (tmp_path / "recipe.toml").write_text(text)
    command = ["train", str(tmp_path / "recipe.toml"), "--data", str(rig), "-o"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert "view-relational distillation are off" in result.stderr
    first = json.loads((tmp_path / "run" / LOG).read_text().splitlines()[0])
    assert "view-relational distillation are off" in first["statement"]
    (tmp_path / "recipe.toml").write_text(text.replace(str(tmp_path / "dense"), TEACHER))
    result = CliRunner().invoke(app, [*command, str(tmp_path / "bins"), "--write-teacher"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "bins" / "rig" / "01" / "left.npz").is_file()
    assert "distillation.teacher" in result.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.unlink(), r"lacks a view[\s\S]*rig/01/left\.npz"),
        (lambda file: file.write_bytes(b"PK"), "cannot be read as a teacher's view"),
        (lambda file: np.savez(file, depth=np.full((16, 24), np.nan)), "not finite"),
        (lambda file: np.savez(file, depth=np.ones((2, 16, 24))), "its shapes are"),
        (lambda file: np.savez(file, depth=np.ones((16, 24)), centres=np.ones((64, 8, 12))), "its shapes are"),
        (
            lambda file: np.savez(
                file, depth=np.ones((16, 24)), centres=np.ones((4, 8, 12)), probabilities=np.ones((4, 16, 24))
            ),
            "Some views",
        ),
    ],
)
def test_a_damaged_folder_of_a_teacher(rig, tmp_path, change, message):
    folder = dense_teacher(tmp_path / "dense")
    trainer = Trainer(still(rig_recipe(teacher=str(folder))), rig, tmp_path / "run")
    change(folder / "rig" / "01" / "left.npz")
    batch = next(batch for step in range(2) if "rig/01/left" in (batch := trainer.moments.batch(step)).names[0])
    with pytest.raises(InputError, match=message):
        trainer.teacher(batch)


def test_predictions_of_another_size(rig, tmp_path):
    write_teacher(rig_recipe(teacher=TEACHER), rig, tmp_path / "bins", CPU)
    recipe = rig_recipe(teacher=str(tmp_path / "bins"))
    recipe = replace(recipe, stages=(Stage(1, 96, 96, 1, objective="metric"),))
    with pytest.raises(UsageError, match="64x96, the stage 96x96"):
        Trainer(recipe, rig, tmp_path / "run").train_step()


def test_teachers_that_are_none(rig, tmp_path):
    with pytest.raises(InputError, match="is no teacher"):
        Trainer(rig_recipe(teacher=str(tmp_path)), rig, tmp_path / "run")
    base = card("monodepth2")
    checkpoint.save(tmp_path / "core.safetensors", initialise(build(base), 1), base, {}, {})
    with pytest.raises(UsageError, match="monodepth2 cannot teach with bins"):
        Trainer(rig_recipe(teacher=str(tmp_path / "core.safetensors")), rig, tmp_path / "run")
    with pytest.raises(UsageError, match="teacher cannot be written"):
        write_teacher(rig_recipe(), rig, tmp_path / "bins", CPU)
    assert not (tmp_path / "bins").exists()


@pytest.mark.parametrize("folder", ["{}/rig", "../{}/rig"])
def test_a_teacher_is_never_written_outside_of_its_folder(rig, tmp_path, folder):
    source = Source(folder.format(rig if folder[0] == "{" else rig.name))
    with pytest.raises(UsageError, match="have to be relative"):
        write_teacher(replace(rig_recipe(teacher=TEACHER), sources=(source,)), rig, tmp_path / "bins", CPU)
    assert not (tmp_path / "bins").exists()


def test_stages_and_models_have_to_fit(rig, tmp_path):
    with pytest.raises(UsageError, match="flex-nano cannot be trained by metric stages"):
        Trainer(replace(rig_recipe(), model="flex-nano"), rig, tmp_path / "run")
    supervised = replace(rig_recipe(), stages=(Stage(1, *SIZE, 1),))
    with pytest.raises(UsageError, match="trained by metric stages alone"):
        Trainer(supervised, rig, tmp_path / "run")


def test_a_run_may_start_from_the_core_or_from_a_student(rig, tmp_path):
    base = card("monodepth2")
    core = initialise(build(base), 5)
    checkpoint.save(tmp_path / "core.safetensors", core, base, {}, {})
    started = Trainer(replace(rig_recipe(), initial=str(tmp_path / "core.safetensors")), rig, tmp_path / "a").model
    plain = Trainer(rig_recipe(), rig, tmp_path / "b").model
    for key, value in core.state_dict().items():
        assert torch.equal(started.core.state_dict()[key], value), key
    for key, value in plain.metric_bins.state_dict().items():
        assert torch.equal(started.metric_bins.state_dict()[key], value), key
    again = Trainer(replace(rig_recipe(), initial=TEACHER), rig, tmp_path / "c").model
    assert torch.equal(again.core.encoder.conv1.weight, checkpoint.load(rig / TEACHER).model.core.encoder.conv1.weight)
    other = card("lite-mono")
    checkpoint.save(tmp_path / "other.safetensors", initialise(build(other), 1), other, {}, {})
    with pytest.raises(UsageError, match="or of its core monodepth2"):
        Trainer(replace(rig_recipe(), initial=str(tmp_path / "other.safetensors")), rig, tmp_path / "d")


def test_half_precision_is_of_the_core_alone(rig, tmp_path):
    recipe = replace(rig_recipe(), optimisation=Optimisation(bfloat16=True))
    trainer = Trainer(recipe, rig, tmp_path / "run")
    assert isinstance(trainer.setting, Setting)
    batch = trainer.moments.batch(0)
    with torch.no_grad():
        halved = bins_of(trainer.model.eval(), batch.images[0], trainer.precision)
        whole = trainer.model.bins(batch.images[0])
    assert halved.probabilities.dtype == torch.float32
    assert float((halved.depth / whole.depth - 1).abs().max()) < 0.2


def test_every_metric_source_is_a_rig(rig, data, tmp_path):
    recipe = replace(rig_recipe(), sources=(Source("rig"), Source(str(data / "street"))))
    with pytest.raises(InputError, match="no moments of a rig"):
        Trainer(recipe, rig, tmp_path / "run")
