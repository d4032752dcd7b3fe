"""From what a user names and chooses to the configurations that are measured."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from edgedepth.artifact.manifest import FILE_NAME
from edgedepth.bench.backends import ACCELERATORS, FILE_RUNTIMES
from edgedepth.bench.files import graph_files
from edgedepth.bench.job import FLOOR, Job, cores_of
from edgedepth.bench.schema import Accelerator, Plan, Runtime, Subject
from edgedepth.bench.subject import file_subject, model_subject
from edgedepth.errors import UsageError, nearest

FLOAT = "fp32"
HALF = "fp16"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which configurations of everything that is named; an empty tuple leaves nothing out.

    Attributes:
        precisions, runtimes: to keep.
        accelerators: to run on, wherever the runtime can.
        threads: of every runtime on the CPU.
        affinity: hexadecimal CPU mask; empty for any core.
        batches: pictures per run, of PyTorch models.
        compiled: also time PyTorch models through ``torch.compile``.
        pytorch: also time the PyTorch model of every artifact that names one.
        macs: multiply-adds of every file, instead of counting them.
    """

    precisions: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    accelerators: tuple[Accelerator, ...] = ("cpu",)
    threads: tuple[int, ...] = (1,)
    affinity: str = ""
    batches: tuple[int, ...] = ()
    compiled: bool = False
    pytorch: bool = False
    macs: int | None = None


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the matrix: what runs, how, and what its process is told."""

    subject: Subject
    runtime: Runtime
    job: Job

    @property
    def floor(self) -> Job:
        """Plain convolutions in the same way."""
        return msgspec.structs.replace(self.job, graph=FLOOR, size=None)


def configurations(named: Sequence[str], choice: Choice, plan: Plan) -> list[Configuration]:
    """Every configuration, in the order in which its subject was named.

    Args:
        named: artifact folders, .tflite or .onnx files, or registered models, which PyTorch runs.
        choice: which to keep and how to run them.
        plan: for the seed and the warm-up.

    Raises:
        UsageError: an unknown name, or a choice that leaves nothing or has no effect.
        InputError: a damaged file, or one whose input has no fixed size.
    """
    require_affinity(choice.affinity)
    files, models = _told_apart(named)
    subjects = [(file, file_subject(file, choice.macs)) for file in files]
    sizes: dict[str, tuple[int, int] | None] = dict.fromkeys(models)
    if choice.pytorch:
        sizes |= {s.model: s.size for _, s in subjects if s.model is not None}
    _require_effect(choice, [subject for _, subject in subjects], models=bool(sizes))
    found = [made for file, subject in subjects for made in _of_file(file, subject, choice, plan)]
    found += [made for name, size in sizes.items() for made in _of_model(name, size, choice, plan)]
    if not found:
        raise UsageError(
            "Nothing is left to measure.",
            "No file or model that is named has all of what was chosen.",
            "Leave --precision, --runtime or --accel out.",
        )
    return found


def require_affinity(mask: str) -> None:
    """Check a CPU mask.

    Raises:
        UsageError: not a mask, this system cannot keep a process on cores, or none of them may be used.
    """
    if not mask:
        return
    try:
        cores = cores_of(mask)
    except ValueError:
        cores = set()
    if not cores:
        raise UsageError(f"{mask!r} is not a CPU mask.", "A mask is hexadecimal.", "For example --affinity 3.")
    if not hasattr(os, "sched_setaffinity"):
        raise UsageError("--affinity has no effect here.", "This system keeps no process on cores.", "Leave it out.")
    usable = os.sched_getaffinity(0)
    if not cores <= usable:
        raise UsageError(
            f"--affinity {mask} names cores that cannot be used.",
            f"It names {_listed(sorted(cores))}; this process may use {_listed(sorted(usable))}.",
            f"For example --affinity {sum(1 << core for core in usable):x}.",
        )


def _told_apart(named: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Graph files, each once, and registered models; an artifact wins over a model of its name."""
    from edgedepth.models import card, cards  # noqa: PLC0415 - not needed where only files are named

    files: list[Path] = []
    models: list[str] = []
    for name in named:
        path = Path(name)
        if path.is_file() or (path / FILE_NAME).is_file():
            files += graph_files([path])
        elif name in cards():
            models.append(name)
        elif path.exists() or path.suffix or len(path.parts) > 1:
            files += graph_files([path])
        else:
            card(name)
    return list(dict.fromkeys(files)), list(dict.fromkeys(models))


