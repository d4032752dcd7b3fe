"""The demo app's contract: what it is asked, what it answers, and whether an answer may be believed.

docs/app-benchmark.md states it for whoever writes the app.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from edgedepth.bench.device.tools.base import Ask, ToolResult
from edgedepth.bench.device.tools.text import shortened
from edgedepth.bench.schema import Accelerator, Memory, Minute, Phases, Reading
from edgedepth.errors import UsageError

SCHEMA = 1
ACCELERATORS: tuple[Accelerator, ...] = ("cpu", "gpu")
LARGEST_NUMBER = 1e9
"""Of milliseconds or runs; a week has fewer."""
LARGEST_ANSWER = 64_000_000
"""Bytes; a million runs take a third of it."""


class AppRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the app is asked for.

    Attributes:
        schema: of request and answer.
        token: names the answer's file; letters and digits.
        model: an absolute path on the device, or the name of an asset.
        threads: None where the runtime decides.
        strict: the app must fail rather than run any part of the graph elsewhere.
        runs, seconds, warmup_runs, warmup_seconds, max_seconds, sustained_minutes: as in `schema.Plan`.
    """

    schema: int
    token: str
    model: str
    accelerator: Accelerator
    threads: int | None
    strict: bool
    runs: int
    seconds: float
    warmup_runs: int
    warmup_seconds: float
    max_seconds: float
    sustained_minutes: float


class AppRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """What ran the model; as in `schema.Runtime`."""

    name: str
    version: str
    accelerator: Accelerator
    threads: int | None = None
    delegated: int | None = None
    nodes: int | None = None
    partitions: int | None = None
    fully_accelerated: bool | None = None


class AppTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The timed runs.

    Attributes:
        samples_ms: one per run, in order, from handing the input over until the output can be read.
        count: of them.
        seconds: from the first run's beginning to the last one's end.
    """

    samples_ms: list[float]
    count: int
    seconds: float


class Headroom(msgspec.Struct, frozen=True, kw_only=True):
    """`PowerManager.getThermalHeadroom` at a moment; 1.0 is where severe throttling begins."""

    at_s: float
    value: float


class AppAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the app answers: times, or a failure.

    Attributes:
        token: the request's.
        model_sha256: of the bytes that the app ran.
        readings: thermal status and battery before, during and after.
        failure: one line; None where there are times.
    """

    schema: int
    token: str
    app_version: str
    model_sha256: str = ""
    runtime: AppRuntime | None = None
    phases: Phases = Phases()
    times: AppTimes | None = None
    sustained: tuple[Minute, ...] = ()
    memory: Memory | None = None
    readings: tuple[Reading, ...] = ()
    headroom: tuple[Headroom, ...] = ()
    failure: str | None = None


@dataclass(frozen=True)
class AppResult:
    """The answer as other tools give it, and what only the app tells."""

    tool: ToolResult
    sustained: tuple[Minute, ...] = ()
    readings: tuple[Reading, ...] = ()


def request_of(ask: Ask, model: str, token: str) -> AppRequest:
    """What to ask the app.

    Raises:
        UsageError: what it cannot do.
    """
    if ask.accelerator not in ACCELERATORS:
        raise UsageError(
            f"The app cannot be asked for {ask.accelerator}.",
            f"It runs on {' and '.join(ACCELERATORS)}.",
            "Leave out --via app; the benchmark programs reach more accelerators.",
        )
    if ask.options or ask.profile:
        raise UsageError("The app has no further options and no profile.", "", "Leave out --via app.")
    plan = ask.plan
    return AppRequest(
        schema=SCHEMA,
        token=token,
        model=model,
        accelerator=ask.accelerator,
        threads=ask.threads,
        strict=ask.strict,
        runs=plan.runs,
        seconds=plan.seconds,
        warmup_runs=plan.warmup_runs,
        warmup_seconds=plan.warmup_seconds,
        max_seconds=plan.max_seconds,
        sustained_minutes=plan.sustained_minutes,
    )


