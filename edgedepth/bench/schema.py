"""One result, whatever it was measured on: this machine, its GPU, or a phone.

A result file is JSON lines (`edgedepth.bench.journal`); each finished configuration is one `Record`. Fields are only
ever added: a reader ignores those that it does not know. Times are milliseconds, memory is MB (1e6 bytes),
temperatures are degrees Celsius.
"""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA_VERSION = 1

Place = Literal["host", "gpu", "phone", "emulated"]
Accelerator = Literal["cpu", "gpu", "npu", "cuda", "tensorrt"]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What was run.

    Attributes:
        label: how tables call it: file name, or model name for a PyTorch row.
        sha256: of the file; of the state dict's bytes for a PyTorch row.
        bytes: of the file.
        format: ``tflite``, ``onnx`` or ``pytorch``.
        precision: ``fp32`` .. ``auto``; None where the file does not say.
        model: the registry's name; None where the file does not say.
        size: (height, width) of the input in pixels; None for a graph of another kind.
        batch: pictures per run.
        macs: multiply-adds per run; None where sizes are not fixed.
        parameters: of the model; None where unknown.
        weights: where the weights came from, one line; empty where unknown.
    """

    label: str
    sha256: str
    bytes: int
    format: str
    precision: str | None = None
    model: str | None = None
    size: tuple[int, int] | None = None
    batch: int = 1
    macs: int | None = None
    parameters: int | None = None
    weights: str = ""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """What it ran on.

    Attributes:
        place: ``emulated`` is an ARM64 userland on another processor: never a phone's time.
        id: stable and anonymous: a hash of the serial number or of the machine's facts.
        name: processor, or manufacturer and model.
        soc: manufacturer and model of the chip, such as ``QTI SM8750``; empty where unknown.
        abi: such as ``arm64-v8a`` or ``x86_64``.
        system: such as ``Android 15 (SDK 35)`` or ``Linux 6.1``.
        fingerprint: of the system's build; empty where there is none.
        cores: that the measurement might use.
        gpu: name and driver; empty where none was used.
        facts: what else the device said, by name (board, hardware, core clusters ...).
    """

    place: Place
    id: str
    name: str
    soc: str = ""
    abi: str = ""
    system: str = ""
    fingerprint: str = ""
    cores: int = 0
    gpu: str = ""
    facts: dict[str, str] = {}


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """What ran it.

    Attributes:
        name: ``litert``, ``onnxruntime``, ``pytorch``, ``benchmark_model`` (classic), ``compiled_model`` (LiteRT's
            newer tool), ``onnxruntime_perf_test`` or ``app``.
        version: as the runtime says; empty where a binary does not.
        accelerator: what was asked for.
        threads: None where the runtime decides.
        affinity: hexadecimal CPU mask; empty where any core may be used.
        options: everything else that tells configurations apart (``compile``, ``precision``, ``layout``, ``graphs``).
        binary_sha256: of the benchmark program; empty for a Python runtime.
        strict: whether anything else than the accelerator running the whole graph makes the result invalid.
        delegated, nodes, partitions: how many of the graph's nodes a delegate took, in how many pieces; None: not told.
        fully_accelerated: whether the accelerator ran the whole graph; None where the runtime does not tell.
    """

    name: str
    version: str
    accelerator: Accelerator
    threads: int | None = None
    affinity: str = ""
    options: dict[str, str] = {}
    binary_sha256: str = ""
    strict: bool = False
    delegated: int | None = None
    nodes: int | None = None
    partitions: int | None = None
    fully_accelerated: bool | None = None


class Phases(msgspec.Struct, frozen=True, kw_only=True):
    """What happens before the steady state; None where a tool does not tell.

    Attributes:
        init_ms: from the file to a session that could run.
        first_ms: the first inference.
        warmup_ms: mean of the warm-up runs, the first excluded where it is told apart.
        warmup_runs: how many.
    """

    init_ms: float | None = None
    first_ms: float | None = None
    warmup_ms: float | None = None
    warmup_runs: int | None = None


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Of one inference in the steady state.

    Attributes:
        samples_ms: one per timed run; empty where a tool gives only a summary.
        parts_ms: centre of each separate invocation of a tool, in order; empty where there was one process throughout.
        seconds: that the timed runs took together, what lay between them included; None where not told.
        mean, std, minimum, p5, median, p90, p95, p99, maximum: None where a tool does not tell.
        iqr: 75th minus 25th percentile; None without samples.
        ci95: interval of the median that needs no assumption about the distribution; None without samples.
    """

    samples_ms: list[float]
    count: int
    seconds: float | None = None
    mean: float | None = None
    std: float | None = None
    minimum: float | None = None
    p5: float | None = None
    median: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    maximum: float | None = None
    iqr: float | None = None
    ci95: tuple[float, float] | None = None
    parts_ms: list[float] = []

    @property
    def centre(self) -> float | None:
        """The median, or the mean where a tool gives no median."""
        return self.mean if self.median is None else self.median


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """One minute of a sustained run, counted from 1.

    Attributes:
        median_ms: the mean where the tool gives no median.
        p90_ms: None where it gives none.
    """

    minute: int
    count: int
    median_ms: float
    p90_ms: float | None = None
    thermal_status: int | None = None
    battery_c: float | None = None
    temperature_c: float | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The device's state at one moment; None and empty where it does not tell.

    Attributes:
        at_s: seconds since the configuration's measurement began; negative before it.
        thermal_status: 0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown.
        temperatures: by sensor.
        battery_level: percent.
        plugged: whether it is charging or powered from outside.
        governors: frequency governor by core cluster.
        frequencies: current frequency in MHz by core.
        headroom: thermal headroom as an app is told it; at 1.0 severe throttling begins.
    """

    at_s: float
    thermal_status: int | None = None
    temperatures: dict[str, float] = {}
    battery_level: int | None = None
    battery_c: float | None = None
    plugged: bool | None = None
    low_power: bool | None = None
    screen_on: bool | None = None
    airplane: bool | None = None
    governors: dict[str, str] = {}
    frequencies: dict[str, float] = {}
    headroom: float | None = None


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """Under what circumstances.

    Attributes:
        readings: before, during and after, in order of time.
        fixed_performance: the phone's pinned mode was on; such a result compares builds, it is not what users get.
        cooldown_s: how long was waited before; None where nothing was waited for.
        baseline_c: what cooling down is judged by (the hottest of skin and battery, else of all sensors), before the
            matrix began; None where not told.
        max_thermal: highest thermal status that counts as not throttled.
    """

    readings: tuple[Reading, ...] = ()
    fixed_performance: bool = False
    cooldown_s: float | None = None
    baseline_c: float | None = None
    max_thermal: int = 0


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Of the measuring process.

    Attributes:
        peak_mb: highest resident size, or what a tool reports as its peak.
        before_mb: resident size before the model was opened; None where not told.
        method: how it was found.
    """

    peak_mb: float
    before_mb: float | None
    method: str


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """The time that the same multiply-adds take as plain large convolutions in the same runtime, in the same rounds.

    Attributes:
        ratio: of the medians, the subject's over the floor's, with its 95 % interval.
    """

    graph: str
    macs: int
    ms: float
    gmacs_per_second: float
    ratio: float
    ratio_low: float
    ratio_high: float


