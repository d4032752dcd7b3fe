"""Monodepth2, HR-Depth and MonoViT against the published networks: keys, counts, parts written out, checkpoints."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from support import gap, picture, randomise, write_official
from torch.utils.flop_counter import FlopCounterMode

from edgedepth.errors import CheckpointError
from edgedepth.models import build, card, checkpoint, initialise
from edgedepth.models.counting import count
from edgedepth.models.monovit.mpvit import WINDOWS, PathEncoder
from edgedepth.models.shared.channel_gate import ChannelGate
from edgedepth.models.shared.nested_decoder import NestedDecoder

PEERS = ("monodepth2", "hr-depth", "monovit")
FACTS = {"monodepth2": "monodepth2_r18", "hr-depth": "keys/hrdepth_r18", "monovit": "keys/monovit_small"}
PARAMETERS = {"monodepth2": 14_329_236, "hr-depth": 14_100_644, "monovit": 27_870_108}
ALL_HEADS_GMACS = {"monodepth2": 8.01350, "hr-depth": 11.22220, "monovit": 20.41146}
"""By a generic counter, all four heads."""
SIZE = (192, 640)


def seeded(name, seed=1):
    return randomise(initialise(build(card(name)), seed), seed + 1).eval()


@pytest.fixture(scope="module", params=PEERS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    return seeded(name)


def released(model, facts):
    """The files of a release that holds these weights, second names, classifier and a profiler's junk included."""
    state, twins = model.state_dict(), facts.get("aliases", {})
    files = {"encoder.pth": {"height": 192, "width": 640, "use_stereo": False}, "depth.pth": {}}
    for file, key, shape, _ in facts["files"]:
        own = twins.get(f"{file}:{key}", key)
        files[file][key] = state[own].clone() if own in state else torch.zeros(shape)
        parent = key.rpartition(".")[0]
        files[file] |= {f"{parent}.total_ops": torch.zeros(1), f"{parent}.total_params": torch.zeros(1)}
    return files


def same(a, b):
    x = picture(64, 96)
    with torch.no_grad():
        return gap(a(x), b(x)) == 0


# Keys and counts


def test_keys_shapes_and_order_are_the_published_ones_each_once(goldens, name, model):
    facts = goldens.facts(FACTS[name])
    twins = facts.get("aliases", {})
    published = [
        [key, shape]
        for file, key, shape, _ in facts["files"]
        if f"{file}:{key}" not in twins and not key.startswith("encoder.fc.")
    ]
    assert [[key, list(value.shape)] for key, value in model.state_dict().items()] == published


def test_parameters_to_the_unit(goldens, name, model):
    classifier = 513_000 if name != "monovit" else 0
    assert count(model, (64, 64)).parameters == PARAMETERS[name]
    assert sum(goldens.facts(FACTS[name])["params"].values()) == PARAMETERS[name] + classifier


