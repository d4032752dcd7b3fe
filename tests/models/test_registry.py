"""Cards: what is registered, how it is found, and that reading it costs nothing."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
import torch
from support import SCALES, gap, picture

import edgedepth.models
from edgedepth.errors import UsageError
from edgedepth.models import build, card, cards, initialise, shipped_weights, with_config

PEERS = ("monodepth2", "lite-mono-tiny", "lite-mono-small", "lite-mono", "lite-mono-8m", "hr-depth", "monovit")
STUDENTS = ("surround-hrdepth", "surround-monodepth2", "surround-monovit")
REFINERS = ("prv2-nano", "prv2-m", "prv2-e", "prv2-c")


def test_all_models_are_registered_smallest_first_within_a_family():
    assert tuple(cards()) == (*SCALES, *PEERS, *STUDENTS, *REFINERS)
    for family in {c.family for c in cards().values()}:
        figures = [c.paper.params_millions for c in cards().values() if c.family == family and c.paper]
        assert figures == sorted(figures)


def test_the_registry_cannot_be_changed_through_what_it_gives():
    cards().clear()
    assert tuple(cards()) == (*SCALES, *PEERS, *STUDENTS, *REFINERS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        card("flex-nano").name = "other"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("flex-nan", "flex-nano"),
        ("flexsmall", "flex-small"),
        ("flex-x-large", "flex-xlarge"),
        ("Flex-Medium", "flex-medium"),
    ],
)
def test_an_unknown_name_gets_the_nearest_spelling(typed, meant):
    with pytest.raises(UsageError) as caught:
        card(typed)
    assert typed in caught.value.cause
    assert caught.value.remedy == f"Did you mean {meant}?"
    assert all(name in caught.value.evidence for name in SCALES)


def test_a_name_like_nothing_known_points_to_the_list():
    with pytest.raises(UsageError) as caught:
        card("resnet")
    assert "edgedepth models" in caught.value.remedy


def test_configuration_fields_can_be_replaced_but_not_invented():
    changed = with_config(card("flex-nano"), {"offset_limits": [0.25, 0.25, 0.5, 1.0]})
    assert changed.config.offset_limits == (0.25, 0.25, 0.5, 1.0)
    assert card("flex-nano").config.offset_limits is None
    assert with_config(card("flex-nano"), {}) is card("flex-nano")
    with pytest.raises(UsageError, match="group") as caught:
        with_config(card("flex-nano"), {"group": 8})
    assert caught.value.remedy == "Did you mean groups?"


@pytest.mark.parametrize(
    "field",
    [{"groups": "four"}, {"head": "upside-down"}, {"offset_limits": [1, 1]}, {"offset_limits": [1, 1, 1, 0]}],
)
def test_values_that_a_field_cannot_take_are_refused(field):
    with pytest.raises(UsageError) as caught:
        with_config(card("flex-nano"), field)
    assert "flex-nano" in caught.value.cause
    assert caught.value.evidence


@pytest.mark.parametrize("name", SCALES)
def test_output_is_a_disparity_of_the_inputs_size(name):
    model = initialise(build(card(name)), 3)
    assert not model.training
    with torch.no_grad():
        out = model(picture(32, 64, batch=2))
    assert out.shape == (2, 1, 32, 64)
    assert float(out.min()) > 0
    assert float(out.max()) < 1


def test_every_card_says_what_a_reader_needs():
    for name, known in cards().items():
        assert known.name == name
        assert known.licence
        assert known.paper is None or known.paper.gflops_rule
        assert known.input.height % known.input.multiple == known.input.width % known.input.multiple == 0
        assert known.output.meaning in ("sigmoid-disparity", "metric-depth")
        assert known.output.metric == (known.output.meaning == "metric-depth")


def test_refiners_and_no_others_take_patches():
    assert tuple(name for name, known in cards().items() if known.takes == "patches") == REFINERS
    assert [name for name, known in cards().items() if known.paper is None] == ["prv2-nano"]


def test_shipped_weights_exist_where_a_card_names_them():
    for known in cards().values():
        path = shipped_weights(known)
        assert (path is None) == (known.weights is None)
        if path is not None:
            assert path.is_file(), path


def test_reading_cards_imports_nothing_heavy():
    code = "import sys, edgedepth.models as m; m.cards(); print(*{'torch', 'numpy', 'onnx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_package_has_no_attribute_that_it_does_not_name():
    with pytest.raises(AttributeError, match="nothing_like_this"):
        _ = edgedepth.models.nothing_like_this


def test_seeded_weights_are_a_function_of_the_seed_alone():
    first, again, other = (initialise(build(card("flex-nano")), seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert gap(first["encoder.0.conv.weight"], other["encoder.0.conv.weight"]) > 0.1


@pytest.mark.parametrize("name", SCALES)
def test_seeded_weights_give_an_output_that_varies(name):
    with torch.no_grad():
        out = initialise(build(card(name)), 0)(picture(64, 96))
    assert float(out.std()) > 0.01
