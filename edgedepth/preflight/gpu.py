"""Whether LiteRT's real GPU accelerator takes a whole graph and computes it, on any Vulkan driver.

With a software driver this shows what the accelerator's compiler refuses and that its kernels compute the
same as the CPU. It says nothing about speed, about a phone's fp16 path, or about OpenCL drivers.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.errors import MissingDependencyError, OperatorError
from edgedepth.preflight.vulkan import REMEDY

_LIST = re.compile(
    r"operations are not supported by GPU delegate:\n(?P<lines>.*?)^\S+ operations will run",
    re.DOTALL | re.MULTILINE,
)
_LINE = re.compile(r"^(?P<kind>[A-Z][A-Z0-9_]*(?: [\w.]+)?): (?P<reason>.+)$", re.MULTILINE)
_SPLIT = re.compile(r"^(\d+|No) operations will run on the GPU, and (?:the remaining|all) (\d+)", re.MULTILINE)
_TIMED_OUT = "TensorBufferWrapper error: code=7"
_ADAPTER = re.compile(r"Selected adapter: (.+?), arch=")
_ABOUT_A_TENSOR = re.compile(r"(Tensor dimensions must be less than 5\.|Tensor type\(\w+\) is not supported\.).*")
"""Reasons behind which the tensor's name stands."""


@dataclass(frozen=True)
class Refusal:
    """One reason that the accelerator gave.

    Attributes:
        kind: operator.
        reason: as logged, without the tensor's name.
        lines: log lines that say so; the accelerator does not list every operator of a kind.
    """

    kind: str
    reason: str
    lines: int


@dataclass(frozen=True)
class GpuVerdict:
    """What came of it.

    Attributes:
        accepted: the accelerator took every operator.
        adapter: the driver's name for its device.
        refusals: empty when accepted.
        on_gpu, on_cpu: operators that would run on each; None when accepted.
        max_abs: largest difference of any output to the CPU's; None when refused.
        rms: largest root mean square difference of any output, in standard deviations of the CPU's; None when refused.
        output_std: largest standard deviation of any output; near zero, `max_abs` proves nothing.
        finite: whether all outputs are finite; None when refused.
    """

    accepted: bool
    adapter: str
    refusals: tuple[Refusal, ...]
    on_gpu: int | None
    on_cpu: int | None
    max_abs: float | None
    rms: float | None
    output_std: float | None
    finite: bool | None


def check_gpu(path: Path, icd: Path, *, seed: int = 0, timeout: float = 600.0) -> GpuVerdict:
    """Compile a .tflite file for the GPU alone, run it and read the result back.

    Args:
        path: the file.
        icd: Vulkan driver description, from `find_icd`.
        seed: of the input picture.
        timeout: seconds after which the check is given up.

    Raises:
        InputError: damaged, or not a TFLite file.
        MissingDependencyError: the driver offers no device, or LiteRT came without its GPU accelerator.
        OperatorError: the accelerator failed in another way than by refusing operators.
    """
    read_tflite(path)
    drivers = {"VK_DRIVER_FILES": str(icd), "VK_ICD_FILENAMES": str(icd)}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "edgedepth.preflight.gpu_worker", str(path), str(seed), str(answer)]
        try:
            done = subprocess.run(
                command, env={**os.environ, **drivers}, capture_output=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise OperatorError(
                f"The GPU accelerator did not finish {path}.",
                f"It was given {timeout:.0f} s.",
                "Check a smaller size.",
            ) from error
        log = done.stderr.decode(errors="replace")
        if done.returncode or not answer.is_file():
            raise failure(path, icd, log, done.returncode)
        return verdict(json.loads(answer.read_text()), log)


def verdict(answer: dict[str, Any], log: str) -> GpuVerdict:
    """The worker's answer together with what the accelerator logged."""
    adapter = _ADAPTER.search(log)
    split = _SPLIT.search(log)
    accepted = bool(answer["accepted"])
    counts = (None, None) if accepted or split is None else tuple(0 if n == "No" else int(n) for n in split.groups())
    return GpuVerdict(
        accepted,
        adapter.group(1) if adapter else "unknown",
        () if accepted else refusals(log),
        on_gpu=counts[0],
        on_cpu=counts[1],
        max_abs=answer.get("max_abs"),
        rms=answer.get("rms"),
        output_std=answer.get("output_std"),
        finite=answer.get("finite"),
    )


def refusals(log: str) -> tuple[Refusal, ...]:
    """The accelerator's list of what it does not take, grouped by operator and reason."""
    found = _LIST.search(log)
    if found is None:
        return ()
    counts = Counter(
        (line["kind"], _ABOUT_A_TENSOR.sub(r"\1", line["reason"]).strip()) for line in _LINE.finditer(found["lines"])
    )
    return tuple(Refusal(kind, reason, lines) for (kind, reason), lines in counts.items())


def failure(path: Path, icd: Path, log: str, code: int) -> MissingDependencyError | OperatorError:
    """What the worker's log says of its end with that exit code."""
    if "No adapters found" in log:
        return MissingDependencyError("The Vulkan driver offers no device.", f"Driver: {icd}.", REMEDY)
    if "name=GPU" not in log:
        return MissingDependencyError(
            "LiteRT came without its GPU accelerator.",
            "It did not register one.",
            "Install ai-edge-litert 2.3 or later for this platform.",
        )
    if _TIMED_OUT in log:
        return OperatorError(
            f"The GPU accelerator did not answer for {path}.",
            "It took the whole graph, but LiteRT waits two minutes for a result and no longer.",
            "A software GPU computes on this machine's cores: run it while nothing else does, or check a smaller size.",
        )
    errors = [line for line in log.splitlines() if "Error" in line or line.startswith(("ERROR", "E0"))]
    return OperatorError(
        f"The GPU accelerator failed on {path}.",
        (errors[-1] if errors else f"It ended with code {code} and gave no reason.")[:200],
        "Compare with `edgedepth inspect`, which names operators that GPUs refuse.",
    )
