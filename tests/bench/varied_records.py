"""Results of a machine and two phones: valid, invalid, throttled, and with gaps everywhere."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from edgedepth.bench.schema import (
    SCHEMA_VERSION,
    Accelerator,
    Caution,
    Conditions,
    Device,
    Floor,
    Latency,
    Memory,
    Minute,
    Phases,
    Plan,
    Reading,
    Record,
    Runtime,
    Subject,
)
from edgedepth.bench.statistics import latency_of
from edgedepth.bench.validity import judged

HOST = Device(
    place="host",
    id="5d41402abc4b",
    name="AMD EPYC 7R13",
    abi="x86_64",
    system="Linux 6.1",
    cores=2,
    facts={"instructions": "avx2, fma"},
)
GPU = Device(
    place="gpu", id="5d41402abc4b", name="AMD EPYC 7R13", abi="x86_64", system="Linux 6.1", gpu="NVIDIA H100 80GB"
)
PHONE = Device(
    place="phone",
    id="7d793037a076",
    name="samsung SM-S938B",
    soc="QTI SM8750",
    abi="arm64-v8a",
    system="Android 15 (SDK 35)",
    fingerprint="samsung/pa3qxxx/pa3q:15/AP3A.240905.015.A2/S938BXXU1AYA1:user/release-keys",
    cores=8,
    facts={"board": "sun", "clusters": "6 x 3.53 GHz, 2 x 4.47 GHz"},
)
OLD_PHONE = Device(place="phone", id="e4da3b7fbbce", name="Google Pixel 6a", soc="Google Tensor", abi="arm64-v8a")
EMULATED = Device(place="emulated", id="1679091c5a88", name="Cortex-A76", abi="arm64-v8a", system="Linux 6.1")
SIZES = {"flex-nano": (1_521_948, 695_822_080), "flex-small": (6_058_900, 2_732_507_136)}


def subject(model: str = "flex-nano", precision: str = "fp32", **changed: Any) -> Subject:
    parameters, macs = SIZES.get(model, (3_000_000, 5_014_730_000))
    label = f"{model}-192x640-{precision}.tflite"
    fields: dict[str, Any] = {
        "label": label,
        "sha256": hashlib.sha256(label.encode()).hexdigest(),
        "bytes": parameters * (1 if "8" in precision else 4),
        "format": "tflite",
        "precision": precision,
        "model": model,
        "size": (192, 640),
        "macs": macs,
        "parameters": parameters,
        "weights": "random weights, seed 0",
    }
    return Subject(**{**fields, **changed})


def times(median: float, count: int = 60, spread: float = 0.02, seed: int = 0, drift: float = 0.0) -> list[float]:
    """Milliseconds with a long tail, slowing down by `drift` from the first to the last."""
    rng = np.random.default_rng(seed)
    found = median * rng.lognormal(0, spread, count) * (1 + drift * np.linspace(0, 1, count))
    found[rng.random(count) < 0.03] *= 1.6
    return found.tolist()


def record(what: Subject, device: Device, runtime: Runtime, latency: Latency | None, **changed: Any) -> Record:
    fields: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "edgedepth": "0.1.0",
        "matrix": f"matrix of {device.id}",
        "started": "2026-11-21T08:00:00Z",
        "subject": what,
        "device": device,
        "runtime": runtime,
        "plan": Plan(runs=30, seconds=0.0),
        "latency": latency,
        "reproduce": f"edgedepth bench host {what.label} --runs 30",
    }
    return judged(Record(**{**fields, **changed}))


def host() -> list[Record]:
    """Two scales in two precisions over four configurations, one of them too noisy."""
    found = []
    for model, base in (("flex-nano", 14.0), ("flex-small", 43.0)):
        for precision, gain in (("fp32", 1.0), ("w8a8", 0.62)):
            for number, (name, threads) in enumerate(
                (("litert", 1), ("litert", 2), ("onnxruntime", 1), ("onnxruntime", 2))
            ):
                median = base * gain * (1, 0.6, 1.15, 0.66)[number]
                noisy = (model, precision, number) == ("flex-small", "w8a8", 3)
                floor = 0.55 * base / threads
                ratio = median / floor
                found.append(
                    record(
                        subject(model, precision),
                        HOST,
                        Runtime(
                            name=name,
                            version="2.3.0",
                            accelerator="cpu",
                            threads=threads,
                            nodes=212,
                            delegated=212,
                            partitions=1,
                        )
                        if name == "litert"
                        else Runtime(name=name, version="1.31.1", accelerator="cpu", threads=threads),
                        latency_of(times(median, spread=0.3 if noisy else 0.02, seed=len(found))),
                        phases=Phases(init_ms=38.0 + base, first_ms=1.7 * median, warmup_ms=median, warmup_runs=10),
                        memory=Memory(peak_mb=120 + base, before_mb=96.4, method="highest resident size (VmHWM)"),
                        floor=Floor(
                            graph="three 3x3 convolutions",
                            macs=SIZES[model][1],
                            ms=floor,
                            gmacs_per_second=SIZES[model][1] / floor / 1e6,
                            ratio=ratio,
                            ratio_low=0.98 * ratio,
                            ratio_high=1.03 * ratio,
                        ),
                    )
                )
    return found


def gpu() -> list[Record]:
    """PyTorch in several ways, one picture and sixteen."""
    found = []
    for batch in (1, 16):
        for options, ms in (
            ({}, 4.1),
            ({"compile": "compile"}, 1.9),
            ({"precision": "fp16", "layout": "channels-last"}, 1.4),
        ):
            found.append(
                record(
                    subject(
                        batch=batch,
                        macs=SIZES["flex-nano"][1] * batch,
                        format="pytorch",
                        label="flex-nano",
                        sha256="77" * 32,
                    ),
                    GPU,
                    Runtime(name="pytorch", version="2.14", accelerator="cuda", options=options),
                    latency_of(times(ms * (1 + 0.12 * (batch - 1)), count=200, seed=len(found) + 50)),
                )
            )
    return found


def readings(status: int = 0, rise: float = 4.0) -> Conditions:
    def at(seconds: float, heat: float, status: int) -> Reading:
        return Reading(
            at_s=seconds,
            thermal_status=status,
            temperatures={"skin": 30.5 + heat, "cpu0": 41.0 + 2 * heat},
            battery_level=76,
            battery_c=29.0 + heat / 2,
            plugged=True,
            low_power=False,
            screen_on=True,
            airplane=True,
            governors={"policy0": "walt", "policy6": "walt"},
        )

    return Conditions(
        readings=(at(-1, 0, 0), at(5, rise / 2, status), at(12, rise, status)), cooldown_s=41.0, baseline_c=41.0
    )


def summary_only(median: float) -> Latency:
    """What the classic benchmark program tells."""
    return Latency(
        samples_ms=[], count=50, mean=1.01 * median, std=0.02 * median, minimum=0.97 * median, p5=0.98 * median,
        median=median, p95=1.05 * median, maximum=1.2 * median,
    )  # fmt: skip


def sustained(minutes: int = 10, base: float = 9.0) -> tuple[Minute, ...]:
    """Slower from the fourth minute on, as the phone gets warm."""
    found = []
    for minute in range(1, minutes + 1):
        slow = 1 + 0.45 / (1 + np.exp(5 - minute))
        found.append(
            Minute(
                minute=minute,
                count=int(60000 / base / slow),
                median_ms=base * slow,
                p90_ms=base * slow * 1.08,
                thermal_status=(minute > 3) + (minute > 7),
                battery_c=30 + 0.9 * minute,
                temperature_c=36 + 9 * (1 - np.exp(-minute / 4)),
            )
        )
    return tuple(found)


def phones() -> list[Record]:
    """Programs that tell much or little; a throttled run, a partly delegated one, one that died."""

    def tool(name: str, accelerator: Accelerator = "cpu", **changed: Any) -> Runtime:
        return Runtime(name=name, version="", accelerator=accelerator, binary_sha256="ab12" * 16, **changed)

    nano, small = subject(precision="w8a8"), subject("flex-small", "w8a8")
    cpu = tool("benchmark_model", threads=4, affinity="c0", delegated=212, nodes=212, partitions=1)
    accelerated = tool("compiled_model", "gpu", strict=True, fully_accelerated=True)
    partly = tool("compiled_model", "npu", strict=True, fully_accelerated=False, delegated=180, nodes=212, partitions=5)
    return [
        record(nano, PHONE, cpu, summary_only(8.4), conditions=readings(), phases=Phases(init_ms=61.0, first_ms=14.2)),
        record(
            small, PHONE, cpu, summary_only(24.9), conditions=readings(), phases=Phases(init_ms=88.0, first_ms=31.0)
        ),
        record(
            nano,
            PHONE,
            accelerated,
            latency_of(times(4.2, seed=1)),
            conditions=readings(),
            phases=Phases(init_ms=910.0),
        ),
        record(nano, PHONE, partly, latency_of(times(6.2, seed=2)), conditions=readings()),
        record(
            nano,
            PHONE,
            tool("app", "cpu", threads=4),
            latency_of(times(9.0, count=300, seed=3, drift=0.4)),
            conditions=readings(2, 9.0),
            sustained=sustained(),
            memory=Memory(peak_mb=88.0, before_mb=None, method="told by the app (PSS)"),
            plan=Plan(runs=200, seconds=2.0, sustained_minutes=10),
        ),
        record(
            small,
            OLD_PHONE,
            cpu,
            None,
            invalid_reasons=("the device went away while it was measured",),
            warnings=(Caution(what="The cable may be loose.", remedy="Use another port."),),
            log="adb: device 'e4da' not found",
        ),
        record(nano, OLD_PHONE, tool("onnxruntime_perf_test"), Latency(samples_ms=[], count=40, mean=31.0)),
    ]


def emulated() -> list[Record]:
    return [
        record(subject(), EMULATED, Runtime(name="litert", version="2.3.0", accelerator="cpu"), latency_of(times(2100)))
    ]


def everything() -> list[Record]:
    return [*host(), *gpu(), *phones(), *emulated()]


def many(count: int) -> list[Record]:
    """Configurations of several files on one machine."""
    precisions = ("fp32", "fp16", "dyn8", "w8a8", "w8a16")
    found = []
    for number in range(count):
        model = ("flex-nano", "flex-small", "flex-medium", "lite-mono")[number // 5 % 4]
        found.append(
            record(
                subject(model, precisions[number % 5]),
                HOST,
                Runtime(name="litert", version="2.3.0", accelerator="cpu", threads=1 + number // 20),
                latency_of(times(10 + number, count=40, seed=number)),
                phases=Phases(init_ms=30.0 + number, first_ms=20.0 + number),
                memory=Memory(peak_mb=100.0 + number, before_mb=80.0, method="highest resident size (VmHWM)"),
            )
        )
    return found
