"""Where a graph spends its time, operator by operator, in a pass of its own: never while timing.

ONNX Runtime reports each operator itself. LiteRT's Python interpreter does not, so there growing prefixes of
the graph are timed. XNNPACK fuses neighbours (a PAD goes into the convolution behind it, an activation into
the one before), so a prefix may be slower than the next longer one: **a single difference means nothing, only
the sum over a range of operators does.**
"""

from __future__ import annotations

import copy
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edgedepth.bench.backends.litert import LitertCpu
from edgedepth.bench.backends.onnx import onnx_feed, onnx_session
from edgedepth.bench.litert import without_native_log

WARMUP = 2


class OperatorTime(msgspec.Struct, frozen=True):
    """One operator.

    Attributes:
        kind: operator type, as executed: runtimes fuse, and name the result after its parts.
        name: node name (ONNX) or first output tensor (TFLite).
        ms: own time (ONNX), or how much longer the prefix that ends here takes than the one before (TFLite).
    """

    index: int
    kind: str
    name: str
    ms: float


class Profile(msgspec.Struct, frozen=True):
    """One file's operators in order of execution.

    Attributes:
        method: ``profiler`` (each time stands alone) or ``prefixes`` (only sums over ranges mean something).
        total_ms: sum over all operators.
    """

    file: str
    runtime: str
    method: str
    total_ms: float
    operators: list[OperatorTime]

    def by_kind(self) -> dict[str, tuple[int, float]]:
        """Count and milliseconds per operator type, slowest first."""
        counts = Counter(operator.kind for operator in self.operators)
        total: dict[str, float] = defaultdict(float)
        for operator in self.operators:
            total[operator.kind] += operator.ms
        return {kind: (counts[kind], total[kind]) for kind in sorted(total, key=lambda k: -total[k])}

    def ranges(self, count: int) -> list[list[OperatorTime]]:
        """The operators in `count` or fewer runs of about equal length."""
        size = max(1, -(-len(self.operators) // count))
        return [self.operators[i : i + size] for i in range(0, len(self.operators), size)]


def profile(file: Path, threads: int, runs: int = 5, progress: Callable[[int, int], None] | None = None) -> Profile:
    """Profile a .tflite or .onnx file.

    Args:
        file: what to profile.
        threads: as when it is timed.
        runs: per operator (ONNX: of the whole graph).
        progress: called with prefixes done and all prefixes.

    Raises:
        InputError: damaged, or its input has no fixed size.
        OperatorError: the runtime refuses it.
    """
    if file.suffix == ".onnx":
        return _profile_onnx(file, threads, runs)
    return _profile_tflite(file, threads, runs, progress)


def _profile_onnx(file: Path, threads: int, runs: int) -> Profile:
    import onnxruntime  # noqa: PLC0415 - only when a graph is run

    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnx_session(file, str(file), threads, options)
        feed = onnx_feed(session, str(file))
        for _ in range(WARMUP + runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    times: dict[str, list[float]] = defaultdict(list)
    kinds: dict[str, str] = {}
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith("_kernel_time"):
            node = name.removesuffix("_kernel_time")
            times[node].append(event["dur"] / 1e3)
            kinds[node] = event["args"]["op_name"]
    rows = [
        OperatorTime(index, kinds[node], node, float(np.median(own[WARMUP:])))
        for index, (node, own) in enumerate(times.items())
    ]
    return Profile(str(file), "ONNX Runtime", "profiler", sum(row.ms for row in rows), rows)


def _profile_tflite(file: Path, threads: int, runs: int, progress: Callable[[int, int], None] | None) -> Profile:
    from edgedepth.artifact.tflite_graph import describe, read_model  # noqa: PLC0415 - the schema takes 0.2 s

    model = read_model(file)
    graph = describe(model)
    rows: list[OperatorTime] = []
    before = 0.0
    for operator in graph.operators:
        until = _fastest(prefix(model, operator.index + 1), threads, runs)
        name = graph.tensors[operator.outputs[0]].name if operator.outputs else ""
        rows.append(OperatorTime(operator.index, operator.name, name, until - before))
        before = until
        if progress is not None:
            progress(operator.index + 1, len(graph.operators))
    return Profile(str(file), "LiteRT XNNPACK", "prefixes", before, rows)


def prefix(model: Any, length: int) -> bytes:
    """The first operators of a ``ModelT`` as a graph of its own.

    Its outputs are all tensors that the rest of the graph would still read, so that nothing in it is dead.
    """
    from edgedepth.bench.tflite_writer import pack  # noqa: PLC0415 - the schema takes 0.2 s

    whole = model.subgraphs[0]
    done, rest = whole.operators[:length], whole.operators[length:]
    read = {int(i) for operator in rest for i in operator.inputs} | {int(i) for i in whole.outputs}
    made = dict.fromkeys(int(i) for operator in done for i in operator.outputs)
    cut, graph = copy.copy(model), copy.copy(whole)
    graph.operators = done
    graph.outputs = np.array([i for i in made if i in read], np.int32)
    cut.subgraphs, cut.signatureDefs = [graph, *model.subgraphs[1:]], None
    return pack(cut)


def _fastest(content: bytes, threads: int, runs: int) -> float:
    # The minimum, not the median: differences of neighbouring prefixes are small against disturbances.
    prefixed = LitertCpu(content, "a prefix of the graph", threads)
    with without_native_log(), prefixed.explained():
        prefixed.open()
        prefixed.feed()
        prefixed.run()
    run = prefixed.run
    for _ in range(WARMUP):
        run()
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter_ns()
        run()
        best = min(best, (time.perf_counter_ns() - start) / 1e6)
    return best
