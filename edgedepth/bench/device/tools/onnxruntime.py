"""``onnxruntime_perf_test``, in its old and new wordings.

It ends by time or by count, not by both, and warms up with a single run. So it is asked for the time of the warm-up
and the measurement together; its file of single runs tells them apart afterwards. Where that gave too few runs,
`again` asks by count.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgedepth.bench.device.tools.base import Ask, ToolResult, require
from edgedepth.bench.device.tools.failures import CUT_OFF, why_failed
from edgedepth.bench.device.tools.stats import require_equal, require_order
from edgedepth.bench.device.tools.text import Line, MalformedError, lines_of, number, tail, whole_number
from edgedepth.bench.schema import Accelerator, Latency, Memory, Phases
from edgedepth.errors import UsageError

PROVIDERS: Mapping[Accelerator, tuple[str, ...]] = {"cpu": ("cpu", "xnnpack"), "npu": ("qnn", "nnapi")}
SAMPLES = "onnxruntime_perf_test.csv"
SHARE = 1e-4
"""By how much a mean and its parts may differ: each is printed with six digits."""

_TIMES = {
    "Session creation time cost": "session",
    "First inference time cost": "first",
    "Total inference time cost": "total",
    "Total time cost": "total",
    "Average inference time cost total": "average",
    "Average inference time cost": "average",
    "Average time cost": "average",
    "Total inference run time": "run",
    "Total run time": "run",
    "Min Latency": "min",
    "Max Latency": "max",
    "P50 Latency": "p50",
    "P90 Latency": "p90",
    "P95 Latency": "p95",
    "P99 Latency": "p99",
    "P999 Latency": "p999",
}
_COUNTS = {"Total inference requests": "count", "Total iterations": "count", "Runs": "runs"}
_NAMES = sorted([*_TIMES, *_COUNTS, "Peak working set size"], key=len, reverse=True)
_LINE = re.compile(rf"(?P<name>{'|'.join(map(re.escape, _NAMES))})(?:: ?| is )(?P<value>.*)")
_TIME = re.compile(r"(?P<number>\S+?)\s*(?P<unit>sec|s|ms|us)")
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "sec": 1e3}


class OnnxRuntime:
    """See `base.Tool`."""

    name = "onnxruntime_perf_test"
    formats: tuple[str, ...] = ("onnx",)
    accelerators: tuple[Accelerator, ...] = ("cpu", "npu")
    options: Mapping[str, str] = {"provider": "-e", "provider_options": "-i", "optimization": "-o"}
    needs: Mapping[Accelerator, tuple[str, ...]] = {"npu": ("provider",)}
    published = "no ready build; ONNX Runtime's own build for Android makes it beside its tests"

    def command(self, binary: str, model: str, workdir: str, ask: Ask) -> list[str]:
        """See `base.Tool.command`."""
        require(self, ask)
        if ask.profile:
            raise UsageError(
                f"{self.name} is not asked for a profile.",
                "It writes one under a name that is known only afterwards.",
                "Profile the .onnx file on this machine, or the .tflite file with --tool benchmark_model",
            )
        plan = ask.plan
        if ask.runs_only is not None:
            flags = ["-m", "times", "-r", str(ask.runs_only)]
        else:
            # One second more than both need: the warm-up ends with a run, not at its second.
            flags = ["-m", "duration", "-t", str(math.ceil(plan.seconds + plan.warmup_seconds) + 1)]
        flags += ["-I", "-S", str(plan.seed), "-s", "-e", self._provider(ask)]
        if ask.threads is not None:
            flags += ["-x", str(ask.threads), "-y", "1"]
        if "optimization" in ask.options:
            flags += ["-o", ask.options["optimization"]]
        if "provider_options" in ask.options:
            flags += ["-i", ask.options["provider_options"]]
        if ask.strict and ask.accelerator != "cpu":
            flags += ["-C", "session.disable_cpu_ep_fallback|1"]
        return [binary, *flags, model, *self.result_files(workdir)]

    def result_files(self, workdir: str) -> list[str]:
        """The times of all single runs. The program appends to it."""
        return [f"{workdir}/{SAMPLES}"]

    def read(self, stdout: str, stderr: str, code: int, files: Mapping[str, bytes], ask: Ask) -> ToolResult:
        """See `base.Tool.read`."""
        out, log = lines_of(stdout), tail(stdout, stderr)
        failure = why_failed([*out, *lines_of(stderr)], code, ask.accelerator)
        if failure is not None:
            return ToolResult(failure=failure, log_tail=log)
        try:
            told = _told(out)
            samples = _samples(next((files[path] for path in files if path.endswith(SAMPLES)), None), told)
            phases, latency = _timed(told, samples, ask)
        except MalformedError as error:
            return ToolResult(failure=str(error), log_tail=log)
        return ToolResult(
            phases=phases,
            latency=latency,
            memory=_memory(told),
            # With the fallback forbidden, a session that was made runs nowhere else.
            fully_accelerated=True if ask.accelerator == "cpu" or ask.strict else None,
            log_tail=log,
        )

    def again(self, ask: Ask, result: ToolResult) -> Ask | None:
        """By count, where the time was over before enough runs were done."""
        latency, plan = result.latency, ask.plan
        if ask.runs_only is not None or latency is None or latency.mean is None or latency.count >= plan.runs:
            return None
        each = max(latency.mean, 1e-3)
        timed = max(plan.runs, math.ceil(1.1 * plan.seconds * 1e3 / each))
        return replace(ask, runs_only=timed + max(plan.warmup_runs, math.ceil(plan.warmup_seconds * 1e3 / each) + 1))

    def _provider(self, ask: Ask) -> str:
        known = PROVIDERS[ask.accelerator]
        provider = ask.options.get("provider", known[0])
        if provider not in known:
            raise UsageError(
                f"{self.name} does not reach the {ask.accelerator} through {provider}.",
                f"It does through {' or '.join(known)}.",
                f"Choose provider={known[0]}",
            )
        return provider


def _told(lines: Sequence[Line]) -> dict[str, float]:
    """This run's numbers: milliseconds, bytes and counts, by their short names."""
    starts = [
        i for i, line in enumerate(lines) if line.text.startswith(("Session creation time cost", "Total time cost"))
    ]
    told: dict[str, float] = {}
    for line in lines[starts[-1] if starts else 0 :]:
        if (found := _LINE.fullmatch(line.text)) is None:
            continue
        name, value = found["name"], found["value"].strip()
        if name in _TIMES:
            short, amount = _TIMES[name], _milliseconds(name, value, line.text)
        elif name in _COUNTS:
            short, amount = _COUNTS[name], float(whole_number(value, line.text))
        else:
            short, amount = "peak", number(value.removesuffix("bytes").strip(), line.text)
        if told.get(short, amount) != amount:
            raise MalformedError("This is told twice, differently", line.text)
        told[short] = amount
    _check(told)
    return told


