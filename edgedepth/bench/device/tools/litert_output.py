"""What LiteRT's two benchmark programs print alike: the two series of runs of one invocation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from edgedepth.bench.device.tools.base import Ask, ToolResult, seconds
from edgedepth.bench.device.tools.delegation import Delegation, read_delegation
from edgedepth.bench.device.tools.failures import why_failed
from edgedepth.bench.device.tools.stats import PRINTED, Series, is_series, read_series, require_equal
from edgedepth.bench.device.tools.text import Line, MalformedError, lines_of, number, tail
from edgedepth.bench.schema import Latency, Memory, Phases

MIB = 1.048576
"""These programs' "MB" are 1024 x 1024 bytes."""

_SESSION = re.compile(r"Initialized session in (?P<init>\S+?)ms\.")

Measured = tuple[Phases, Latency, Memory | None]


def run_flags(ask: Ask) -> list[str]:
    """How long to run: counts and seconds must both be reached, as in `schema.Plan`."""
    plan = ask.plan
    flags = [
        f"--num_runs={ask.runs_only or plan.runs}",
        f"--min_secs={seconds(plan.seconds)}",
        f"--max_secs={seconds(plan.max_seconds)}",
        f"--warmup_runs={plan.warmup_runs}",
        f"--warmup_min_secs={seconds(plan.warmup_seconds)}",
    ]
    return flags if ask.threads is None else [f"--num_threads={ask.threads}", *flags]


def option_flags(ask: Ask, options: Mapping[str, str]) -> list[str]:
    """Every further setting by its flag, in the order of names."""
    return [f"{options[name]}={value}" for name, value in sorted(ask.options.items())]


def this_run(lines: Sequence[Line]) -> list[Line]:
    """From the program's last start on: what stands before is another invocation's."""
    starts = [index for index, line in enumerate(lines) if line.text == "STARTING!"]
    return list(lines[starts[-1] :] if starts else lines)


def read_output(
    stdout: str, stderr: str, code: int, ask: Ask, measured: Callable[[list[Line], list[Line]], Measured]
) -> ToolResult:
    """Failures, delegation, then the numbers by `measured`, which gets this run's lines of each stream."""
    out, err = this_run(lines_of(stdout)), this_run(lines_of(stderr))
    log = tail(stdout, stderr)
    failure = why_failed([*out, *err], code, ask.accelerator)
    try:
        delegation = read_delegation([*out, *err], ask.accelerator)
        result = _placed(delegation, ask, log)
        if failure is not None:
            return replace(result, fully_accelerated=delegation.whole, failure=failure)
        phases, latency, memory = measured(out, err)
    except MalformedError as error:
        return ToolResult(failure=failure or str(error), log_tail=log)
    return replace(result, phases=phases, latency=latency, memory=memory)


def _placed(delegation: Delegation, ask: Ask, log: str) -> ToolResult:
    whole = delegation.whole
    if ask.accelerator == "cpu" or (whole is None and ask.strict):
        # The processor runs whatever nothing else takes, and nothing else was asked for; a program that was told to
        # stop where the accelerator does not take all, and did not stop, has given it all.
        whole = True
    return ToolResult(
        delegated=delegation.delegated,
        nodes=delegation.nodes,
        partitions=delegation.partitions,
        fully_accelerated=whole,
        log_tail=log,
    )


def two_series(lines: Sequence[Line]) -> tuple[Series, Series]:
    """The warm-up's and the timed runs'.

    Raises:
        MalformedError: there are not exactly two, or there were no timed runs.
    """
    found = [read_series(line.text) for line in lines if is_series(line)]
    if len(found) != 2:
        raise MalformedError("The output is cut off or mixed", f"{len(found)} series of runs instead of 2")
    if found[1].count == 0:
        raise MalformedError("Nothing was timed", found[1].line)
    return found[0], found[1]


def require_session(lines: Sequence[Line], init_us: float | None, slack_us: float = 0.0) -> None:
    """The time that the session took to start is told twice.

    Raises:
        MalformedError: differently.
    """
    for line in lines:
        if line.text.startswith("Initialized session in"):
            found = _SESSION.fullmatch(line.text)
            if found is None:
                raise MalformedError("This line is damaged", line.text)
            require_equal("The start", line.text, number(found["init"], line.text) * 1e3, init_us, slack_us)


def warm_up(init_us: float | None, warm: Series) -> Phases:
    """Phases in milliseconds; the warm-up's mean is without its first run, which is told apart."""
    first, mean = warm.first, None
    if warm.mean is not None and first is not None and warm.count > 1:
        rest = warm.mean * warm.count - first
        if rest < -PRINTED * warm.mean * warm.count:
            raise MalformedError("These numbers contradict each other", warm.line)
        mean = max(rest, 0.0) / (warm.count - 1) / 1e3
    return Phases(
        init_ms=None if init_us is None else init_us / 1e3,
        first_ms=None if first is None else first / 1e3,
        warmup_ms=mean,
        warmup_runs=warm.count,
    )
