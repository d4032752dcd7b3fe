"""The runtimes that can be measured on this machine, each behind the same few calls."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgedepth.bench.job import FLOOR, Job
from edgedepth.errors import UsageError

ACCELERATORS = {
    "litert": ("cpu", "gpu"),
    "onnxruntime": ("cpu", "cuda", "tensorrt"),
    "pytorch": ("cpu", "cuda"),
}
"""What each runtime can be asked to run on."""

FILE_RUNTIMES = {".tflite": "litert", ".onnx": "onnxruntime"}
"""The runtime of each kind of file."""


@dataclass(frozen=True)
class Placement:
    """Where a graph ended up.

    Attributes:
        gpu: the device's name; empty on a CPU.
        fully_accelerated: whether the accelerator runs the whole graph; None where the runtime does not tell.
    """

    gpu: str = ""
    fully_accelerated: bool | None = None


@dataclass(frozen=True)
class Delegation:
    """How many of a graph's nodes a delegate took, in how many pieces."""

    delegated: int
    nodes: int
    partitions: int


class Backend(Protocol):
    """One graph in one runtime; the calls come in this order. Making one imports the runtime and checks the graph."""

    version: str

    def explained(self) -> AbstractContextManager[None]:
        """Turns the runtime's own exceptions into errors with a cause, evidence and a remedy."""

    def open(self) -> None:
        """From the file to a session that could run."""

    def feed(self) -> None:
        """Put the fixed input where the session reads it."""

    def run(self) -> object:
        """One inference; returns when its outputs are in this machine's memory."""

    def placement(self) -> Placement:
        """Asked after the first run."""

    def delegation(self) -> Delegation | None:
        """Asked after the last run; None where nothing is delegated or the runtime does not tell."""


def backend(job: Job) -> Backend:
    """The job's runtime, ready to be opened.

    Raises:
        InputError: the graph is damaged, or its input has no fixed size.
        MissingDependencyError: the runtime, its accelerator or a driver is not there.
        UsageError: the runtime cannot run on that accelerator.
    """
    if job.accelerator not in ACCELERATORS[job.runtime]:
        raise UsageError(
            f"{job.runtime} does not run on {job.accelerator}.",
            f"It runs on: {', '.join(ACCELERATORS[job.runtime])}.",
            "Choose with --accel.",
        )
    if job.runtime == "pytorch":
        from edgedepth.bench.backends.torch import PyTorch  # noqa: PLC0415 - a runtime is imported where it is used

        return PyTorch(job)
    if job.runtime == "onnxruntime":
        from edgedepth.bench.backends.onnx import OnnxRuntime  # noqa: PLC0415 - the same

        return OnnxRuntime(*_graph(job), job.accelerator, job.threads, job.seed)
    from edgedepth.bench.backends.litert import LitertCpu, LitertGpu  # noqa: PLC0415 - the same

    if job.accelerator == "gpu":
        return LitertGpu(*_graph(job), job.seed)
    return LitertCpu(*_graph(job), job.threads or 1, job.seed)


def _graph(job: Job) -> tuple[Path | bytes, str]:
    """The model, and how errors call it."""
    if job.graph != FLOOR:
        return Path(job.graph), Path(job.graph).name
    from edgedepth.bench import floor  # noqa: PLC0415 - writing graphs needs their schemas

    return (floor.tflite_convolutions() if job.runtime == "litert" else floor.onnx_convolutions()), floor.GRAPH
