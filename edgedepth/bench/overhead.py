"""What measuring through the harness adds: the same file through it and in a bare loop, in turns."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import msgspec

from edgedepth.bench.backends.environment import environment
from edgedepth.bench.journal import Journal
from edgedepth.bench.matrix import Configuration
from edgedepth.bench.protocol import Lane, Progress, measure
from edgedepth.bench.schema import Plan, configuration
from edgedepth.bench.statistics import ratio_of_medians, summarize
from edgedepth.errors import OperatorError, UsageError

TURN = 5
"""Timed runs of each way before the other one's turn."""

OPENING = {
    "litert": """
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(path, num_threads=threads)
interpreter.allocate_tensors()
for one in interpreter.get_input_details():
    interpreter.set_tensor(one["index"], rng.random(one["shape"]).astype(one["dtype"]))
run = interpreter.invoke
""",
    "onnxruntime": """
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
kinds = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int8)": np.int8}
feed = {one.name: rng.random(one.shape).astype(kinds[one.type]) for one in session.get_inputs()}
run = lambda: session.run(None, feed)
""",
}
"""By runtime, how a program that knows nothing of this package opens a file."""

LOOP = """
for _ in range(warm):
    run()
for line in sys.stdin:
    run()
    times = []
    for _ in range(int(line)):
        start = time.perf_counter_ns()
        run()
        times.append((time.perf_counter_ns() - start) / 1e6)
    print(json.dumps(times), flush=True)
"""
HEAD = """
import json, sys, time
import numpy as np
path, threads, warm = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(0)
"""


class Overhead(msgspec.Struct, frozen=True):
    """One configuration both ways.

    Attributes:
        harness_ms, bare_ms: medians of all runs.
        ratio, low, high: of the medians of the turns, with its 95 % interval.
        fastest_ratio: of the fastest run each way: what is left where others disturb the machine.
        harness_samples_ms, bare_samples_ms: every run, `TURN` of one way, then as many of the other.
    """

    configuration: str
    harness_ms: float
    bare_ms: float
    ratio: float
    low: float
    high: float
    fastest_ratio: float
    harness_samples_ms: list[float]
    bare_samples_ms: list[float]


def check_overhead(one: Configuration, plan: Plan, progress: Progress | None = None) -> Overhead:
    """Time a file in turns: through a worker, its rounds and a journal, and in a process with nothing but a loop.

    Args:
        one: a file on the CPU, on any core.
        plan: `Plan.runs` timed runs each way, rounded up to whole turns, behind `Plan.warmup_runs`.
        progress: called after each turn.

    Raises:
        UsageError: not a file on the CPU.
        OperatorError: it does not run.
    """
    if one.job.runtime not in OPENING or one.job.accelerator != "cpu" or one.job.affinity:
        raise UsageError(
            "The overhead is measured with a file on the CPU, on any core.",
            f"Asked was {configuration(one.runtime)}.",
            "Name a .tflite or .onnx file, without --accel and --affinity.",
        )
    turns = -(-plan.runs // TURN)
    lane = Lane(one.job, environment(one.job))
    bare: list[float] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        journal = stack.enter_context(Journal(folder / "results.jsonl"))
        loop = stack.enter_context(_loop(one, plan))
        stack.callback(loop.kill)

        def turn(done: int, _: int) -> None:
            if done % TURN == 0:
                bare.extend(_asked(loop, one.subject.label))
                if progress is not None:
                    progress(done // TURN, turns)

        whole = msgspec.structs.replace(plan, runs=TURN * turns, seconds=0.0)
        measure({"harness": lane}, whole, "overhead", append=journal.append, progress=turn)
    if lane.reason is not None:
        raise OperatorError(f"{one.subject.label} cannot be measured.", lane.reason, "")
    return _compared(configuration(one.runtime), list(lane.samples_ms.values()), bare)


def _loop(one: Configuration, plan: Plan) -> subprocess.Popen[str]:
    program = HEAD + OPENING[one.job.runtime] + LOOP
    numbers = (str(one.job.threads or 1), str(plan.warmup_runs))
    return subprocess.Popen(
        [sys.executable, "-c", program, one.job.graph, *numbers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _asked(loop: subprocess.Popen[str], name: str) -> list[float]:
    """One turn of the bare loop."""
    assert loop.stdin is not None  # noqa: S101 - it is a pipe
    assert loop.stdout is not None  # noqa: S101 - the same
    try:
        print(TURN, file=loop.stdin, flush=True)
        times: list[float] = json.loads(loop.stdout.readline())
    except (OSError, ValueError) as error:
        raise OperatorError(f"{name} does not run in a bare loop.", str(error)[:200], "") from error
    return times


def _compared(title: str, harness: list[float], bare: list[float]) -> Overhead:
    turns = range(0, len(bare), TURN)
    ours, theirs = ([summarize(samples[i : i + TURN]).median for i in turns] for samples in (harness, bare))
    ratio = ratio_of_medians(ours, theirs)
    return Overhead(
        configuration=title,
        harness_ms=summarize(harness).median,
        bare_ms=summarize(bare).median,
        ratio=ratio.value,
        low=ratio.low,
        high=ratio.high,
        fastest_ratio=min(harness) / min(bare),
        harness_samples_ms=harness,
        bare_samples_ms=bare,
    )
