"""Processes in namespaces of their own, for the rig."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path


class UnavailableError(Exception):
    """This machine cannot run such a device; the text says why."""


SEARCH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
"""PATH with the folders of ip and chroot, which some systems leave out of a user's."""


def program(name: str) -> str:
    """Path of a system program.

    Raises:
        UnavailableError: it is not installed.
    """
    found = shutil.which(name, path=SEARCH)
    if found is None:
        raise UnavailableError(f"{name} is not installed")
    return found


def first_process(
    command: list[str], stack: ExitStack, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start what says "ready" and then lives until its input ends, at the latest when this process dies.

    Raises:
        UnavailableError: it said something else.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    stack.callback(end, process)
    for stream in (process.stdout, process.stderr, process.stdin):
        stack.callback(stream.close)
    if process.stdout.readline() != b"ready\n":
        raise UnavailableError(process.stderr.read().decode(errors="replace").strip() or f"{command[0]} said nothing")
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that is about to end; not for ever."""
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def child(parent: int) -> int:
    """Its first child process; 0 where there is none."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return 0
    return int(children[0]) if children else 0


def members(kind: str, space: int) -> list[int]:
    """Processes in a namespace."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                if (entry / "ns" / kind).stat().st_ino == space:
                    found.append(int(entry.name))
    return found


def kill(processes: Iterable[int]) -> None:
    """End processes at once."""
    for process in processes:
        with suppress(ProcessLookupError):  # it ended by itself
            os.kill(process, signal.SIGKILL)
