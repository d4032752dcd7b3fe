"""PatchRefiner V2 against the published networks: keys, counts, outputs, coarse models."""

from __future__ import annotations

import dataclasses
import importlib

import numpy as np
import pytest
import torch
from support import gap, picture
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from edgedepth.errors import MissingDependencyError, UsageError
from edgedepth.models import build, card, initialise
from edgedepth.models.patchrefiner.blocks import resized
from edgedepth.models.patchrefiner.coarse import STRIDES, ZoeDepthCoarse, build_coarse
from edgedepth.models.patchrefiner.coarse_to_fine import GuidedDenoisingUnit
from edgedepth.models.patchrefiner.config import CARDS, ZOEDEPTH_FEATURES, RefinerConfig
from edgedepth.models.patchrefiner.encoder import FineBranch
from edgedepth.models.patchrefiner.model import PatchRefiner, Refiner

pytest.importorskip("timm")

FACTS = {"prv2-m": "prv2_m", "prv2-e": "keys/prv2_e", "prv2-c": "keys/prv2_c"}
PARAMETERS = {"prv2-m": 46_951_989, "prv2-e": 72_130_709, "prv2-c": 246_122_965}
BY_NAME = {known.name: known for known in CARDS}
TOLERANCE = 1e-4
SIZE = (96, 128)
SMALL = {"width": 16, "joined": (24, 16, 12, 8, 8, 8), "decoder": (16, 12, 8, 8, 8)}


def on_meta(name):
    with torch.device("meta"):
        return build(BY_NAME[name])


