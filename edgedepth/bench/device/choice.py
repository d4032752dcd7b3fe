"""From what a user asks of some phones to the configurations of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.cores import cores_of
from edgedepth.bench.device.facts import device_of
from edgedepth.bench.device.fleet import Job
from edgedepth.bench.device.matrix import Case
from edgedepth.bench.device.programs import AppProgram, Program, ShellProgram, Target, asks
from edgedepth.bench.device.tools import TOOLS
from edgedepth.bench.device.tools.binaries import find_binary
from edgedepth.bench.files import graph_files
from edgedepth.bench.schema import Accelerator, Device, Plan
from edgedepth.bench.subject import file_subject
from edgedepth.errors import InputError, UsageError, nearest

DEFAULT_TOOLS = {"tflite": "benchmark_model", "onnx": "onnxruntime_perf_test"}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is to be measured on every device.

    Attributes:
        files: artifact folders, .tflite or .onnx files.
        precisions: of the files to keep; None for all.
        tool: None for the usual one of each format.
        app: the demo app instead of a program.
        binary: the program's file; None to look into the folder of tools.
        libraries: pushed beside the program.
        affinity: as `cores.Cores.mask` takes it.
        options: of the program.
        strict: an accelerator has to run the whole graph.
        profile: also profile, which only LiteRT's classic program does.
    """

    files: tuple[Path, ...]
    precisions: tuple[str, ...] | None
    tool: str | None
    app: bool
    binary: Path | None
    libraries: tuple[Path, ...]
    accelerators: tuple[Accelerator, ...]
    threads: tuple[int, ...]
    affinity: str
    options: Mapping[str, str]
    strict: bool
    profile: bool
    plan: Plan


def jobs(phones: Sequence[Adb], choice: Choice) -> list[Job]:
    """The configurations of every phone; nothing is copied or run yet.

    Raises:
        UsageError: a combination that cannot be measured.
        InputError: a file is missing or damaged.
        MissingDependencyError: there is no program for a phone's processor.
        DeviceError: a phone does not answer, or has no such cores.
    """
    targets = _targets(choice)
    _check(targets, choice)
    found = []
    for adb in phones:
        device = device_of(adb)
        mask = "" if choice.affinity == "off" else cores_of(adb).mask(choice.affinity)
        found.append(Job(adb, device, _cases(targets, choice, device, mask)))
    return found


def _targets(choice: Choice) -> list[Target]:
    targets = [Target(file, file_subject(file)) for file in graph_files(choice.files)]
    if choice.precisions is not None:
        there = sorted({target.subject.precision or "unknown" for target in targets})
        for wanted in choice.precisions:
            if wanted not in there:
                raise UsageError(
                    f"No file is {wanted}.",
                    f"There are: {', '.join(there)}.",
                    nearest(wanted, there).capitalize() or "Export it.",
                )
        targets = [target for target in targets if target.subject.precision in choice.precisions]
    for library in choice.libraries:
        if not library.is_file():
            raise InputError(f"There is no library at {library}.", "", "Name a .so file for the phone.")
    return targets


def _check(targets: Sequence[Target], choice: Choice) -> None:
    """Refuse what no device could do, before any is asked."""
    if choice.tool is not None and choice.tool not in TOOLS:
        raise UsageError(
            f"There is no tool {choice.tool}.", f"Known: {', '.join(TOOLS)}.", nearest(choice.tool, TOOLS).capitalize()
        )
    for kind in sorted({target.subject.format for target in targets}):
        formats = AppProgram.formats if choice.app else TOOLS[choice.tool or DEFAULT_TOOLS[kind]].formats
        if kind not in formats:
            raise UsageError(
                f"{'The app' if choice.app else choice.tool} does not run .{kind} files.",
                f"It runs {', '.join(formats)}.",
                "Name only such files, or another --tool.",
            )
    names = {"app"} if choice.app else {choice.tool or DEFAULT_TOOLS[target.subject.format] for target in targets}
    if choice.profile and names != {"benchmark_model"}:
        raise UsageError(
            "Only benchmark_model gives a profile of its operators.",
            f"Asked for: {', '.join(sorted(names))}.",
            "Leave --profile out, or profile the file with `bench host --profile`.",
        )
    if choice.binary is not None and choice.tool is None and len({t.subject.format for t in targets}) > 1:
        raise UsageError(
            "--binary names one program, but the files need two.",
            "There are .tflite and .onnx files.",
            "Name files of one format, or add --tool.",
        )


def _cases(targets: Sequence[Target], choice: Choice, device: Device, mask: str) -> list[Case]:
    programs = {kind: _program(kind, choice, device) for kind in dict.fromkeys(t.subject.format for t in targets)}
    every = asks(choice.accelerators, choice.threads, choice.plan, choice.options, strict=choice.strict)
    for program in programs.values():
        for ask in every:
            program.check(ask)
    return [Case(target, programs[target.subject.format], ask, mask) for target in targets for ask in every]


def _program(kind: str, choice: Choice, device: Device) -> Program:
    if choice.app:
        return AppProgram()
    tool = TOOLS[choice.tool or DEFAULT_TOOLS[kind]]
    return ShellProgram(tool, find_binary(tool, device.abi, choice.binary), choice.libraries)
