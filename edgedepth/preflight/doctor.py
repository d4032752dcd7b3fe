"""Whether everything is here that edgedepth needs, and what more would give."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from edgedepth.bench.machine import cpu_name, free_disk, free_memory, usable_cores
from edgedepth.errors import EdgedepthError
from edgedepth.preflight.arm64.library import find_library
from edgedepth.preflight.arm64.programs import CROSS_COMPILER, EMULATOR
from edgedepth.preflight.arm64.programs import REMEDY as EMULATOR_REMEDY
from edgedepth.preflight.vulkan import find_icd

REQUIRED = ("torch", "numpy", "safetensors", "onnx", "onnxscript", "onnxruntime", "onnxsim", "litert-torch")
REQUIRED_TOO = ("ai-edge-litert", "flatbuffers", "msgspec", "typer", "rich", "pillow")
GIB = 1 << 30
ENOUGH_MEMORY, ENOUGH_DISK = 4 * GIB, 2 * GIB

Status = Literal["ok", "missing", "low"]


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report.

    Attributes:
        name: what was looked for.
        status: ``low`` is there, but scarce.
        found: version, name or amount; empty when missing.
        remedy: what to do; empty when ok.
        required: whether edgedepth cannot do its work without it.
    """

    name: str
    status: Status
    found: str
    remedy: str
    required: bool


def checks() -> list[Check]:
    """Every check, cheap ones only: nothing heavy is imported and no device is touched."""
    return [
        _python(),
        *(_package(name) for name in ("edgedepth", *REQUIRED, *REQUIRED_TOO)),
        _package("av", "Needed to read and write video: `pip install 'edgedepth[video]'`.", required=False),
        _adb(),
        _vulkan(),
        *_arm64(),
        Check("processor", "ok", f"{cpu_name()}, {usable_cores()} usable cores", "", required=False),
        *_room(),
    ]


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if (3, 10) <= sys.version_info[:2] <= (3, 13):
        return Check("python", "ok", found, "", required=True)
    return Check("python", "missing", found, "edgedepth runs on Python 3.10 to 3.13.", required=True)


def _package(name: str, remedy: str = "", *, required: bool = True) -> Check:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(name, "missing", "", remedy or f"`pip install '{_wanted(name)}'`.", required)
    wanted = _wanted(name).removeprefix(name).strip()
    return Check(name, "ok", f"{found} (wanted: {wanted})" if wanted else found, "", required)


def _wanted(name: str) -> str:
    """The requirement as this package's own metadata states it, or the bare name."""
    try:
        stated = requires("edgedepth") or []
    except PackageNotFoundError:
        return name
    plain = (line.partition(";")[0].strip() for line in stated)
    return next((line for line in plain if re.split(r"[^\w.-]", line, maxsplit=1)[0] == name), name)


def _adb() -> Check:
    remedy = "Needed to measure on phones: `apt-get install adb`, or Android's platform tools."
    tool = shutil.which("adb")
    if tool is None:
        return Check("adb", "missing", "", remedy, required=False)
    try:
        answer = subprocess.run([tool, "version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Check("adb", "missing", "", f"It is there but does not run ({error}). {remedy}", required=False)
    return Check("adb", "ok", answer.stdout.splitlines()[0] if answer.stdout else tool, "", required=False)


def _vulkan() -> Check:
    try:
        icd = find_icd()
    except EdgedepthError as error:
        return Check("vulkan", "missing", "", f"Needed for `inspect --gpu`. {error.remedy}", required=False)
    return Check("vulkan", "ok", str(icd), "", required=False)


def _arm64() -> Iterator[Check]:
    needed = "Needed for the ARM64 checks of `preflight`."
    for name in (EMULATOR, CROSS_COMPILER):
        found = shutil.which(name)
        remedy = "" if found else f"{needed} {EMULATOR_REMEDY}"
        yield Check(name, "ok" if found else "missing", found or "", remedy, required=False)
    try:
        library = find_library()
    except EdgedepthError as error:
        yield Check("litert-arm64", "missing", "", f"{needed} {error.cause} {error.remedy}", required=False)
    else:
        yield Check("litert-arm64", "ok", f"{library.origin.version} at {library.path}", "", required=False)


def _room() -> Iterator[Check]:
    memory, disk = free_memory(), free_disk(Path.cwd())
    if memory is not None:
        yield _amount("memory", memory, ENOUGH_MEMORY, "Exporting the largest models takes up to 8 GB.")
    yield _amount("disk", disk, ENOUGH_DISK, "Free some space, or work in another folder.")


def _amount(name: str, free: int, enough: int, remedy: str) -> Check:
    scarce = free < enough
    return Check(
        name,
        "low" if scarce else "ok",
        f"{free / GIB:.1f} GiB free",
        remedy if scarce else "",
        required=False,
    )