def given(channels, size=SIZE, seed=1):
    """Coarse depth and features as the golden vector has them."""

    def generator(number):
        return torch.Generator().manual_seed(number)

    depth = torch.rand((1, 1, *size), generator=generator(seed)) * 10 + 1
    features = [
        torch.randn((1, c, size[0] // s, size[1] // s), generator=generator(10 + i))
        for i, (c, s) in enumerate(zip(channels, STRIDES, strict=True))
    ]
    return depth, features


@pytest.mark.parametrize("name", FACTS)
def test_state_dict_has_the_published_keys_and_shapes_in_their_order(goldens, name):
    own = [
        [key, list(value.shape), str(value.dtype).removeprefix("torch.")]
        for key, value in on_meta(name).state_dict().items()
    ]
    assert own == [entry[1:] for entry in goldens.facts(FACTS[name])["files"]]


@pytest.mark.parametrize("name", FACTS)
def test_parameters_and_multiply_adds(name):
    model = on_meta(name)
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[name]
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        depth, features = (
            torch.empty(1, 1, 384, 512),
            [torch.empty(1, c, 384 // s, 512 // s) for c, s in zip(model.config.coarse_channels, STRIDES, strict=True)],
        )
        assert model(torch.empty(1, 3, 384, 512), depth, features).shape == (1, 1, 384, 512)
    gmacs = round(counter.get_total_flops() / 2e9)
    assert BY_NAME[name].notes[0].startswith(f"{gmacs} G multiply-adds per 384x512 patch")
    printed = BY_NAME[name].paper.params_millions
    assert round(PARAMETERS[name] / 1e6, 1) == printed or name == "prv2-c"


def test_what_the_paper_seems_to_leave_out_of_c():
    model = on_meta("prv2-c")
    extra = [model.refiner_fine_branch.upsample_convx, model.refiner_fusion_model.c2f.scratch["layer1_rn"]]
    counts = [sum(p.numel() for p in part.parameters()) for part in extra]
    assert counts == [73_824, 221_184]
    assert round((PARAMETERS["prv2-c"] - sum(counts)) / 1e6, 1) == BY_NAME["prv2-c"].paper.params_millions


def test_the_refined_depth_equals_the_published_one(goldens):
    model = goldens.fill(build(BY_NAME["prv2-m"]), gain=1.0)
    facts = goldens.facts("prv2_m")
    depth, features = given(ZOEDEPTH_FEATURES)
    assert [list(f.shape) for f in features] == facts["other_inputs"]["coarse_feat_shapes"]
    patch = goldens.generator.golden_input((1, 3, *SIZE))
    with torch.no_grad():
        taps = model.refiner_fine_branch(patch, depth)
        found = model(patch, depth, features)
    assert gap(found, torch.from_numpy(goldens.arrays("prv2_m")["depth"])) <= TOLERANCE
    for tap, expected in zip(reversed(taps), facts["features"], strict=False):
        assert list(tap.shape) == expected["shape"]
        assert float(tap.mean()) == pytest.approx(expected["mean"], abs=1e-5)
        assert float(tap.std()) == pytest.approx(expected["std"], abs=1e-5)
        assert tap.ravel()[:8].tolist() == pytest.approx(expected["first8"], abs=TOLERANCE)


@pytest.mark.parametrize("name", FACTS)
def test_a_card_says_what_its_backbone_expects(name):
    known = BY_NAME[name]
    with torch.device("meta"):
        expected = FineBranch(known.config.encoder, (0, 0, 0), (1, 1, 1)).refiner_encoder.pretrained_cfg
    assert known.config.mean == known.input.mean == expected["mean"]
    assert known.config.std == known.input.std == expected["std"]
    assert known.output.meaning == "metric-depth"
    assert known.licence
    assert known.paper.gflops is None
    assert known.paper.gflops_rule


def test_normalization_spares_the_depth():
    branch = FineBranch(BY_NAME["prv2-m"].config.encoder, (0.1, 0.2, 0.3), (0.5, 0.4, 0.25)).eval()
    seen = []
    branch.refiner_encoder.conv_stem.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    patch, depth = picture(32, 32), torch.full((1, 1, 32, 32), 7.5)
    with torch.no_grad():
        branch(patch, depth)
    expected = np.stack(
        [(patch[0, c].numpy() - m) / s for c, (m, s) in enumerate([(0.1, 0.5), (0.2, 0.4), (0.3, 0.25)])]
    )
    np.testing.assert_allclose(seen[0][0, :3].numpy(), expected, atol=1e-6)
    assert torch.equal(seen[0][:, 3:], depth)


def test_units_without_a_skip_are_never_run():
    model = initialise(Refiner(RefinerConfig(BY_NAME["prv2-m"].config.encoder, **SMALL)), 0).eval()
    ran = set()
    for name, module in model.named_modules():
        if isinstance(module, GuidedDenoisingUnit):
            module.register_forward_hook(lambda *_, name=name: ran.add(name))
    units = {name for name, module in model.named_modules() if isinstance(module, GuidedDenoisingUnit)}
    with torch.no_grad():
        model(picture(*SIZE), *given(ZOEDEPTH_FEATURES))
    idle = {name.removeprefix("refiner_fusion_model.c2f.scratch.") for name in units - ran}
    assert idle == {"refinenet5.GateresConfUnit1", "output_conv2_fusion.GateresConfUnit1"}


# Coarse models


class Answering(nn.Module):
    """A network of ZoeDepth's manners."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, image):
        depth, features = given(self.channels, image.shape[-2:])
        return {
            "metric_depth": depth * self.scale,
            "temp_features": dict(zip(ZoeDepthCoarse.NAMES, features, strict=True)),
        }


def small(name):
    return initialise(build(BY_NAME["prv2-m"], coarse=name, **SMALL), 2)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("flex-nano", (256, 128, 64, 32, 16, 16)),
        ("flex-medium", (512, 512, 256, 128, 64, 64)),
        ("surround-monodepth2", (512, 256, 128, 64, 32, 16)),
        ("surround-hrdepth", (512, 256, 128, 64, 32, 16)),
        ("surround-monovit", (288, 256, 128, 64, 32, 16)),
    ],
)
def test_models_of_the_registry_as_coarse_branch(name, channels):
    coarse = initialise(build_coarse(name), 1).eval()
    assert coarse.channels == channels
    image = picture(64, 96)
    with torch.no_grad():
        depth, features = coarse(image)
        alone = coarse.network(image)
    assert [tuple(f.shape) for f in features] == [
        (1, c, 64 // s, 96 // s) for c, s in zip(channels, STRIDES, strict=True)
    ]
    if card(name).output.meaning == "sigmoid-disparity":
        alone = 1 / (0.01 + 9.99 * alone)
    assert gap(depth, alone) <= 1e-5


@pytest.mark.parametrize("name", ["flex-nano", "surround-monodepth2"])
def test_a_coarse_model_and_its_refiner_are_one_network(name):
    model = small(name)
    assert isinstance(model, PatchRefiner)
    assert not model.training
    assert {key.partition(".")[0] for key in model.state_dict()} == {
        "coarse_branch",
        "refiner_fine_branch",
        "refiner_fusion_model",
    }
    assert model.config.coarse_channels == model.coarse_branch.channels
    image = picture(*SIZE)
    with torch.no_grad():
        out = model(image)
        coarse = model.coarse_branch(image)[0]
    assert out.shape == (1, 1, *SIZE)
    assert float(out.min()) >= 0
    assert gap(out, coarse) > 1e-3


def test_refining_the_whole_picture_as_one_patch_changes_nothing():
    model = small("flex-nano")
    image = picture(*SIZE)
    with torch.no_grad():
        expected = model(image)
        depth, features = model.coarse_branch(image)
        found = model.refine_patches(image, torch.tensor([[0.0, 0.0, 1.0, 1.0]]), depth, features)
    assert gap(found, expected) <= 1e-5


def test_patches_of_a_picture_are_refined_apart():
    model = small("flex-nano")
    boxes = torch.tensor([[0.0, 0.0, 0.25, 0.25], [0.5, 0.25, 0.75, 0.5]])
    patches = picture(*SIZE, batch=2, seed=4)
    with torch.no_grad():
        depth, features = model.coarse_branch(picture(*SIZE))
        together = model.refine_patches(patches, boxes, depth, features)
        second = model.refine_patches(patches[1:], boxes[1:], depth, features)
    assert together.shape == (2, 1, *SIZE)
    assert gap(together[1:], second) <= 1e-5


def test_a_network_that_answers_as_zoedepth_does():
    coarse = ZoeDepthCoarse(Answering(ZOEDEPTH_FEATURES))
    model = initialise(PatchRefiner(RefinerConfig(BY_NAME["prv2-m"].config.encoder, **SMALL), coarse), 0).eval()
    image = picture(*SIZE)
    with torch.no_grad():
        found = model(image)
        expected = model.refine(image, *given(ZOEDEPTH_FEATURES))
    assert torch.equal(found, expected)


def test_coarse_features_of_another_size_are_resized():
    model = small(None)
    depth, features = given(ZOEDEPTH_FEATURES)
    _, larger = given(ZOEDEPTH_FEATURES, (128, 160))
    image = picture(*SIZE)
    with torch.no_grad():
        found = model(image, depth, larger)
        expected = model(image, depth, [resized(f, g.shape[-2:]) for f, g in zip(larger, features, strict=True)])
    assert torch.equal(found, expected)


def test_a_model_without_known_features_is_refused():
    with pytest.raises(UsageError, match="lite-mono cannot be a refiner's coarse model") as caught:
        build(BY_NAME["prv2-m"], coarse="lite-mono", **SMALL)
    assert "flexdepth and surround" in caught.value.evidence
    with pytest.raises(UsageError, match="no model named"):
        build_coarse("flex-nan")


def test_depth_is_never_negative():
    model = small(None)
    depth, features = given(ZOEDEPTH_FEATURES)
    with torch.no_grad():
        model.refiner_fusion_model.final_conv.weight.fill_(-1e3)
        out = model(picture(*SIZE), depth, features)
    assert float(out.min()) == 0


def test_without_timm_the_message_says_so(monkeypatch):
    def refuse(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(MissingDependencyError) as caught:
        FineBranch("any", (0, 0, 0), (1, 1, 1))
    assert "timm" in caught.value.evidence
    assert "pip install" in caught.value.remedy


def test_reading_refiner_cards_imports_nothing_heavy():
    assert dataclasses.is_dataclass(BY_NAME["prv2-m"].config)
    import subprocess
    import sys

    code = "import sys, edgedepth.models.patchrefiner.config; print(*{'torch', 'numpy', 'timm'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
