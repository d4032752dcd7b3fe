"""LiteRT's classic ``benchmark_model``: the interpreter with delegates. Everything it tells is on its output.

Its binary result file (``--result_file_path``) says nothing that the output does not, so it is not asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

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
from edgedepth.bench.device.tools.stats import require_equal
from edgedepth.bench.device.tools.text import Line, MalformedError, number
from edgedepth.bench.schema import Accelerator, Memory

PROFILED_EVENTS = 65536
"""Slots for profiled events; with the default of 1024 a large network's run does not fit."""

_TIMINGS = re.compile(r"(?:Average inference|Inference) timings in us: (?P<told>.*)")
_FOOTPRINT = re.compile(r"Memory footprint delta from the start of the tool \(MB\): init=\S+ overall=(?P<overall>\S+)")
_PEAK = re.compile(r"Overall peak memory footprint \(MB\) via periodic monitoring: (?P<peak>.*)")
_INFERENCE = ("Inference (avg)", "Inference", "no stats")
_WARM_UP = ("Warmup (avg)", "Warmup")


class Classic:
    """See `base.Tool`."""

    name = "benchmark_model"
    formats: tuple[str, ...] = ("tflite",)
    accelerators: tuple[Accelerator, ...] = ("cpu", "gpu", "npu")
    options: Mapping[str, str] = {
        "external_delegate_options": "--external_delegate_options",
        "external_delegate_path": "--external_delegate_path",
        "gpu_backend": "--gpu_backend",
        "gpu_precision_loss_allowed": "--gpu_precision_loss_allowed",
        "signature": "--signature_to_run_for",
        "xnnpack_force_fp16": "--xnnpack_force_fp16",
    }
    needs: Mapping[Accelerator, tuple[str, ...]] = {"npu": ("external_delegate_path",)}
    published = "LiteRT's nightly builds (android_aarch64_benchmark_model, android_arm_benchmark_model)"

    def command(self, binary: str, model: str, workdir: str, ask: Ask) -> list[str]:  # noqa: ARG002 - writes no file
        """See `base.Tool.command`."""
        require(self, ask)
        flags = [f"--graph={model}", *run_flags(ask)]
        if ask.accelerator == "gpu":
            flags.append("--use_gpu=true")
        if ask.strict and ask.accelerator != "cpu":
            flags.append("--require_full_delegation=true")
        if ask.profile:
            flags += ["--enable_op_profiling=true", f"--max_profiling_buffer_entries={PROFILED_EVENTS}"]
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
    """Numbers that the output tells twice must be the same twice: a damaged digit does not get through."""
    lines = out if any(_TIMINGS.match(line.text) for line in out) else err
    told = [index for index, line in enumerate(lines) if _TIMINGS.match(line.text)]
    if len(told) != 1:
        raise MalformedError("The output is cut off or mixed", f"{len(told)} lines of inference timings instead of 1")
    summary = lines[told[0]].text
    timings = _timings(summary)
    warm, timed = two_series(lines)
    mean, init = _first_told(timings, _INFERENCE, summary), _first_told(timings, ("Init",), summary)
    if mean is None:
        raise MalformedError("No inference time", summary)
    require_equal("The mean", summary, mean, timed.mean)
    if warm.count:
        # Of no runs at all the mean is printed as 0 or nan, according to the build.
        require_equal("The warm-up's mean", summary, _first_told(timings, _WARM_UP, summary), warm.mean)
        require_equal("The first inference", summary, _first_told(timings, ("First inference",), summary), warm.first)
    require_session(lines, init)
    return warm_up(init, warm), replace(timed, mean=mean).latency(), _memory(lines)


def _timings(summary: str) -> dict[str, str]:
    found = _TIMINGS.fullmatch(summary)
    told: dict[str, str] = {}
    for part in (found["told"] if found else "").split(", "):
        name, colon, value = part.partition(": ")
        if not colon or name in told:
            raise MalformedError("This line is damaged", summary)
        told[name] = value
    return told


def _first_told(timings: Mapping[str, str], names: Sequence[str], summary: str) -> float | None:
    return next((number(timings[name], summary) for name in names if name in timings), None)


def _memory(lines: list[Line]) -> Memory | None:
    memory = None
    for line in lines:
        if (found := _PEAK.fullmatch(line.text)) is not None:
            return Memory(
                peak_mb=number(found["peak"], line.text) * MIB,
                before_mb=None,
                method="benchmark_model: largest footprint, looked at every 50 ms",
            )
        if line.text.startswith("Memory footprint delta"):
            if (found := _FOOTPRINT.fullmatch(line.text)) is None:
                raise MalformedError("This line is damaged", line.text)
            memory = Memory(
                peak_mb=number(found["overall"], line.text) * MIB,
                before_mb=None,
                method="benchmark_model: growth of the footprint since its start",
            )
    return memory