def _require_effect(choice: Choice, subjects: Sequence[Subject], *, models: bool) -> None:
    """Every value that was chosen must select something."""
    runtimes = {FILE_RUNTIMES[f".{subject.format}"] for subject in subjects} | ({"pytorch"} if models else set())
    precisions = {subject.precision for subject in subjects if subject.precision}
    if models:
        precisions |= {FLOAT, HALF} if "cuda" in choice.accelerators else {FLOAT}
    accelerators = {one for runtime in runtimes for one in ACCELERATORS[runtime]}
    for option, wanted, there in (
        ("--runtime", choice.runtimes, runtimes),
        ("--precision", choice.precisions, precisions),
        ("--accel", choice.accelerators, accelerators),
    ):
        for value in wanted:
            if value not in there:
                raise UsageError(
                    f"{option} {value} has no effect: nothing that is named has it.",
                    f"There is: {_listed(sorted(there)) or 'nothing to choose from'}.",
                    nearest(value, there).capitalize() or "Leave it out.",
                )
    for option, given in (("--batch", choice.batches), ("--compile", choice.compiled)):
        if given and not models:
            raise UsageError(
                f"{option} has no effect without a PyTorch model.",
                "A file has the batch size and the form that it was exported with.",
                "Name a model such as flex-nano, or add --pytorch.",
            )


def _of_file(file: Path, subject: Subject, choice: Choice, plan: Plan) -> Iterator[Configuration]:
    runtime = FILE_RUNTIMES[file.suffix]
    if choice.precisions and subject.precision not in choice.precisions:
        return
    if choice.runtimes and runtime not in choice.runtimes:
        return
    for accelerator, threads in _placements(runtime, choice):
        yield _configuration(subject, runtime, str(file), accelerator, threads, {}, choice, plan)


def _of_model(name: str, size: tuple[int, int] | None, choice: Choice, plan: Plan) -> Iterator[Configuration]:
    if choice.runtimes and "pytorch" not in choice.runtimes:
        return
    for batch in choice.batches or (1,):
        for accelerator, threads in _placements("pytorch", choice):
            for precision in (FLOAT, HALF) if accelerator == "cuda" else (FLOAT,):
                if choice.precisions and precision not in choice.precisions:
                    continue
                subject = model_subject(name, precision, size, batch, plan.seed, choice.macs)
                for options in _variants(accelerator, precision, choice):
                    yield _configuration(subject, "pytorch", name, accelerator, threads, options, choice, plan)


def _placements(runtime: str, choice: Choice) -> Iterator[tuple[Accelerator, int | None]]:
    for accelerator in choice.accelerators:
        if accelerator in ACCELERATORS[runtime]:
            for threads in choice.threads if accelerator == "cpu" else (None,):
                yield accelerator, threads


def _variants(accelerator: Accelerator, precision: str, choice: Choice) -> Iterator[dict[str, str]]:
    """Eager; on CUDA also replayed as a graph, which costs no launches; and compiled where asked."""
    plain = {"precision": HALF, "layout": "channels-last"} if precision == HALF else {}
    yield plain
    if accelerator == "cuda":
        yield {**plain, "graphs": "graphs"}
    if choice.compiled:
        yield {**plain, "compile": "compile"}


def _configuration(
    subject: Subject,
    runtime: str,
    graph: str,
    accelerator: Accelerator,
    threads: int | None,
    options: dict[str, str],
    choice: Choice,
    plan: Plan,
) -> Configuration:
    return Configuration(
        subject=subject,
        runtime=Runtime(
            name=runtime,
            version="",
            accelerator=accelerator,
            threads=threads,
            affinity=choice.affinity,
            options=options,
            strict=accelerator != "cpu",
        ),
        job=Job(
            runtime=runtime,
            graph=graph,
            accelerator=accelerator,
            threads=threads,
            affinity=choice.affinity,
            batch=subject.batch if runtime == "pytorch" else 1,
            size=subject.size if runtime == "pytorch" else None,
            options=options,
            seed=plan.seed,
            warmup_runs=plan.warmup_runs,
            warmup_seconds=plan.warmup_seconds,
        ),
    )


def _listed(values: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values))
