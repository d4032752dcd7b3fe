"""The benchmark programs themselves: given by the user or found in a folder, never fetched."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from edgedepth.bench.device.tools.base import Tool
from edgedepth.errors import InputError, MissingDependencyError

_MACHINES = {"arm64-v8a": (2, 183), "armeabi-v7a": (1, 40), "armeabi": (1, 40), "x86_64": (2, 62), "x86": (1, 3)}
"""ELF class (1 for 32 bits, 2 for 64) and machine of what each ABI runs; numbers are the ELF standard's."""


@dataclass(frozen=True)
class Binary:
    """A program for a device and the SHA-256 of its file, by which a result names it."""

    path: Path
    sha256: str


def tools_folder() -> Path:
    """``EDGEDEPTH_TOOLS``, or ``~/.local/share/edgedepth/tools``; programs lie in it as ``ABI/TOOL``."""
    named = os.environ.get("EDGEDEPTH_TOOLS")
    return Path(named) if named else Path.home() / ".local" / "share" / "edgedepth" / "tools"


def find_binary(tool: Tool, abi: str, given: Path | None = None) -> Binary:
    """The program for a device.

    Args:
        tool: which.
        abi: the device's, such as ``arm64-v8a``.
        given: by the user; None to look into `tools_folder`. A script, for instance one that sets
            ``LD_LIBRARY_PATH`` before it starts the program, is taken as it is.

    Raises:
        MissingDependencyError: there is none.
        InputError: it is no program, or one for another processor.
    """
    path = given if given is not None else tools_folder() / abi / tool.name
    if not path.is_file():
        raise MissingDependencyError(
            f"There is no {tool.name} for {abi}.",
            f"{path} is not a file; programs are never downloaded. Where to get it: {tool.published}.",
            f"Add `--binary PATH`, or save it as {tools_folder() / abi / tool.name}",
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read.", str(error), "Check its permissions.") from error
    if not content.startswith(b"#!"):
        _require_machine(path, content, abi)
    return Binary(path, hashlib.sha256(content).hexdigest())


def _require_machine(path: Path, content: bytes, abi: str) -> None:
    if len(content) < 20 or not content.startswith(b"\x7fELF"):
        raise InputError(
            f"{path.name} is not a program for Android or Linux.",
            f"It begins with {content[:4].hex(' ') or 'nothing'} and not with an ELF header.",
            "Give the program itself: not an archive, and not an .apk.",
        )
    found = content[4], int.from_bytes(content[18:20], "big" if content[5] == 2 else "little")
    expected = _MACHINES.get(abi)
    if expected is not None and found != expected:
        names = [name for name, machine in _MACHINES.items() if machine == found]
        raise InputError(
            f"{path.name} is not for this device.",
            f"The device is {abi}; the program is for {names[0] if names else f'ELF machine {found[1]}'}.",
            f"Give the build for {abi}.",
        )
