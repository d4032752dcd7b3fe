"""What a device was, in what state, and which programs ran on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from edgedepth.bench.page.html import Markup, table
from edgedepth.bench.rows import ever, hottest_sensor, thermal_word
from edgedepth.bench.schema import Plan, Reading, Record, Runtime
from edgedepth.bench.table import EMULATED

PLACES = {
    "host": "this machine's processor",
    "gpu": "a GPU of this machine",
    "phone": "a phone",
    "emulated": EMULATED,
}


def device_facts(records: Sequence[Record]) -> Markup:
    """Device, conditions, programs and protocol of one device's records; what nobody told is left out."""
    device = records[0].device
    facts = {
        "kind": PLACES[device.place],
        "processor": device.name if device.place == "gpu" else "",
        "chip": device.soc,
        "instruction set": device.abi,
        "system": device.system,
        "build": device.fingerprint,
        "cores": str(device.cores) if device.cores else "",
        "GPU": device.gpu,
        "device id": device.id,
        **device.facts,
        **_conditions(records),
        "programs": _each(_program(record.runtime) for record in records),
        "protocol": _each(_plan(record.plan) for record in records),
        "weights": _each(record.subject.weights for record in records),
    }
    rows = [(name, said) for name, said in facts.items() if said]
    return table(
        ("fact", "what the device or its runtime says"), rows, device.gpu if device.place == "gpu" else device.name
    )


def _each(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _program(runtime: Runtime) -> str:
    sha = f" (sha256 {runtime.binary_sha256[:12]})" if runtime.binary_sha256 else ""
    return f"{runtime.name} {runtime.version}".strip() + sha


def _plan(plan: Plan) -> str:
    sustained = f", then {plan.sustained_minutes:g} minutes on and on" if plan.sustained_minutes else ""
    return (
        f"warm-up of at least {plan.warmup_runs} runs and {plan.warmup_seconds:g} s, then at least {plan.runs} timed "
        f"runs and {plan.seconds:g} s{sustained}; seed {plan.seed}"
    )


def _conditions(records: Sequence[Record]) -> dict[str, str]:
    every = [record.conditions for record in records]

    def span(get: Callable[[Reading], float | None], unit: str) -> str:
        told = [v for c in every for reading in c.readings if (v := get(reading)) is not None]
        return f"{_range(told)} {unit}" if told else ""

    def states(get: Callable[[Reading], bool | None], yes: str, no: str) -> str:
        return " and ".join(yes if value else no for value in ever(every, get))

    waited = [c.cooldown_s for c in every if c.cooldown_s is not None]
    return {
        "thermal status": _each(thermal_word(int(str(s))) for s in sorted(map(str, ever(every, _status)))),
        "hottest sensor": span(hottest_sensor, "\u00b0C"),
        "battery": ", ".join(
            part for part in (span(lambda r: r.battery_level, "%"), span(lambda r: r.battery_c, "\u00b0C")) if part
        ),
        "power": states(lambda r: r.plugged, "plugged in", "on battery"),
        "low-power mode": states(lambda r: r.low_power, "on", "off"),
        "screen": states(lambda r: r.screen_on, "on", "off"),
        "airplane mode": states(lambda r: r.airplane, "on", "off"),
        "frequency governors": _each(
            f"{cluster}: {governor}" for c in every for r in c.readings for cluster, governor in r.governors.items()
        ),
        "fixed-performance mode": "on: compares builds, is not what users get"
        if any(c.fixed_performance for c in every)
        else "",
        "cool-down before": f"{_range(waited)} s" if waited else "",
    }


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _status(reading: Reading) -> int | None:
    return reading.thermal_status
