"""Invocations put together say what one long measurement would have said, as far as that can be known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.bench.device.combine import fully_accelerated, latency_of_parts, memory_of, phases_of
from edgedepth.bench.journal import Part
from edgedepth.bench.schema import Latency, Memory, Phases
from edgedepth.bench.statistics import latency_of

runs = st.lists(st.floats(0.1, 1000), min_size=2, max_size=20)


def part(latency, phases=None, peak=None, fully=True):
    return Part(
        matrix="m",
        key="k",
        number=0,
        phases=phases or Phases(),
        latency=latency,
        memory=None if peak is None else Memory(peak_mb=peak, before_mb=None, method="told"),
        delegated=None,
        nodes=None,
        partitions=None,
        fully_accelerated=fully,
        version="",
        readings=(),
        cooldown_s=None,
    )


def summary(samples):
    """As a tool without raw samples tells it."""
    return Latency(
        samples_ms=[],
        count=len(samples),
        mean=float(np.mean(samples)),
        std=float(np.std(samples, ddof=1)),
        minimum=min(samples),
        maximum=max(samples),
    )


@given(st.lists(runs, min_size=2, max_size=5))
def test_summaries_add_up_to_that_of_the_union(invocations):
    union = [sample for samples in invocations for sample in samples]
    whole = latency_of_parts([part(summary(samples)) for samples in invocations])
    assert whole.count == len(union)
    assert whole.mean == pytest.approx(np.mean(union))
    assert whole.std == pytest.approx(np.std(union, ddof=1), abs=1e-9 * max(union))
    assert (whole.minimum, whole.maximum) == (min(union), max(union))
    assert whole.median is None
    assert whole.parts_ms == pytest.approx([np.mean(samples) for samples in invocations])


def test_samples_are_kept_and_counted_together():
    whole = latency_of_parts([part(latency_of([1.0, 2.0], 1.0)), part(latency_of([9.0], 0.5))])
    assert whole.samples_ms == [1.0, 2.0, 9.0]
    assert (whole.median, whole.seconds) == (2.0, 1.5)
    assert whole.parts_ms == [1.5, 9.0]


def test_one_invocation_is_itself():
    one = summary([1.0, 2.0])
    assert latency_of_parts([part(one)]) == one
    with pytest.raises(ValueError, match="no invocation"):
        latency_of_parts([])


def test_what_one_invocation_does_not_tell_is_not_made_up():
    untold = Latency(samples_ms=[], count=5, median=3.0)
    whole = latency_of_parts([part(summary([1.0, 2.0])), part(untold)])
    assert (whole.mean, whole.std, whole.minimum, whole.median) == (None, None, None, None)
    assert whole.count == 7


def test_phases_memory_and_delegation():
    parts = [
        part(summary([1.0, 2.0]), Phases(init_ms=10.0, first_ms=5.0, warmup_runs=3), peak=20.0),
        part(summary([1.0, 2.0]), Phases(init_ms=30.0, first_ms=None, warmup_runs=4), peak=25.0),
    ]
    assert phases_of(parts) == Phases(init_ms=20.0, first_ms=None, warmup_runs=7)
    assert memory_of(parts).peak_mb == 25.0
    assert memory_of([part(summary([1.0, 2.0]))]) is None
    assert fully_accelerated(parts) is True
    assert fully_accelerated([*parts, part(summary([1.0, 2.0]), fully=None)]) is None
    assert (
        fully_accelerated([*parts, part(summary([1.0, 2.0]), fully=None), part(summary([1, 2]), fully=False)]) is False
    )
