"""Each reason for which a time must not be quoted, and each that only deserves a warning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import record, samples
from msgspec.structs import replace

from edgedepth.bench.schema import Conditions, Floor, Latency, Minute, Phases, Plan, Reading, Runtime, key
from edgedepth.bench.statistics import latency_of
from edgedepth.bench.validity import judged, suffices


def said(result):
    return " | ".join(caution.what for caution in result.warnings)


def strict(**told):
    return Runtime(name="benchmark_model", version="", accelerator="gpu", strict=True, **told)


def test_a_quiet_measurement_is_valid_and_nothing_is_said():
    result = record()
    assert result.valid
    assert result.invalid_reasons == result.warnings == ()


def test_nothing_timed_is_invalid_for_the_reason_that_is_known():
    assert record(latency=None).invalid_reasons == ("nothing was timed",)
    assert record(latency=None, invalid_reasons=("the tool crashed",)).invalid_reasons == ("the tool crashed",)


def test_a_reason_that_came_in_stays():
    result = record(invalid_reasons=("the device went away",))
    assert not result.valid
    assert result.invalid_reasons == ("the device went away",)


def test_too_few_runs_and_too_short():
    assert "5 timed runs" in record(samples(count=5)).invalid_reasons[0]
    plan = Plan(runs=10, seconds=3.0)
    assert "1.0 s" in record(plan=plan, latency=latency_of(samples(), seconds=1.0)).invalid_reasons[0]
    assert record(plan=plan, latency=latency_of(samples(), seconds=3.0)).valid


def test_noise_by_samples_and_by_summary():
    assert "too noisy" in record(samples(spread=0.4)).invalid_reasons[0]
    summary = Latency(samples_ms=[], count=60, mean=10.0, std=1.0)
    assert record(latency=summary).valid
    assert "too noisy" in record(latency=replace(summary, std=2.0)).invalid_reasons[0]


def test_invocations_that_disagree():
    summary = Latency(samples_ms=[], count=60, mean=10.0, std=0.1, parts_ms=[10.0, 9.5, 10.5])
    assert record(latency=summary).valid
    apart = replace(summary, parts_ms=[9.0, 10.0, 11.0])
    assert record(latency=apart).invalid_reasons == ("its 3 invocations disagree: 9.00 to 11.00 ms",)


def test_a_few_outliers_only_deserve_a_warning():
    result = record([*samples(count=58), 40.0, 50.0][::-1])
    assert result.valid
    assert "5.0 times the median" in said(result)


def test_partly_delegated_matters_only_where_the_accelerator_is_strict():
    partly = strict(fully_accelerated=False, delegated=7, nodes=9)
    assert "only partly delegated to the gpu: 7 of 9 nodes" in record(runtime=partly).invalid_reasons
    assert record(runtime=replace(partly, strict=False)).valid
    assert record(runtime=strict(fully_accelerated=True)).valid
    assert "does not tell" in record(runtime=strict()).invalid_reasons[0]


@pytest.mark.parametrize("change", [{"plugged": True}, {"low_power": True}, {"governors": {"0": "powersave"}}])
def test_a_device_that_changed_underneath(change):
    before = Reading(at_s=-1, plugged=False, low_power=False, governors={"0": "schedutil"})
    untold = Reading(at_s=1)
    after = replace(before, at_s=2, **change)
    assert record(conditions=Conditions(readings=(before, untold, before))).valid
    assert "changed underneath" in record(conditions=Conditions(readings=(before, untold, after))).invalid_reasons[0]


def test_throttling_by_the_devices_word_and_by_the_samples():
    hot = Conditions(readings=(Reading(at_s=0, thermal_status=0), Reading(at_s=9, thermal_status=2)))
    assert "thermal status 2" in record(conditions=hot).invalid_reasons[0]
    slower = [*samples(10, 30), *samples(11.5, 30, seed=1)]
    assert "slowed down" in record(slower).invalid_reasons[0]
    assert record(slower[::-1]).valid


def test_warnings_carry_remedies():
    readings = (Reading(at_s=0, battery_level=30, low_power=True),)
    result = record(
        samples(0.5),
        conditions=Conditions(readings=readings, fixed_performance=True),
        phases=Phases(first_ms=9.0),
    )
    assert result.valid
    for words in ("30 %", "low-power", "pinned", "0.5", "18.0 times"):
        assert words in said(result)
    assert all(caution.remedy for caution in result.warnings)


def test_a_tool_without_samples_says_so():
    assert "no raw samples" in said(record(latency=Latency(samples_ms=[], count=60, mean=10.0, std=0.1)))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_judging_twice_changes_nothing(times):
    once = record(times)
    assert judged(once) == once
    assert once.valid == (not once.invalid_reasons)


def test_a_result_suffices_where_it_says_as_much_as_is_asked():
    asked = Plan(runs=60, seconds=0.0)
    whole = record()
    assert whole.valid
    assert suffices(whole, asked)
    assert not suffices(None, asked)
    assert not suffices(replace(whole, valid=False), asked)
    assert not suffices(replace(whole, latency=None), asked)
    assert not suffices(whole, replace(asked, runs=61))
    seconds = whole.latency.seconds
    assert suffices(replace(whole, latency=replace(whole.latency, seconds=2.0)), replace(asked, seconds=2.0))
    assert not suffices(replace(whole, latency=replace(whole.latency, seconds=1.9)), replace(asked, seconds=2.0))
    assert seconds is None
    assert suffices(whole, replace(asked, seconds=2.0))  # a tool that does not tell its time


def test_a_result_suffices_with_its_floor_and_its_minutes_only():
    asked = Plan(runs=10, seconds=0.0)
    floor = Floor(graph="g", macs=1, ms=1.0, gmacs_per_second=1.0, ratio=1.0, ratio_low=1.0, ratio_high=1.0)
    countable = replace(record(), subject=replace(record().subject, macs=5))
    assert suffices(record(), asked, floor=True)  # its multiply-adds cannot be counted: there can be no floor
    assert not suffices(countable, asked, floor=True)
    assert suffices(replace(countable, floor=floor), asked, floor=True)
    long = replace(asked, sustained_minutes=2.0)
    assert not suffices(record(), long)
    minutes = tuple(Minute(minute=number, count=9, median_ms=1.0) for number in (1, 2))
    assert suffices(replace(record(), sustained=minutes), long)


def test_the_pinned_mode_is_another_configuration():
    plain = record()
    pinned = replace(plain, conditions=Conditions(fixed_performance=True))
    assert plain.key == key(plain.subject, plain.device, plain.runtime)
    assert pinned.key == key(plain.subject, plain.device, plain.runtime, pinned=True) != plain.key
    assert pinned.configuration == f"{plain.configuration} pinned"
