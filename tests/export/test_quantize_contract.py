"""The contract and the search: arithmetic against NumPy, and laws of the search on made-up layers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.artifact.manifest import ContractOutcome
from edgedepth.errors import InputError
from edgedepth.export.calibration import HeldOut
from edgedepth.export.quantize.contract import Contract, judge
from edgedepth.export.quantize.search import Trial, fewest_kept, sensitivities

PICTURE = np.zeros((20, 30, 3), np.uint8)


def outcome(growth, fall=0.0):
    return ContractOutcome("ground truth", 1, 0.1 + growth, 0.1, 0.9 - fall, 0.9)


def test_with_truth_both_are_aligned_and_measured_where_it_is():
    rng = np.random.default_rng(1)
    truth = rng.uniform(2, 100, PICTURE.shape[:2]).astype(np.float32)
    truth[:3] = 0
    found, reference = rng.uniform(1, 5, truth.shape), rng.uniform(1, 5, truth.shape)
    got = judge([found], [reference], [HeldOut("a", PICTURE, truth)])
    use = (truth > 1e-3) & (truth < 80)
    g = truth[use].astype(np.float64)
    for depth, absrel, d1 in ((found, got.absrel, got.d1), (reference, got.absrel_fp32, got.d1_fp32)):
        p = np.clip(depth[use] * np.median(g) / np.median(depth[use]), 1e-3, 80)
        assert absrel == pytest.approx(np.mean(np.abs(p - g) / g), abs=1e-12)
        assert d1 == pytest.approx(np.mean(np.maximum(p / g, g / p) < 1.25), abs=1e-12)
    assert got.against == "ground truth"


def test_metric_depth_is_judged_as_it_is_within_its_own_range():
    rng = np.random.default_rng(2)
    truth = rng.uniform(2, 300, PICTURE.shape[:2]).astype(np.float32)
    found, reference = rng.uniform(1, 250, truth.shape), rng.uniform(1, 250, truth.shape)
    got = judge([found], [reference], [HeldOut("a", PICTURE, truth)], metric=(1e-3, 200.0))
    use = truth < 200
    g = truth[use].astype(np.float64)
    for depth, absrel, d1 in ((found, got.absrel, got.d1), (reference, got.absrel_fp32, got.d1_fp32)):
        p = np.clip(depth[use], 1e-3, 200)
        assert absrel == pytest.approx(np.mean(np.abs(p - g) / g), abs=1e-12)
        assert d1 == pytest.approx(np.mean(np.maximum(p / g, g / p) < 1.25), abs=1e-12)


def test_a_wrong_scale_costs_metric_depth_alone():
    truth = np.linspace(2, 60, PICTURE[..., 0].size).reshape(PICTURE.shape[:2])
    held_out = [HeldOut("a", PICTURE, truth.astype(np.float32))]
    assert judge([2 * truth], [truth], held_out).absrel == pytest.approx(0, abs=1e-6)
    assert judge([2 * truth], [truth], held_out, metric=(1e-3, 200.0)).absrel == pytest.approx(1, abs=1e-6)


def test_without_truth_the_float_output_is_the_truth():
    reference = np.linspace(1, 4, 600).reshape(20, 30)
    got = judge([reference * 1.1], [reference], [HeldOut("a", PICTURE, None)])
    assert (got.against, got.absrel_fp32, got.d1_fp32) == ("float32 output", 0.0, 1.0)
    assert got.absrel == pytest.approx(0.1)
    assert got.d1 == 1.0


def test_a_picture_with_one_measured_pixel_is_refused():
    truth = np.zeros(PICTURE.shape[:2], np.float32)
    truth[4, 4] = 7
    depth = np.ones(truth.shape)
    with pytest.raises(InputError, match="too little ground truth"):
        judge([depth], [depth], [HeldOut("a", PICTURE, truth)])


def test_the_contract_names_what_is_missed_and_nan_keeps_nothing():
    contract = Contract(0.005, 0.01)
    assert contract.missed(outcome(0.004, 0.009)) == []
    assert contract.missed(outcome(-0.1, -0.1)) == []
    assert [text.split()[0] for text in contract.missed(outcome(0.006, 0.02))] == ["AbsRel", "d<1.25"]
    assert len(contract.missed(outcome(float("nan"), float("nan")))) == 2


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.floats(0, 0.01), min_size=1, max_size=12))
def test_the_search_keeps_the_fewest_of_the_worst_layers(harms):
    """Made-up layers whose harm simply adds up."""

    def attempt(kept):
        return Trial(None, kept, outcome(sum(v for k, v in harms.items() if k not in kept)))

    contract = Contract(0.005, 0.01)
    ranked = sensitivities(list(harms), attempt)
    assert list(ranked.values()) == sorted(ranked.values(), reverse=True)
    found = fewest_kept(attempt(frozenset()), ranked, contract, attempt)
    assert found is not None
    assert contract.missed(found.outcome) == []
    if found.kept:
        assert found.kept == frozenset(list(ranked)[: len(found.kept)])
        assert contract.missed(attempt(frozenset(list(ranked)[: len(found.kept) - 1])).outcome)


def test_where_nothing_helps_there_is_no_trial():
    def attempt(kept):
        return Trial(None, kept, outcome(0.5))

    assert fewest_kept(attempt(frozenset()), {"a": 0.5, "b": 0.1}, Contract(), attempt) is None
