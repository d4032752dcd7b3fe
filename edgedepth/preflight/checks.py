"""Running the checks that were asked for, one after the other; what one lacks never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from edgedepth import __version__
from edgedepth.errors import (
    EdgedepthError,
    GateError,
    InputError,
    MissingDependencyError,
    OperatorError,
    RegressionError,
)
from edgedepth.preflight.alignment import check_libraries
from edgedepth.preflight.arm64.emulator import DEFAULT_PROCESSORS, Emulator, find_emulator
from edgedepth.preflight.arm64.library import PACKAGE
from edgedepth.preflight.on_accelerators import on_gpu, on_npu
from edgedepth.preflight.on_arm import InstructionLimit, on_arm_instructions, on_arm_parity
from edgedepth.preflight.verdict import CHECKS, SCHEMA_VERSION, Check, Preflight, Verdict, failed, not_run
from edgedepth.preflight.vulkan import find_icd

T = TypeVar("T")
Progress = Callable[[str], None]

_ONLY_TFLITE = "This check covers .tflite files."
_ONLY_TFLITE_REMEDY = "Export it as TFLite as well; ONNX files are compared with PyTorch by `edgedepth check`."
_FAILURES: dict[int, type[EdgedepthError]] = {3: GateError, 4: OperatorError, 8: RegressionError}


@dataclass(frozen=True)
class Request:
    """What to check.

    Attributes:
        checks: in the order of `CHECKS`.
        processors: emulated ones, for parity; instructions are counted on the last.
        limit: for the instructions.
        vulkan: driver description or folder for the GPU check; None looks for one.
        socs: chips for the NPU check.
        libraries: native libraries, archives or folders for the alignment check.
        budget_mb: largest file size; None only tells it.
    """

    checks: tuple[Check, ...] = CHECKS
    processors: tuple[str, ...] = DEFAULT_PROCESSORS
    limit: InstructionLimit = field(default_factory=InstructionLimit)
    vulkan: Path | None = None
    socs: tuple[str, ...] = ("SM8650",)
    libraries: tuple[Path, ...] = ()
    budget_mb: float | None = None


def preflight(files: Sequence[Path], request: Request, progress: Progress = lambda _: None) -> Preflight:
    """Every check of every file, then the libraries.

    Raises:
        InputError: a file or library is damaged or not what it should be.
    """
    verdicts: list[Verdict] = []
    tools = _Tools(request)
    for path in files:
        for check in request.checks:
            if check != "alignment":
                progress(f"{path.name}: {check}")
                verdicts += _of_file(path, check, request, tools)
    if "alignment" in request.checks:
        verdicts += _alignment(request)
    return Preflight(
        schema_version=SCHEMA_VERSION, edgedepth=__version__, litert=version(PACKAGE), verdicts=tuple(verdicts)
    )


def failure(result: Preflight) -> EdgedepthError | None:
    """The error that a preflight ends with; None where nothing failed."""
    bad = [verdict for verdict in result.verdicts if verdict.outcome == "failed"]
    if not bad:
        return None
    first = min(bad, key=lambda verdict: verdict.exit_code)
    count = f"{len(bad)} of {len(result.verdicts)} checks failed."
    return _FAILURES[first.exit_code](count, f"{first.file}, {first.check}: {first.evidence}", first.remedy)


class _Tools:
    """What checks need, looked for once and only when asked for."""

    def __init__(self, request: Request) -> None:
        self.emulator: Callable[[], Emulator] = lru_cache(find_emulator)
        self.icd: Callable[[], Path] = lru_cache(lambda: find_icd(request.vulkan))


def _of_file(path: Path, check: Check, request: Request, tools: _Tools) -> Iterator[Verdict]:
    if check == "size":
        yield _size(path, request.budget_mb)
    elif path.suffix != ".tflite":
        yield not_run(path.name, check, _PLACES[check], _ONLY_TFLITE, _ONLY_TFLITE_REMEDY)
    elif check == "arm64":
        for name in request.processors:
            parity = _with(tools.emulator, partial(_parity, path, name))
            yield _guarded(path, check, f"emulated {name}", parity)
    elif check == "instructions":
        name = request.processors[-1]
        count = _with(tools.emulator, lambda found: on_arm_instructions(path, found, name, request.limit))
        yield _guarded(path, check, f"emulated {name}", count)
    elif check == "gpu":
        yield _guarded(path, check, _PLACES[check], _with(tools.icd, lambda found: on_gpu(path, found)))
    else:
        for soc in request.socs:
            yield _guarded(path, check, f"compiler for {soc}", partial(on_npu, path, soc))


_PLACES: dict[Check, str] = {
    "arm64": "emulated ARM64",
    "instructions": "emulated ARM64",
    "gpu": "software GPU",
    "npu": "compiler for Qualcomm's NPU",
}


def _parity(path: Path, processor: str, emulator: Emulator) -> Verdict:
    return on_arm_parity(path, emulator, processor)


def _with(find: Callable[[], T], use: Callable[[T], Verdict]) -> Callable[[], Verdict]:
    """Find what a check needs only when it runs, so that what is missing is that check's verdict."""
    return lambda: use(find())


def _guarded(path: Path, check: Check, place: str, run: Callable[[], Verdict]) -> Verdict:
    """What is missing makes a check not run; what the runtime refuses makes it fail."""
    try:
        return run()
    except MissingDependencyError as error:
        return not_run(path.name, check, place, f"{error.cause} {error.evidence}".strip(), error.remedy)
    except (OperatorError, GateError) as error:
        return Verdict(
            file=path.name,
            check=check,
            place=place,
            outcome="failed",
            evidence=f"{error.cause} {error.evidence}".strip(),
            remedy=error.remedy,
            exit_code=error.exit_code,
        )


def _alignment(request: Request) -> list[Verdict]:
    if not request.libraries:
        remedy = "Name your app's .so, .aar or .apk files with --libraries."
        return [not_run("-", "alignment", "file", "No native library was named.", remedy)]
    return [verdict for path in request.libraries for verdict in check_libraries(path)]


def _size(path: Path, budget_mb: float | None) -> Verdict:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(
            f"{path} cannot be read.", error.strerror or str(error), "Name a file that is there."
        ) from error
    told = f"{size / 1e6:.2f} MB"
    if budget_mb is None:
        return Verdict(file=path.name, check="size", place="file", outcome="ok", evidence=told, figures={"bytes": size})
    told += f", budget {budget_mb:g} MB"
    if size <= budget_mb * 1e6:
        return Verdict(file=path.name, check="size", place="file", outcome="ok", evidence=told, figures={"bytes": size})
    remedy = "Export it with --precision fp16 or w8, or raise --budget-mb."
    return failed(path.name, "size", "file", told, remedy, {"bytes": size})
