"""LiteRT's newer ``benchmark_model``, on the CompiledModel interface; here called ``compiled_model``.

Its summary goes to the error stream in milliseconds with two decimals; the two series of runs, in microseconds, to
the output. Each is checked against the other. Its binary result file says nothing more, so it is not asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from edgedepth.bench.device.tools.base import Ask, ToolResult, require
from edgedepth.bench.device.tools.litert_output import (
    MIB,
    Measured,
    option_flags,
    read_output,
    require_session,
    run_flags,
    two_series,
    warm_up,
)
from edgedepth.bench.device.tools.stats import Series, is_series, require_equal, require_order
from edgedepth.bench.device.tools.text import Line, MalformedError, number, whole_number
from edgedepth.bench.schema import Accelerator, Memory
from edgedepth.errors import UsageError

ROUNDED_US = 5.01
"""Two decimals of a millisecond leave this much open, in microseconds."""

_HEAD = re.compile(r"=+ BENCHMARK RESULTS =+")
_FOOT = re.compile(r"={10,}")
_NAME = re.compile(
    r"(?:Model initialization|Warmup \((?:first|avg)\)|Inference \((?:avg|min|max|std)\)"
    r"|(?:Init|Overall) footprint|Peak memory)(?=:)"
)
_VALUE = re.compile(r":\s*(?P<value>\S+?)\s*(?P<unit>us|ms|s|MB)?\s*(?:\((?P<runs>\S+) runs\))?")
_MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6}


class Compiled:
    """See `base.Tool`."""

    name = "compiled_model"
    formats: tuple[str, ...] = ("tflite",)
    accelerators: tuple[Accelerator, ...] = ("cpu", "gpu", "npu")
    options: Mapping[str, str] = {
        "compiler_cache_path": "--compiler_cache_path",
        "compiler_plugin_library_path": "--compiler_plugin_library_path",
        "dispatch_library_path": "--dispatch_library_path",
        "gpu_backend": "--gpu_backend",
        "gpu_precision": "--gpu-precision",
        "qualcomm_htp_performance_mode": "--qualcomm_htp_performance_mode",
        "signature": "--signature_to_run_for",
    }
    needs: Mapping[Accelerator, tuple[str, ...]] = {"npu": ("dispatch_library_path",)}
    published = "LiteRT's nightly builds (android_arm64/benchmark_model)"

    def command(self, binary: str, model: str, workdir: str, ask: Ask) -> list[str]:  # noqa: ARG002 - writes no file
        """See `base.Tool.command`."""
        require(self, ask)
        if ask.profile:
            raise UsageError(
                f"{self.name} is not asked for a profile.",
                "It gives the events of each run no times on its output.",
                "Profile with --tool benchmark_model",
            )
        flags = [f"--graph={model}", *run_flags(ask)]
        if ask.accelerator != "cpu":
            flags.append(f"--use_{ask.accelerator}=true")
        if ask.strict and ask.accelerator != "cpu":
            # The program ends itself where full delegation and the processor are both asked for.
            flags += ["--use_cpu=false", "--require_full_delegation=true"]
        return [binary, *flags, *option_flags(ask, self.options)]

    def result_files(self, workdir: str) -> list[str]:  # noqa: ARG002 - the protocol's
        """None: the output says it all."""
        return []

    def read(self, stdout: str, stderr: str, code: int, files: Mapping[str, bytes], ask: Ask) -> ToolResult:  # noqa: ARG002
        """See `base.Tool.read`."""
        return read_output(stdout, stderr, code, ask, _measured)

    def again(self, ask: Ask, result: ToolResult) -> None:
        """Nothing: the program itself reaches both the count and the time."""


def _measured(out: list[Line], err: list[Line]) -> Measured:
    fields, runs = _summary(err if any(_HEAD.fullmatch(line.text) for line in err) else out)
    if "Inference (avg)" not in fields or not runs.get("Inference (avg)"):
        raise MalformedError("Nothing was timed", "no Inference (avg) with its number of runs")
    lines = out if any(is_series(line) for line in out) else err
    if any(is_series(line) for line in lines):
        warm, timed = two_series(lines)
        _compare(fields, runs, warm, timed)
    else:
        warm, timed = _series(fields, runs)
    init = fields.get("Model initialization")
    require_session(lines, init, ROUNDED_US)
    return warm_up(init, warm), timed.latency(), _memory(fields)


def _summary(lines: list[Line]) -> tuple[dict[str, float], dict[str, int]]:
    """The last summary's fields, times in microseconds and sizes in MB, and how many runs are behind them."""
    heads = [index for index, line in enumerate(lines) if _HEAD.fullmatch(line.text)]
    if not heads:
        raise MalformedError("The output is cut off", "no benchmark results")
    fields: dict[str, float] = {}
    runs: dict[str, int] = {}
    for line in lines[heads[-1] + 1 :]:
        if _FOOT.fullmatch(line.text):
            return fields, runs
        if (named := _NAME.match(line.text)) is None:
            continue
        name = named[0]
        found = _VALUE.fullmatch(line.text, named.end())
        if found is None or name in fields:
            raise MalformedError("This line is damaged", line.text)
        fields[name] = _in_base_unit(name, found, line.text)
        if found["runs"] is not None:
            runs[name] = whole_number(found["runs"], line.text)
    raise MalformedError("The output is cut off", "the benchmark results have no end")


def _in_base_unit(name: str, found: re.Match[str], line: str) -> float:
    value = number(found["value"], line)
    unit = found["unit"] or ("ms" if name == "Inference (std)" else "")
    if (unit == "MB") != ("footprint" in name or "memory" in name) or not unit:
        raise MalformedError("The unit is missing or another's", line)
    return value * _MICROSECONDS.get(unit, 1.0)


def _series(fields: dict[str, float], runs: dict[str, int]) -> tuple[Series, Series]:
    mean = fields["Inference (avg)"]
    low, high, line = fields.get("Inference (min)"), fields.get("Inference (max)"), "Inference (min, avg, max)"
    slack = 2 * ROUNDED_US
    require_order(line, low, mean + slack)
    require_order(line, mean, None if high is None else high + slack)
    timed = Series(line, runs["Inference (avg)"], None, low, high, mean, fields.get("Inference (std)"))
    warm = Series(
        "Warmup", runs.get("Warmup (avg)", 0), first=fields.get("Warmup (first)"), mean=fields.get("Warmup (avg)")
    )
    return warm, timed


def _compare(fields: dict[str, float], runs: dict[str, int], warm: Series, timed: Series) -> None:
    for series, name in ((warm, "Warmup (avg)"), (timed, "Inference (avg)")):
        if runs.get(name, series.count) != series.count:
            raise MalformedError(f"{name} is of {runs[name]} runs here", series.line)
    for value, name in (
        (warm.first, "Warmup (first)"),
        (warm.mean, "Warmup (avg)"),
        (timed.mean, "Inference (avg)"),
        (timed.minimum, "Inference (min)"),
        (timed.maximum, "Inference (max)"),
    ):
        require_equal(name, timed.line, fields.get(name), value, ROUNDED_US)


def _memory(fields: dict[str, float]) -> Memory | None:
    for name, method in (
        ("Peak memory", "compiled_model: largest footprint, looked at every 50 ms"),
        ("Overall footprint", "compiled_model: growth of the footprint since its start"),
    ):
        if name in fields:
            return Memory(peak_mb=fields[name] * MIB, before_mb=None, method=method)
    return None