def read_answer(content: bytes, request: AppRequest, model_sha256: str) -> AppResult:
    """Check an answer against what was asked; whatever does not fit is a failure, never an exception."""
    if len(content) > LARGEST_ANSWER:
        return _failed(f"the app's answer has {len(content)} bytes")
    try:
        answer = msgspec.json.decode(content, type=AppAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _failed(f"the app's answer cannot be read: {shortened(str(error))}")
    if answer.schema != SCHEMA:
        return _failed(f"the app speaks version {answer.schema} of the contract, this program version {SCHEMA}")
    if answer.token != request.token:
        return _failed("the app's answer is another request's")
    if answer.failure is not None or answer.times is None or answer.runtime is None:
        return _failed(f"the app says: {shortened(answer.failure or 'no times and no reason')}")
    wrong = next(
        (why for fits, why in _checks(answer, answer.times, answer.runtime, request, model_sha256) if not fits), None
    )
    return _failed(f"the app's answer is wrong: {wrong}") if wrong else _result(answer, answer.times, answer.runtime)


def _checks(
    answer: AppAnswer, times: AppTimes, runtime: AppRuntime, request: AppRequest, model_sha256: str
) -> Iterable[tuple[bool, str]]:
    yield answer.model_sha256.lower() == model_sha256.lower(), "it ran another model"
    yield runtime.accelerator == request.accelerator, f"it ran on {runtime.accelerator}"
    yield request.threads is None or runtime.threads == request.threads, f"it ran with {runtime.threads} threads"
    yield times.count == len(times.samples_ms) > 0, f"{times.count} runs and {len(times.samples_ms)} samples"
    yield all(math.isfinite(s) and s > 0 for s in times.samples_ms), "a sample is not a time"
    # Milliseconds with three decimals, summed over all runs.
    slack_ms = 1e-3 * times.count + 1.0
    yield (
        sum(times.samples_ms) <= times.seconds * 1e3 + slack_ms,
        "its runs took longer than the time they took together",
    )
    phases = answer.phases
    told = (phases.init_ms, phases.first_ms, phases.warmup_ms, phases.warmup_runs, times.seconds)
    yield all(value is None or 0 <= value < LARGEST_NUMBER for value in told), "a phase is not a time"
    counted = (0, runtime.partitions, runtime.delegated, runtime.nodes)
    known = [value for value in counted if value is not None]
    yield known == sorted(known) and known[-1] < LARGEST_NUMBER, "its nodes and partitions contradict each other"
    yield answer.memory is None or 0 < answer.memory.peak_mb < 1e6, "its memory is no size"
    minutes = answer.sustained
    yield [minute.minute for minute in minutes] == list(range(1, len(minutes) + 1)), "its minutes are not 1, 2, 3 ..."
    yield (
        all(map(_is_sound, minutes)),
        "a minute's times are wrong",
    )
    yield all(map(_plausible, minutes)) and all(map(_plausible, answer.readings)), "a reading is out of range"


def _plausible(reading: Reading | Minute) -> bool:
    status, celsius = reading.thermal_status, reading.battery_c
    level = reading.battery_level if isinstance(reading, Reading) else None
    return (
        (status is None or 0 <= status <= 6)
        and (celsius is None or -60 < celsius < 150)
        and (level is None or 0 <= level <= 100)
    )


def _result(answer: AppAnswer, times: AppTimes, runtime: AppRuntime) -> AppResult:
    from edgedepth.bench.statistics import latency_of  # noqa: PLC0415 - numpy takes 0.1 s

    tool = ToolResult(
        phases=answer.phases,
        latency=latency_of(times.samples_ms, times.seconds),
        memory=answer.memory,
        delegated=runtime.delegated,
        nodes=runtime.nodes,
        partitions=runtime.partitions,
        fully_accelerated=runtime.fully_accelerated,
        version=shortened(f"{runtime.name} {runtime.version}, app {answer.app_version}"),
    )
    headroom = [Reading(at_s=one.at_s, headroom=one.value) for one in answer.headroom]
    return AppResult(tool, answer.sustained, tuple(sorted((*answer.readings, *headroom), key=lambda r: r.at_s)))


def _is_sound(minute: Minute) -> bool:
    slowest = minute.median_ms if minute.p90_ms is None else minute.p90_ms
    return 0 < minute.median_ms <= slowest < math.inf and 0 < minute.count < LARGEST_NUMBER


def _failed(why: str) -> AppResult:
    return AppResult(ToolResult(failure=why))
