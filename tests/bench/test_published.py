"""Published figures: as printed, with sources, never invented, never mixed with measured ones."""

from __future__ import annotations

import pytest

from edgedepth.bench.published import NOT_KNOWN, published
from edgedepth.models import build, cards
from edgedepth.models.counting import count

FIGURES = {one.name: one for one in published()}


@pytest.mark.parametrize(
    ("name", "params", "gflops", "abs_rel", "delta1"),
    [
        ("flex-nano", 1.522, 0.718, 0.110, 0.878),
        ("flex-small", 6.059, 2.776, 0.104, 0.890),
        ("flex-medium", 12.722, 9.994, 0.096, 0.903),
        ("flex-large", 15.203, 11.519, 0.095, 0.906),
        ("flex-xlarge", 32.269, 24.563, 0.093, 0.910),
        ("monodepth2", 14.329, 8.038, None, None),
        ("lite-mono-tiny", 2.143, 2.842, 0.110, 0.880),
        ("lite-mono-small", 2.472, 4.746, 0.110, 0.879),
        ("lite-mono", 3.069, 5.032, 0.107, 0.886),
        ("lite-mono-8m", 8.766, 11.212, 0.101, 0.897),
        ("monovit", 33.631, 59.679, None, None),
        ("surround-monodepth2", 15.03, None, None, None),
        ("surround-hrdepth", 14.80, None, None, None),
        ("surround-monovit", 28.31, None, None, None),
    ],
)
def test_figures_are_as_printed(name, params, gflops, abs_rel, delta1):
    one = FIGURES[name]
    assert (one.params_millions, one.gflops, one.abs_rel, one.delta1) == (params, gflops, abs_rel, delta1)


def test_every_figure_has_its_source_and_what_is_not_known_is_empty():
    for one in published():
        assert {"surround": "FSMDE", "patchrefiner": "PatchRefiner V2"}.get(one.family, "Table 12") in one.source
        assert (one.abs_rel is None) == (one.delta1 is None) == (one.protocol == "")
        assert (one.frames_per_second is None) == (one.speed_source == "")
    assert [one.name for one in published() if one.frames_per_second] == ["flex-nano"]
    assert FIGURES["flex-nano"].frames_per_second == 37.6
    assert "Table 4" in NOT_KNOWN
    assert "Snapdragon" in NOT_KNOWN


@pytest.mark.parametrize("name", ["monovit", "hr-depth"])
def test_rows_that_were_counted_twice_say_so_and_give_the_truth(name):
    one = FIGURES[name]
    model = cards()[name]
    counted = count(build(model), (model.input.height, model.input.width))
    assert one.true_params_millions == pytest.approx(counted.parameters / 1e6, abs=6e-4)
    assert one.true_gmacs == pytest.approx(counted.macs / 1e9, rel=2e-3)
    assert "once per name" in one.note


def test_other_rows_need_no_correction():
    assert {one.name for one in published() if one.true_gmacs or one.note} == {"monovit", "hr-depth"}
    assert [one.name for one in published()] == [name for name in cards() if name != "prv2-nano"]


def test_printed_parameters_are_those_of_the_networks():
    card = cards()["flex-nano"]
    counted = count(build(card), (card.input.height, card.input.width))
    assert f"{counted.parameters / 1e6:.3f}" == f"{FIGURES['flex-nano'].params_millions:.3f}"
