"""Whether a time may be quoted: one rule for this machine, its GPU and phones."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from edgedepth.bench.schema import Caution, Latency, Plan, Reading, Record

NOISY_SPREAD = 0.15
"""Relative spread from which a time is invalid: interquartile range / 1.349 (a normal's sigma) over the median."""

DRIFT = 0.10
"""By how much the last quarter of the samples may be slower than the first."""

ENOUGH_FOR_DRIFT = 20
"""Samples below which a drift is chance."""

SHORT_MS = 1.0
OUTLIER = 1.5
SLOW_FIRST = 3.0
LOW_BATTERY = 50


def judged(record: Record) -> Record:
    """The record with `valid`, `invalid_reasons` and `warnings` decided by its own figures.

    Reasons that it already has stay and come first.
    """
    reasons = dict.fromkeys([*record.invalid_reasons, *_reasons(record)])
    cautions = dict.fromkeys([*record.warnings, *_cautions(record)])
    return msgspec.structs.replace(record, valid=not reasons, invalid_reasons=tuple(reasons), warnings=tuple(cautions))


def suffices(record: Record | None, plan: Plan, *, floor: bool = False) -> bool:
    """Whether an earlier result spares measuring its configuration again.

    Args:
        record: the last one of the configuration; None where there is none.
        plan: what is asked now.
        floor: the runtime's floor beside it is asked, too.

    Returns:
        True where it is valid, says as much as the plan asks, and has its floor if there can be one.
    """
    if record is None or not record.valid or record.latency is None:
        return False
    if any(_too_short(msgspec.structs.replace(record, plan=plan), record.latency)):
        return False
    if len(record.sustained) < round(plan.sustained_minutes):
        return False
    return not floor or record.floor is not None or record.subject.macs is None


def _reasons(record: Record) -> Iterator[str]:
    latency, runtime = record.latency, record.runtime
    if latency is None:
        if not record.invalid_reasons:
            yield "nothing was timed"
        return
    if record.device.place == "emulated":
        yield "an emulated processor: its time is no device's"
    yield from _too_short(record, latency)
    yield from _too_noisy(latency)
    yield from _parts_disagree(latency)
    if runtime.strict and runtime.fully_accelerated is False:
        taken = "" if runtime.nodes is None else f": {runtime.delegated} of {runtime.nodes} nodes"
        yield f"only partly delegated to the {runtime.accelerator}{taken}"
    elif runtime.strict and runtime.fully_accelerated is None:
        yield f"the tool does not tell whether the {runtime.accelerator} ran the whole graph"
    yield from _device_changed(record.conditions.readings)
    yield from _throttled(record, latency)


def _too_short(record: Record, latency: Latency) -> Iterator[str]:
    if latency.count < record.plan.runs:
        yield f"{latency.count} timed runs where at least {record.plan.runs} were asked"
    if latency.seconds is not None and latency.seconds < record.plan.seconds:
        yield f"{latency.seconds:.1f} s of timed runs where at least {record.plan.seconds:g} were asked"


def _too_noisy(latency: Latency) -> Iterator[str]:
    if not latency.centre:
        yield "the runtime took no measurable time"
        return
    if latency.iqr is not None:
        spread = latency.iqr / 1.349 / latency.centre
    elif latency.std is not None:
        spread = latency.std / latency.centre
    else:
        return
    if spread > NOISY_SPREAD:
        yield f"too noisy: the spread is {100 * spread:.0f} % of the median (at most {100 * NOISY_SPREAD:.0f})"


def _parts_disagree(latency: Latency) -> Iterator[str]:
    if len(latency.parts_ms) > 1 and latency.centre:
        low, high = min(latency.parts_ms), max(latency.parts_ms)
        if high - low > NOISY_SPREAD * latency.centre:
            yield f"its {len(latency.parts_ms)} invocations disagree: {low:.2f} to {high:.2f} ms"


def _device_changed(readings: tuple[Reading, ...]) -> Iterator[str]:
    for name, said in (
        ("plugged", "the charger was plugged in or out"),
        ("low_power", "the low-power mode changed"),
        ("governors", "a frequency governor changed"),
    ):
        seen = [value for value in (getattr(reading, name) for reading in readings) if value not in (None, {})]
        if any(value != seen[0] for value in seen):
            yield f"the device changed underneath: {said}"


def _throttled(record: Record, latency: Latency) -> Iterator[str]:
    statuses = [r.thermal_status for r in record.conditions.readings if r.thermal_status is not None]
    if statuses and max(statuses) > record.conditions.max_thermal:
        yield f"throttled: thermal status {max(statuses)} was reached (at most {record.conditions.max_thermal})"
    if len(latency.samples_ms) >= ENOUGH_FOR_DRIFT:
        quarter = len(latency.samples_ms) // 4
        first, last = np.median(latency.samples_ms[:quarter]), np.median(latency.samples_ms[-quarter:])
        if first > 0 and last > (1 + DRIFT) * first:
            yield f"it slowed down while it was measured: {first:.2f} to {last:.2f} ms"


def _cautions(record: Record) -> Iterator[Caution]:
    latency = record.latency
    if latency is not None:
        yield from _about_samples(record, latency)
    levels = [r.battery_level for r in record.conditions.readings if r.battery_level is not None]
    if levels and min(levels) < LOW_BATTERY:
        yield Caution(what=f"The battery was at {min(levels)} %.", remedy=f"Charge it to {LOW_BATTERY} % or more.")
    if any(r.low_power for r in record.conditions.readings):
        yield Caution(what="The low-power mode was on.", remedy="Turn battery saver off and measure again.")
    if record.conditions.fixed_performance:
        yield Caution(
            what="Clocks were pinned by the fixed-performance mode.",
            remedy="Compare builds with it; measure without it what a user gets.",
        )


def _about_samples(record: Record, latency: Latency) -> Iterator[Caution]:
    centre = latency.centre or 0.0
    if not latency.samples_ms:
        yield Caution(
            what="The tool gives no raw samples.",
            remedy="Compare with `--via app`, which keeps them; `bench compare` cannot rank-test this row.",
        )
    if latency.maximum is not None and centre and latency.maximum > OUTLIER * centre:
        yield Caution(
            what=f"The slowest run took {latency.maximum / centre:.1f} times the median.",
            remedy="Close other programs; the median and p90 suffer little from a few such runs.",
        )
    if latency.iqr is not None and centre and latency.iqr > 0.1 * centre:
        yield Caution(
            what="The middle half of the samples spreads over more than a tenth of the median.",
            remedy="Close other programs, or measure longer with --seconds; ratios within one matrix suffer less.",
        )
    if 0 < centre < SHORT_MS:
        yield Caution(
            what=f"One run takes {centre:.3f} ms, where the clock's own cost and the scheduler count.",
            remedy="Measure with a larger --batch or input size.",
        )
    first = record.phases.first_ms
    if first is not None and centre and first > SLOW_FIRST * centre:
        yield Caution(
            what=f"The first inference took {first / centre:.1f} times the median.",
            remedy="An application should run the model once before the first picture counts.",
        )