class Caution(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader should know, and what to do about it."""

    what: str
    remedy: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How long to measure; counts and seconds must both be reached.

    Attributes:
        runs, seconds: timed runs of each configuration, and the time that they take together at least.
        warmup_runs, warmup_seconds: of each configuration before its first timed run.
        max_seconds: give up after this long per configuration; what was not reached is a reason for invalidity.
        sustained_minutes: of running on and on after the timed runs; 0 for none.
        seed: of the order within rounds and of the inputs.
    """

    runs: int = 50
    seconds: float = 2.0
    warmup_runs: int = 3
    warmup_seconds: float = 0.5
    max_seconds: float = 600.0
    sustained_minutes: float = 0.0
    seed: int = 0


class Record(msgspec.Struct, frozen=True, kw_only=True, tag="record", tag_field="type"):
    """One configuration's result.

    Attributes:
        schema_version: of this layout.
        edgedepth: version that measured.
        matrix: identity of the matrix that it belongs to; rounds are interleaved within one.
        started: UTC, ISO 8601, to the second.
        latency: None where nothing could be timed; `invalid_reasons` says why.
        valid: whether the time may be quoted (`edgedepth.bench.validity`).
        reproduce: the command that measures it again.
        log: last lines that the tool said, where that explains a failure.
    """

    schema_version: int
    edgedepth: str
    matrix: str
    started: str
    subject: Subject
    device: Device
    runtime: Runtime
    plan: Plan
    phases: Phases = Phases()
    latency: Latency | None = None
    sustained: tuple[Minute, ...] = ()
    conditions: Conditions = Conditions()
    memory: Memory | None = None
    floor: Floor | None = None
    valid: bool = False
    invalid_reasons: tuple[str, ...] = ()
    warnings: tuple[Caution, ...] = ()
    reproduce: str = ""
    log: str = ""

    @property
    def configuration(self) -> str:
        """What sets it apart from other ways to run the same file, such as ``litert cpu 2 threads``."""
        return configuration(self.runtime, pinned=self.conditions.fixed_performance)

    @property
    def key(self) -> str:
        """Equal for results that measure the same file in the same way on the same device."""
        return key(self.subject, self.device, self.runtime, pinned=self.conditions.fixed_performance)


def configuration(runtime: Runtime, *, pinned: bool = False) -> str:
    """A runtime, its accelerator and settings in a few words; `pinned` is the phone's fixed-performance mode."""
    parts = [runtime.name, runtime.accelerator]
    if runtime.threads is not None:
        parts.append(f"{runtime.threads} thread{'s' if runtime.threads != 1 else ''}")
    if runtime.affinity:
        parts.append(f"cores {runtime.affinity}")
    parts += [value if name == value else f"{name} {value}" for name, value in sorted(runtime.options.items())]
    return " ".join([*parts, "pinned"] if pinned else parts)


def key(subject: Subject, device: Device, runtime: Runtime, *, pinned: bool = False) -> str:
    """What identifies a configuration before it was measured."""
    return "|".join((device.id, subject.sha256, str(subject.batch), configuration(runtime, pinned=pinned)))