def test_multiply_adds_are_the_generic_counters_less_the_heads_that_do_not_run(name, model):
    probe = copy.deepcopy(model).to("meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        probe.disparities(torch.empty(1, 3, *SIZE, device="meta"))
    every = counter.get_total_flops() // 2
    assert every / 1e9 == pytest.approx(ALL_HEADS_GMACS[name], abs=6e-6)
    widths = {"monodepth2": (32, 64, 128), "hr-depth": (32, 64, 128), "monovit": (32, 64, 128)}[name]
    coarser = sum(9 * width * (SIZE[0] * SIZE[1] >> 2 * k) for k, width in enumerate(widths, 1))
    assert count(model, SIZE).macs == every - coarser


def test_monodepth2s_printed_figures_follow_from_the_rule():
    counted, paper = count(build(card("monodepth2")), SIZE), card("monodepth2").paper
    assert round(counted.paper_gflops, 3) == paper.gflops
    assert round(counted.parameters / 1e6, 3) == paper.params_millions


def test_hr_depths_printed_figures_count_the_decoder_two_and_four_times(goldens):
    model, facts, paper = build(card("hr-depth")), goldens.facts(FACTS["hr-depth"]), card("hr-depth").paper
    whole = count(model, SIZE).paper_gflops
    encoder = count(model.encoder, SIZE).paper_gflops
    assert encoder + 4 * (whole - encoder) == pytest.approx(facts["thop_gmacs"], abs=1e-9)
    assert round(facts["thop_gmacs"], 3) == paper.gflops
    assert round(facts["thop_params"] / 1e6, 3) == paper.params_millions
    assert paper.gflops > 2 * whole


def test_monovits_printed_figures_are_the_tools_not_the_networks(goldens):
    facts, paper = goldens.facts(FACTS["monovit"]), card("monovit").paper
    assert (round(facts["thop_gmacs"], 3), round(facts["thop_params"] / 1e6, 3)) == (
        paper.gflops,
        paper.params_millions,
    )
    assert "27,870,108" in card("monovit").notes[0]


# What the networks compute


def test_monodepth2_equals_the_published_network(goldens):
    model = goldens.fill(build(card("monodepth2")), gain=1.0)
    expected = goldens.arrays("monodepth2_r18")
    x = goldens.generator.golden_input()
    with torch.no_grad():
        maps, finest = model.disparities(x), model(x)
    for scale, found in enumerate(maps):
        assert gap(found, torch.from_numpy(expected[f"disp{scale}"])) <= 1e-5
    assert gap(finest, torch.from_numpy(expected["disp0"])) <= 1e-5


def test_the_forward_is_the_finest_of_four_maps(model):
    x = picture(64, 96, batch=2)
    with torch.no_grad():
        maps, out = model.disparities(x), model(x)
    assert [tuple(m.shape) for m in maps] == [(2, 1, 64 >> k, 96 >> k) for k in range(4)]
    assert gap(out, maps[0]) == 0


@pytest.mark.parametrize("seed", [0, 1])
def test_seeded_weights_give_an_output_that_varies(name, seed):
    with torch.no_grad():
        out = initialise(build(card(name)), seed)(picture(64, 96))
    assert float(out.std()) > 0.01


def test_only_monovit_leaves_its_input_as_it_is(name, model):
    """The first layer must see (x - 0.45) / 0.225, or x itself."""
    seen = {}
    first = model.stem[0].conv if name == "monovit" else model.encoder.conv1
    hook = first.register_forward_pre_hook(lambda _, args: seen.update(x=args[0]))
    x = picture(64, 64)
    with torch.no_grad():
        model(x)
    hook.remove()
    spec = card(name).input
    assert gap(seen["x"], (x - spec.mean[0]) / spec.std[0]) <= 1e-6
    assert (spec.mean[0] == 0) == (name == "monovit")


def test_a_channel_gate_written_out():
    gate = ChannelGate(32)
    x = torch.randn(2, 32, 3, 5, generator=torch.Generator().manual_seed(0))
    down, up = (gate.fc[k].weight.detach().double().numpy() for k in (0, 2))
    values = x.double().numpy()
    hidden = np.maximum(values.mean((2, 3)) @ down.T, 0)
    expected = values / (1 + np.exp(-(hidden @ up.T)))[:, :, None, None]
    with torch.no_grad():
        assert gap(gate(x), torch.from_numpy(expected)) <= 1e-6


def depthwise(x, conv):
    """A zero-padded depthwise convolution of (C, H, W), pixel by pixel."""
    weight, bias = conv.weight.detach().double().numpy(), conv.bias.detach().double().numpy()
    pad = weight.shape[2] // 2
    wide = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    out = np.empty_like(x)
    for i, j in np.ndindex(*x.shape[1:]):
        window = wide[:, i : i + 2 * pad + 1, j : j + 2 * pad + 1]
        out[:, i, j] = (window * weight[:, 0]).sum((1, 2)) + bias
    return out


def linear(x, layer):
    return x @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy()


def normalized(x, norm):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
    return scaled * norm.weight.detach().double().numpy() + norm.bias.detach().double().numpy()


def transformer(x, path):
    """MPViT's path of (C, H, W) in double precision, head by head and token by token."""
    C, H, W = x.shape
    heads = 8
    width = C // heads
    for block in path.MHCA_layers:
        x = depthwise(x, path.cpe.proj) + x
        tokens = x.reshape(C, H * W).T
        attention = block.factoratt_crpe
        q, k, v = np.split(linear(normalized(tokens, block.norm1), attention.qkv), 3, 1)
        relative, start = [], 0
        for conv, share in zip(path.crpe.conv_list, WINDOWS.values(), strict=True):
            image = v.T.reshape(C, H, W)[start * width : (start + share) * width]
            relative.append(depthwise(image, conv).reshape(-1, H * W).T)
            start += share
        relative = np.concatenate(relative, 1)
        mixed = np.empty_like(tokens)
        for h in range(heads):
            own = slice(h * width, (h + 1) * width)
            weights = np.exp(k[:, own] - k[:, own].max(0))
            weights /= weights.sum(0)
            mixed[:, own] = width**-0.5 * q[:, own] @ (weights.T @ v[:, own]) + q[:, own] * relative[:, own]
        tokens = tokens + linear(mixed, attention.proj)
        hidden = linear(normalized(tokens, block.norm2), block.mlp.fc1)
        hidden = 0.5 * hidden * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
        x = (tokens + linear(hidden, block.mlp.fc2)).T.reshape(C, H, W)
    return x


@pytest.mark.parametrize("size", [(1, 1), (3, 4)])
def test_a_transformer_path_written_out(size):
    path = PathEncoder(24, 2, 8, 4)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in path.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        x = torch.randn(1, 24, *size, generator=generator)
        expected = transformer(x[0].double().numpy(), path)
        assert gap(path(x)[0], torch.from_numpy(expected)) <= 1e-4 * np.abs(expected).max()


def test_the_nested_decoder_leaves_four_convolutions_unread():
    decoder = NestedDecoder((64, 64, 128, 256, 512), "head")
    read = set()
    hooks = [part.register_forward_hook(lambda *_, n=n: read.add(n)) for n, part in decoder.items()]
    taps = [torch.rand(1, c, 32 >> i, 32 >> i) for i, c in enumerate((64, 64, 128, 256, 512))]
    with torch.no_grad():
        features = decoder.features(taps)
        _ = [decoder.head(feature, scale) for scale, feature in enumerate(features[:4])]
    for hook in hooks:
        hook.remove()
    assert set(decoder) - read == {f"X_0{k}_Conv_0" for k in range(4)}
    assert [tuple(f.shape[1:]) for f in features] == [
        (16, 64, 64),
        (32, 32, 32),
        (64, 16, 16),
        (128, 8, 8),
        (256, 4, 4),
    ]


# Checkpoints


def test_a_release_is_read_whatever_it_lists_twice(goldens, name, model, tmp_path):
    loaded = checkpoint.load(write_official(tmp_path, released(model, goldens.facts(FACTS[name]))))
    assert loaded.card is card(name)
    assert loaded.size == SIZE
    assert same(loaded.model, model)


def test_a_network_saved_as_a_whole_is_read_from_depth_pth_alone(goldens, tmp_path):
    model = seeded("monovit")
    files = released(model, goldens.facts(FACTS["monovit"]))
    whole = {f"module.encoder.{k}": v for k, v in files["encoder.pth"].items() if isinstance(v, torch.Tensor)}
    whole |= {f"module.decoder.{k}": v for k, v in files["depth.pth"].items()}
    loaded = checkpoint.load(write_official(tmp_path, {"depth.pth": whole}))
    assert loaded.card is card("monovit")
    assert list(loaded.files) == ["depth.pth"]
    assert same(loaded.model, model)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("hr-depth", "decoder.4.conv.conv.weight"),
        ("monovit", "decoder.0.conv_se.bias"),
        ("monovit", "mhca_stages.1.mhca_blks.2.MHCA_layers.1.factoratt_crpe.crpe.conv_list.0.bias"),
    ],
)
def test_two_names_with_different_values_are_noticed(goldens, name, key, tmp_path):
    files = released(build(card(name)), goldens.facts(FACTS[name]))
    file = next(f for f, content in files.items() if key in content)
    files[file][key] += 1
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(write_official(tmp_path, files))
    assert f"unexpected {key}" in caught.value.evidence


def test_own_files_round_trip(name, model, tmp_path):
    checkpoint.save(tmp_path / "own.safetensors", model, card(name), {}, {})
    loaded = checkpoint.load(tmp_path / "own.safetensors")
    assert loaded.card is card(name)
    assert same(loaded.model, model)
