"""What a measuring process is told and what it answers: one JSON object per line."""

from __future__ import annotations

import msgspec

from edgedepth.bench.schema import Accelerator

FLOOR = "floor"
"""Instead of a graph: plain large convolutions in the same runtime (`edgedepth.bench.floor`)."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration, as its process opens it.

    Attributes:
        runtime: ``litert``, ``onnxruntime`` or ``pytorch``.
        graph: path of a .tflite or .onnx file, a registered model's name for PyTorch, or `FLOOR`.
        threads: None where the accelerator leaves nothing to decide.
        affinity: hexadecimal CPU mask; empty leaves the process where it may run now.
        batch: pictures per run; of a PyTorch model only, a file's is its own.
        size: (height, width) of a PyTorch model's input; None is its card's.
        options: as `edgedepth.bench.schema.Runtime`'s.
        seed: of the inputs, and of weights that do not ship.
        warmup_runs, warmup_seconds: at least that much between the first inference and the first timed one.
    """

    runtime: str
    accelerator: Accelerator
    graph: str
    threads: int | None = 1
    affinity: str = ""
    batch: int = 1
    size: tuple[int, int] | None = None
    options: dict[str, str] = {}
    seed: int = 0
    warmup_runs: int = 0
    warmup_seconds: float = 0.0


class Open(msgspec.Struct, frozen=True, tag="open", tag_field="do"):
    """Open, run once, warm up; answered by `Ready`."""

    job: Job


class Time(msgspec.Struct, frozen=True, tag="time", tag_field="do"):
    """One untimed run and so many timed ones; answered by `Times`."""

    runs: int


class End(msgspec.Struct, frozen=True, tag="end", tag_field="do"):
    """Say the last facts and exit; answered by `Ended`."""


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready", tag_field="is"):
    """The configuration is warm.

    Attributes:
        init_ms: from the file to a session that could run; imports and reading facts are left out.
        first_ms: the first inference.
        warmup_ms: mean of the warm-up runs; None without any.
        version: of the runtime.
        before_mb: resident size before the model was opened; None where the system does not tell.
        gpu: name of the device that runs it; empty on a CPU.
        fully_accelerated: None where the runtime does not tell.
    """

    init_ms: float
    first_ms: float
    warmup_ms: float | None
    warmup_runs: int
    version: str
    before_mb: float | None
    gpu: str = ""
    fully_accelerated: bool | None = None


class Times(msgspec.Struct, frozen=True, tag="times", tag_field="is"):
    """Milliseconds of each timed run, in order."""

    samples_ms: list[float]


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended", tag_field="is"):
    """What is known only afterwards.

    Attributes:
        peak_mb: highest resident size.
        memory_method: how it was found.
        delegated, nodes, partitions: as `edgedepth.bench.schema.Runtime`'s.
    """

    peak_mb: float
    memory_method: str
    delegated: int | None = None
    nodes: int | None = None
    partitions: int | None = None


class Failed(msgspec.Struct, frozen=True, tag="failed", tag_field="is"):
    """The configuration cannot be measured; lines as of `edgedepth.errors.EdgedepthError`."""

    cause: str
    evidence: str
    remedy: str


Request = Open | Time | End
Reply = Ready | Times | Ended | Failed


def cores_of(mask: str) -> set[int]:
    """Core numbers of a hexadecimal mask."""
    bits = int(mask, 16)
    return {core for core in range(bits.bit_length()) if bits >> core & 1}
