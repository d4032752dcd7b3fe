"""Properties that summaries and ratios have for any samples."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.bench.statistics import chance_of_no_slowdown, latency_of, ratio_of_medians, summarize

times = st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=60)


@settings(deadline=None)
@given(times)
def test_summary_agrees_with_numpy_and_is_ordered(samples):
    s = summarize(samples)
    assert s.median == pytest.approx(np.median(samples))
    assert s.p90 == pytest.approx(np.percentile(samples, 90))
    assert s.count == len(samples)
    slack = 1 + 1e-12  # interpolated percentiles round
    assert min(samples) == s.minimum <= s.median * slack
    assert s.median <= s.p90 * slack <= max(samples) * slack * slack
    assert s.iqr >= 0


@settings(deadline=None)
@given(times, st.randoms(use_true_random=False))
def test_summary_ignores_the_order(samples, random):
    shuffled = random.sample(samples, len(samples))
    assert summarize(shuffled) == summarize(samples)


@settings(deadline=None)
@given(times, st.sampled_from([0.5, 2.0, 4.0]))
def test_summary_scales_with_the_unit(samples, factor):
    scaled, plain = summarize([factor * t for t in samples]), summarize(samples)
    assert scaled.median == pytest.approx(factor * plain.median)
    assert scaled.iqr == pytest.approx(factor * plain.iqr, abs=1e-9 * plain.median)


@settings(deadline=None)
@given(times, st.sampled_from([0.25, 1.0, 8.0]))
def test_a_fixed_factor_is_found_without_doubt(samples, factor):
    ratio = ratio_of_medians([factor * t for t in samples], samples, resamples=200)
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx((factor, factor, factor))


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(1, 100), st.floats(1, 100)), min_size=1, max_size=40), st.integers(0, 9))
def test_interval_is_ordered_bounded_and_repeatable(pairs, seed):
    above, below = zip(*pairs, strict=True)
    first = ratio_of_medians(above, below, resamples=200, seed=seed)
    assert first == ratio_of_medians(above, below, resamples=200, seed=seed)
    assert min(above) / max(below) <= first.low <= first.high <= max(above) / min(below)


def test_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        shared = rng.lognormal(0, 0.3, 40)  # what disturbs both in a round
        above, below = 3 * shared * rng.lognormal(0, 0.05, 40), shared * rng.lognormal(0, 0.05, 40)
        ratio = ratio_of_medians(above, below, resamples=300, seed=trial)
        held += ratio.low <= 3 <= ratio.high
    assert held >= 176  # 88% of 200, where 95% is asked


def test_noise_is_the_middle_half_against_the_median():
    calm = summarize([10.0] * 9)
    assert not replace(calm, iqr=0.9).noisy
    assert replace(calm, iqr=1.1).noisy


@settings(deadline=None)
@given(times)
def test_every_percentile_is_numpys(samples):
    s = summarize(samples)
    assert [s.p5, s.p95, s.p99] == pytest.approx(np.percentile(samples, [5, 95, 99]))
    assert s.mean == pytest.approx(np.mean(samples))
    assert s.std == pytest.approx(np.std(samples, ddof=1) if len(samples) > 1 else 0.0)
    assert s.maximum == max(samples)
    assert s.ci95[0] <= s.median * (1 + 1e-12)
    assert s.median <= s.ci95[1] * (1 + 1e-12)


@pytest.mark.parametrize("count", [6, 7, 30, 51, 200])
def test_the_medians_interval_holds_it_often_enough_and_no_more_than_it_must(count):
    # Uniform ranks: the interval's ends are order statistics, so the binomial law is all that matters.
    low, high = summarize(np.arange(count, dtype=float).tolist()).ci95
    outside = 2 * sum(comb(count, i) for i in range(int(low) + 1)) / 2**count
    assert outside <= 0.05
    if low > 0 or count > 9:
        tighter = 2 * sum(comb(count, i) for i in range(int(low) + 2)) / 2**count
        assert tighter > 0.05
    assert high == count - 1 - low


def test_few_samples_give_their_whole_range():
    assert summarize([3.0, 1.0, 2.0]).ci95 == (1.0, 3.0)


def test_latency_keeps_the_samples_in_order():
    latency = latency_of([3.0, 1.0, 2.0], seconds=0.5)
    assert latency.samples_ms == [3.0, 1.0, 2.0]
    assert (latency.median, latency.centre, latency.seconds) == (2.0, 2.0, 0.5)


def test_a_slowdown_past_what_is_allowed_convicts_and_one_within_does_not():
    rng = np.random.default_rng(0)
    before = 10 * rng.lognormal(0, 0.05, 60)
    assert chance_of_no_slowdown(before, 1.10 * before, 0.05) < 0.01
    assert chance_of_no_slowdown(before, 1.02 * before, 0.05) > 0.5
    assert chance_of_no_slowdown(before, before) == pytest.approx(0.5, abs=0.02)


ranks = st.lists(st.integers(1, 1000), min_size=1, max_size=60)


@settings(deadline=None, max_examples=40)
@given(ranks, ranks)
def test_the_chance_is_a_probability_that_only_the_ranks_decide(before, after):
    p = chance_of_no_slowdown(before, after)
    assert 0 <= p <= 1
    assert p == pytest.approx(chance_of_no_slowdown([n**3 for n in before], [n**3 for n in after]), abs=1e-12)


@pytest.mark.parametrize("samples", [[], [1.0, float("nan")], [float("inf")]])
def test_no_numbers_no_summary(samples):
    with pytest.raises(ValueError, match="sample"):
        summarize(samples)


def test_ratio_needs_the_same_rounds_and_positive_times():
    with pytest.raises(ValueError, match="rounds"):
        ratio_of_medians([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="zero"):
        ratio_of_medians([1.0], [0.0])
