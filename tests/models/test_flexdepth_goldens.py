"""FlexDepth against the published networks: keys, shapes, encoder taps, every disparity map."""

from __future__ import annotations

import pytest
import torch
from support import LETTERS, SCALES, gap

from edgedepth.models import build, card

TOLERANCE = 1e-4
GOLDEN_SCALES = ("flex-nano", "flex-medium")


def facts_of(goldens, name):
    letter = LETTERS[name]
    return goldens.facts(f"flex_{letter}" if name in GOLDEN_SCALES else f"keys/flex_{letter}")


@pytest.mark.parametrize("name", SCALES)
def test_state_dict_has_the_official_keys_and_shapes_in_their_order(goldens, name):
    state = build(card(name)).state_dict()
    parts = {"encoder.pth": "encoder.", "depth.pth": "decoder."}
    own = [
        [file, key, list(value.shape), str(value.dtype).removeprefix("torch.")]
        for file, prefix in parts.items()
        for key, value in state.items()
        if key.startswith(prefix)
    ]
    assert len(own) == len(state)
    assert own == facts_of(goldens, name)["files"]


@pytest.mark.parametrize("name", SCALES)
def test_parameters_equal_the_published_count_per_file(goldens, name):
    model, facts = build(card(name)), facts_of(goldens, name)
    found = {
        "encoder.pth": sum(p.numel() for p in model.encoder.parameters()),
        "depth.pth": sum(p.numel() for p in model.decoder.parameters()),
    }
    assert found == facts["params"]
    assert sum(found.values()) == facts["params_total"]


@pytest.mark.parametrize("name", SCALES)
def test_channel_widths_are_the_published_ones(goldens, name):
    config, facts = card(name).config, facts_of(goldens, name)
    assert [config.encoder_width(tap) for tap in (0, 2, 4, 6, 10)] == facts["num_ch_enc"]
    assert [config.decoder_width(level) for level in (1, 2, 3, 4)] == facts["num_ch_dec"][1:]


@pytest.mark.parametrize("name", GOLDEN_SCALES)
def test_every_disparity_map_equals_the_published_one(goldens, name):
    model = goldens.fill(build(card(name)))
    expected = goldens.arrays(f"flex_{LETTERS[name]}")
    with torch.no_grad():
        found = model.disparities(goldens.generator.golden_input())
    for level, disparity in enumerate(found):
        assert gap(disparity, torch.from_numpy(expected[f"disp{level}"])) <= TOLERANCE, f"disparity {level}"


@pytest.mark.parametrize("name", GOLDEN_SCALES)
def test_every_encoder_tap_equals_the_published_one(goldens, name):
    model = goldens.fill(build(card(name)))
    facts = goldens.facts(f"flex_{LETTERS[name]}")
    with torch.no_grad():
        taps = model.features(goldens.generator.golden_input())
    assert len(taps) == len(facts["features"])
    for tap, expected in zip(taps, facts["features"], strict=True):
        assert list(tap.shape) == expected["shape"]
        assert float(tap.mean()) == pytest.approx(expected["mean"], abs=1e-5)
        assert float(tap.std()) == pytest.approx(expected["std"], abs=1e-5)
        assert tap.ravel()[:8].tolist() == pytest.approx(expected["first8"], abs=TOLERANCE)


@pytest.mark.parametrize("name", GOLDEN_SCALES)
def test_the_forward_is_the_finest_map(goldens, name):
    model = goldens.fill(build(card(name)), gain=1.0)
    expected = goldens.arrays(f"flex_{LETTERS[name]}")["disp0_gain1"]
    with torch.no_grad():
        found = model(goldens.generator.golden_input())
    assert gap(found, torch.from_numpy(expected)) <= TOLERANCE
