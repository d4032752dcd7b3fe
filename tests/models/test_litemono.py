"""Lite-Mono against the published networks: keys, counts, stages, every disparity map, and what the size decides."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gap, picture, write_official

from edgedepth.errors import CheckpointError, UsageError
from edgedepth.models import build, card, checkpoint, initialise, with_config
from edgedepth.models.counting import count
from edgedepth.models.litemono.blocks import CrossCovarianceAttention, DilatedBlock, FourierPosition, LocalGlobalBlock
from edgedepth.models.litemono.official import as_trained

NAMES = ("lite-mono-tiny", "lite-mono-small", "lite-mono", "lite-mono-8m")
PARAMETERS = dict(zip(NAMES, (2_147_659, 2_476_859, 3_074_747, 8_775_851), strict=True))
THOP = dict(zip(NAMES, (2.84162064, 4.74638352, 5.0318952, 11.21248272), strict=True))
TOLERANCE = 1e-4
WIDE = (320, 1024)


def split_files(model):
    """The two files of an official folder."""
    state = model.state_dict()
    depth = {k: v for k, v in state.items() if k.startswith("decoder.")}
    encoder = {k: v for k, v in state.items() if k not in depth}
    return {"encoder.pth": encoder, "depth.pth": depth}


def release(folder, model, size):
    files = split_files(model)
    files["encoder.pth"] |= {"height": size[0], "width": size[1], "use_stereo": False}
    return write_official(folder, files)


# Against the published networks


@pytest.mark.parametrize(("name", "vector"), [("lite-mono-tiny", "litemono_tiny"), ("lite-mono", "keys/litemono_base")])
def test_state_dict_has_the_official_keys_and_shapes_in_their_order(goldens, name, vector):
    model, facts = build(card(name)), goldens.facts(vector)
    own = [
        [file, key, list(value.shape), str(value.dtype).removeprefix("torch.")]
        for file, content in split_files(model).items()
        for key, value in content.items()
    ]
    assert own == facts["files"]
    named = dict(model.named_parameters())
    counts = {
        file: sum(named[key].numel() for key in content if key in named) for file, content in split_files(model).items()
    }
    assert counts == facts["params"]


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_the_papers_multiply_adds(name):
    counts, paper = count(build(card(name)), (192, 640)), card(name).paper
    assert counts.parameters == PARAMETERS[name]
    assert counts.paper_gflops == pytest.approx(THOP[name], abs=1e-9)
    assert round(counts.paper_gflops, 3) == paper.gflops


@pytest.mark.parametrize("name", NAMES)
def test_the_papers_parameters_leave_out_what_no_layer_holds(name):
    kinds = (torch.nn.Conv2d, torch.nn.Linear, torch.nn.BatchNorm2d)
    layers = [m for m in build(card(name)).modules() if isinstance(m, kinds)]
    counted = sum(p.numel() for m in layers for p in m.parameters())
    assert round(counted / 1e6, 3) == card(name).paper.params_millions


def test_multiply_adds_of_all_heads_are_those_of_the_published_network(goldens):
    from torch.utils.flop_counter import FlopCounterMode

    model = build(card("lite-mono-tiny")).to("meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.disparities(torch.empty(1, 3, 192, 640, device="meta"))
    assert counter.get_total_flops() / 1e9 == pytest.approx(
        goldens.facts("litemono_tiny")["torch_flop_counter_gflops"], abs=1e-9
    )


def test_stages_and_disparities_equal_the_published_ones(goldens):
    model = goldens.fill(build(card("lite-mono-tiny")), gain=1.0)
    facts, expected = goldens.facts("litemono_tiny"), goldens.arrays("litemono_tiny")
    with torch.no_grad():
        features = model.features(goldens.generator.golden_input())
        disparities = model.disparities(goldens.generator.golden_input())
    assert len(features) == len(facts["features"])
    for feature, fact in zip(features, facts["features"], strict=True):
        assert list(feature.shape) == fact["shape"]
        assert float(feature.mean()) == pytest.approx(fact["mean"], abs=1e-5)
        assert float(feature.std()) == pytest.approx(fact["std"], abs=1e-5)
        assert feature.ravel()[:8].tolist() == pytest.approx(fact["first8"], abs=TOLERANCE)
    assert len(disparities) == len(facts["outputs"])
    for scale, disparity in enumerate(disparities):
        assert gap(disparity, torch.from_numpy(expected[f"disp{scale}"])) <= TOLERANCE, f"disparity {scale}"


def test_the_forward_is_the_finest_map():
    model = initialise(build(card("lite-mono-small")), 3)
    with torch.no_grad():
        assert gap(model(picture(32, 64)), model.disparities(picture(32, 64))[0]) == 0


# What the training size decides


def dilations(model):
    return [[b.ddwconv.conv.dilation[0] for b in stage if isinstance(b, DilatedBlock)] for stage in model.stages]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lite-mono-tiny", [[1, 2, 5], [1, 2, 5], [1, 2, 5, 2, 4, 10]]),
        ("lite-mono-small", [[1, 2, 5], [1, 2, 5], [1, 2, 5, 2, 4, 10]]),
        ("lite-mono", [[1, 2, 5], [1, 2, 5], [1, 2, 5, 1, 2, 5, 2, 4, 10]]),
        ("lite-mono-8m", [[1, 2, 3], [1, 2, 3], [1, 2, 3, 1, 2, 3, 2, 4, 6]]),
    ],
)
def test_a_checkpoint_of_wide_pictures_has_wider_dilations(tmp_path, name, expected):
    model = initialise(build(card(name)), 1)
    wide = checkpoint.load(release(tmp_path / "wide", model, WIDE))
    assert wide.card.name == name
    assert wide.size == WIDE
    assert dilations(wide.model) == expected
    assert [list(stage) for stage in wide.card.config.dilations] == expected
    small = checkpoint.load(release(tmp_path / "small", model, (192, 640)), name)
    assert small.card == card(name)
    assert dilations(small.model) == dilations(model)


def test_dilations_change_what_the_network_computes(tmp_path):
    model = initialise(build(card("lite-mono-tiny")), 1)
    wide = checkpoint.load(release(tmp_path, model, WIDE)).model
    with torch.no_grad():
        assert gap(wide(picture(64, 96)), model(picture(64, 96))) > 1e-3


def test_a_file_of_ours_keeps_its_dilations(tmp_path):
    wide = checkpoint.load(release(tmp_path / "wide", initialise(build(card("lite-mono-tiny")), 1), WIDE))
    path = tmp_path / "wide.safetensors"
    checkpoint.save(path, wide.model, wide.card, {"dilations": wide.card.config.dilations}, {})
    again = checkpoint.load(path)
    assert again.card.config == wide.card.config
    with torch.no_grad():
        assert gap(again.model(picture(32, 64)), wide.model(picture(32, 64))) == 0


@given(st.tuples(st.integers(1, 2000), st.integers(1, 2000)).filter(lambda size: size != WIDE) | st.none())
@settings(max_examples=20, deadline=None)
def test_no_other_size_changes_anything(size):
    tensors = dict.fromkeys([f"stages.2.{i}.ddwconv.conv.weight" for i in range(6)], torch.zeros(1))
    assert as_trained(tensors, size) == (tensors, {})


def test_profilers_junk_is_dropped_and_a_foreign_network_is_refused(tmp_path):
    model = initialise(build(card("lite-mono-tiny")), 1)
    files = split_files(model)
    files["encoder.pth"] |= {
        "height": 192,
        "width": 640,
        "total_ops": torch.zeros(1),
        "stem2.total_params": torch.ones(1),
    }
    assert checkpoint.load(write_official(tmp_path / "junk", files)).card.name == "lite-mono-tiny"
    del files["encoder.pth"]["stages.0.0.gamma"]
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(write_official(tmp_path / "cut", files), "lite-mono-tiny")
    assert "stages.0.0.gamma" in caught.value.evidence


@pytest.mark.parametrize("fields", [{"channels": [31, 64, 128]}, {"dilations": [[0], [1], [1]]}, {"dilations": [[1]]}])
def test_configurations_that_cannot_be_built_are_refused(fields):
    with pytest.raises(UsageError, match="lite-mono-tiny"):
        with_config(card("lite-mono-tiny"), fields)


# The blocks, by NumPy


def test_attention_of_channels_on_channels():
    rng = np.random.default_rng(0)
    block = CrossCovarianceAttention(16, 4).double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(size=parameter.shape)))
    x = rng.normal(size=(2, 5, 16))
    values = {key: value.numpy() for key, value in block.state_dict().items()}
    qkv = x @ values["qkv.weight"].T + values["qkv.bias"]
    q, k, v = np.split(qkv, 3, axis=2)
    mixed = np.zeros_like(x)
    for b in range(2):
        for head in range(4):
            columns = slice(4 * head, 4 * head + 4)
            rows = [part[b, :, columns].T for part in (q, k, v)]
            unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in rows[:2]]
            scores = np.exp(unit[0] @ unit[1].T * values["temperature"][head, 0, 0])
            mixed[b, :, columns] = (scores / scores.sum(1, keepdims=True) @ rows[2]).T
    expected = mixed @ values["proj.weight"].T + values["proj.bias"]
    with torch.no_grad():
        np.testing.assert_allclose(block(torch.from_numpy(x)).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
def test_position_code_is_waves_of_rows_then_columns(size):
    code = FourierPosition(6).double()
    with torch.no_grad():
        found = code(torch.zeros(2, 6, *size, dtype=torch.float64))[0].numpy()
    weight, bias = (value.detach().numpy() for value in code.token_projection.parameters())
    for row in range(size[0]):
        for column in range(size[1]):
            waves = []
            for place, length in ((row, size[0]), (column, size[1])):
                angle = 2 * math.pi * (place + 1) / (length + 1e-6)
                for pair in range(16):
                    scaled = angle / 10_000 ** (2 * pair / 32)
                    waves += [math.sin(scaled), math.cos(scaled)]
            expected = weight[:, :, 0, 0] @ np.array(waves) + bias
            np.testing.assert_allclose(found[:, row, column], expected, atol=1e-12)


def test_blocks_start_as_the_identity_and_their_stored_norm_is_never_read():
    config = card("lite-mono-tiny").config
    x = torch.randn(1, 32, 4, 5)
    dilated = DilatedBlock(32, 2, config.expansion).eval()
    for block in (dilated, LocalGlobalBlock(32, config, position=True).eval()):
        with torch.no_grad():
            assert gap(block(x), x) < 1e-4
    with torch.no_grad():
        before = dilated(x)
        dilated.norm.weight.fill_(7)
        assert gap(dilated(x), before) == 0