def _milliseconds(name: str, value: str, line: str) -> float:
    found = _TIME.fullmatch(value)
    if found is None and name == "Total time cost":
        # The oldest wording names the unit of every time but this one, which is seconds.
        return number(value, line) * 1e3
    if found is None:
        raise MalformedError("No time with its unit", line)
    return number(found["number"], line) * _MILLISECONDS[found["unit"]]


def _check(told: Mapping[str, float]) -> None:
    count, average = told.get("count"), told.get("average")
    if not count or average is None:
        raise MalformedError(CUT_OFF.capitalize(), "no count or no average of the inferences")
    where = f"{count:g} inferences of {average:g} ms on average"
    require_equal("The number of runs", where, count, told.get("runs"))
    if "total" in told:
        require_equal("The mean", where, average, told["total"] / count, SHARE * average)
        require_order(where, told["total"] * (1 - SHARE), told.get("run"))
    require_order(where, told.get("min"), *(told.get(f"p{p}") for p in (50, 90, 95, 99, 999)), told.get("max"))
    require_order(where, told.get("min"), average * (1 + SHARE))
    require_order(where, average * (1 - SHARE), told.get("max"))


def _samples(content: bytes | None, told: Mapping[str, float]) -> list[float] | None:
    """Milliseconds of each run, the last block of the file; None without a file."""
    if content is None:
        return None
    samples: list[float] = []
    for raw in content.decode("utf-8", "replace").split("\n"):
        row = raw.strip().rsplit(",", 4)
        if len(row) != 5:
            continue
        index = whole_number(row[4], raw)
        if index == 0:
            samples = []
        if index != len(samples):
            raise MalformedError("A run is missing in the file of single runs", raw)
        samples.append(number(row[1], raw) * 1e3)
    where = f"{len(samples)} single runs in the file"
    require_equal("The number of runs", where, float(len(samples)), told["count"])
    require_equal("The mean", where, sum(samples) / len(samples), told["average"], SHARE * told["average"])
    require_equal("The shortest run", where, min(samples), told.get("min"))
    require_equal("The longest run", where, max(samples), told.get("max"))
    return samples


def _timed(told: Mapping[str, float], samples: list[float] | None, ask: Ask) -> tuple[Phases, Latency]:
    from edgedepth.bench.statistics import latency_of  # noqa: PLC0415 - numpy takes 0.1 s

    if samples is None:
        if "p999" not in told:
            raise MalformedError(CUT_OFF.capitalize(), "no P999 Latency, which is the last line")
        return _phases(told, []), _summary(told)
    warm = _warm_up(samples, ask)
    if warm == len(samples):
        raise MalformedError("All runs were needed for the warm-up", f"{warm} runs")
    between = max(told.get("run", 0.0) - sum(samples), 0.0)
    return _phases(told, samples[:warm]), latency_of(samples[warm:], (sum(samples[warm:]) + between) / 1e3)


def _phases(told: Mapping[str, float], warm: Sequence[float]) -> Phases:
    return Phases(
        init_ms=told.get("session"),
        first_ms=told.get("first"),
        warmup_ms=sum(warm) / len(warm) if warm else None,
        warmup_runs=len(warm) + 1,
    )


def _warm_up(samples: Sequence[float], ask: Ask) -> int:
    """How many of the runs are the warm-up's; the program itself ran once before them."""
    spent, count = 0.0, 0
    for sample in samples:
        if count + 1 >= ask.plan.warmup_runs and spent >= ask.plan.warmup_seconds * 1e3:
            break
        spent, count = spent + sample, count + 1
    return count


def _summary(told: Mapping[str, float]) -> Latency:
    return Latency(
        samples_ms=[],
        count=int(told["count"]),
        seconds=told["run"] / 1e3 if "run" in told else None,
        mean=told["average"],
        minimum=told.get("min"),
        median=told.get("p50"),
        p90=told.get("p90"),
        p95=told.get("p95"),
        p99=told.get("p99"),
        maximum=told.get("max"),
    )


def _memory(told: Mapping[str, float]) -> Memory | None:
    if not told.get("peak"):
        return None
    return Memory(peak_mb=told["peak"] / 1e6, before_mb=None, method="onnxruntime_perf_test: peak working set")
