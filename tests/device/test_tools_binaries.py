"""Benchmark programs: where they are looked for, and that one for another processor is refused."""

from __future__ import annotations

import hashlib
import struct
import sys
from pathlib import Path

import pytest

from edgedepth.bench.device.tools import TOOLS
from edgedepth.bench.device.tools.binaries import find_binary, tools_folder
from edgedepth.errors import InputError, MissingDependencyError

TOOL = TOOLS["benchmark_model"]


def elf(machine: int, bits: int = 64, order: str = "little") -> bytes:
    head = b"\x7fELF" + bytes([bits // 32, 1 if order == "little" else 2, 1]) + bytes(9)
    return head + struct.pack("<HH" if order == "little" else ">HH", 3, machine) + bytes(40)


def test_found_in_the_documented_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEDEPTH_TOOLS", str(tmp_path))
    program = tmp_path / "arm64-v8a" / "benchmark_model"
    program.parent.mkdir()
    program.write_bytes(elf(183))
    found = find_binary(TOOL, "arm64-v8a")
    assert (found.path, found.sha256) == (program, hashlib.sha256(program.read_bytes()).hexdigest())


def test_the_folder_without_a_setting_is_below_home(tmp_path, monkeypatch):
    monkeypatch.delenv("EDGEDEPTH_TOOLS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tools_folder() == tmp_path / ".local" / "share" / "edgedepth" / "tools"


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_a_missing_program_is_said_with_where_to_get_it_and_what_would_work(tool, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEDEPTH_TOOLS", str(tmp_path))
    with pytest.raises(MissingDependencyError) as caught:
        find_binary(tool, "arm64-v8a")
    assert caught.value.exit_code == 5
    assert tool.published in caught.value.evidence
    assert "--binary" in caught.value.remedy
    assert str(tmp_path / "arm64-v8a" / tool.name) in caught.value.remedy


@pytest.mark.parametrize(
    ("content", "abi", "says"),
    [
        (elf(62), "arm64-v8a", "x86_64"),
        (elf(40, 32), "arm64-v8a", "armeabi"),
        (elf(183), "x86_64", "arm64-v8a"),
        (elf(243), "arm64-v8a", "243"),
        (elf(183, 32), "arm64-v8a", "183"),
        (elf(40, 32, "big"), "arm64-v8a", "armeabi"),
        (b"PK\x03\x04 an apk", "arm64-v8a", "50 4b 03 04"),
        (b"\x7fELF", "arm64-v8a", "ELF"),
        (b"", "arm64-v8a", "nothing"),
    ],
)
def test_a_file_for_something_else_is_refused(content, abi, says, tmp_path):
    program = tmp_path / "program"
    program.write_bytes(content)
    with pytest.raises(InputError) as caught:
        find_binary(TOOL, abi, program)
    assert says in str(caught.value)


def test_a_real_program_of_this_machine_is_of_its_abi():
    python = Path(sys.executable).resolve()
    content = python.read_bytes()
    if not content.startswith(b"\x7fELF"):
        pytest.skip("this Python is not an ELF program")
    abi = {62: "x86_64", 183: "arm64-v8a"}[int.from_bytes(content[18:20], "little")]
    other = {"x86_64": "arm64-v8a", "arm64-v8a": "x86_64"}[abi]
    assert find_binary(TOOL, abi, python).path == python
    with pytest.raises(InputError):
        find_binary(TOOL, other, python)


def test_a_script_around_the_program_is_taken_as_it_is(tmp_path):
    script = tmp_path / "run"
    script.write_text('#!/system/bin/sh\nLD_LIBRARY_PATH=. exec ./benchmark_model "$@"\n')
    assert find_binary(TOOL, "arm64-v8a", script).path == script
