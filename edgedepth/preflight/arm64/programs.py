"""Compiling `runner.c` and `icount.c` when they are first needed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

from edgedepth.errors import MissingDependencyError
from edgedepth.preflight.arm64.library import cache_folder

CROSS_COMPILER = "aarch64-linux-gnu-gcc"
NATIVE_COMPILER = "gcc"
EMULATOR = "qemu-aarch64"
REMEDY = (
    "On Debian: `apt-get install qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross gcc`."
)

_SECOND_INTERFACE = 9
"""First major version of QEMU that asks plugins for its second interface."""


def tool(name: str) -> Path:
    """Path of a program.

    Raises:
        MissingDependencyError: it is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingDependencyError(f"{name} is not installed.", "It is not on the PATH.", REMEDY)
    return Path(found)


def runner(compiler: str = CROSS_COMPILER) -> Path:
    """The program that runs a .tflite file over libLiteRt.so, compiled for that compiler's target.

    Raises:
        MissingDependencyError: there is no such compiler, or it lacks its libraries.
    """
    return _compiled("runner.c", compiler, ["-ldl", "-lm"])


def counter() -> Path:
    """The instruction counter, compiled for the emulator that is installed.

    Raises:
        MissingDependencyError: there is no emulator or no compiler, or the emulator takes no plugins.
    """
    emulator = tool(EMULATOR)
    answers = [
        subprocess.run([emulator, flag], capture_output=True, text=True, check=False)
        for flag in ("--help", "--version")
    ]
    if "-plugin" not in answers[0].stdout:
        raise MissingDependencyError(f"{emulator} takes no plugins.", "Its help does not list -plugin.", REMEDY)
    number = re.search(r"version (\d+)\.", answers[1].stdout)
    interface = 2 if number and int(number.group(1)) >= _SECOND_INTERFACE else 1
    return _compiled("icount.c", NATIVE_COMPILER, ["-shared", "-fPIC", f"-DAPI={interface}"])


def _compiled(source: str, compiler: str, flags: list[str]) -> Path:
    """In the cache, under a name that holds what went in; whole or not there."""
    text = files("edgedepth.preflight.arm64").joinpath(source).read_bytes()
    program = tool(compiler)
    key = hashlib.sha256("\0".join([compiler, *flags]).encode() + text).hexdigest()[:16]
    target = cache_folder() / f"{Path(source).stem}-{key}"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    command = [str(program), "-O2", "-std=gnu11", "-x", "c", "-", "-o", str(partial), *flags]
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise MissingDependencyError(f"{compiler} could not compile {source}.", said[0][:200], REMEDY)
    partial.replace(target)
    return target
