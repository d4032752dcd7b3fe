"""The inspection of the demo's package finds what is wrong with one."""

from __future__ import annotations

import importlib.util
import struct
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from demo_checks import DEMO, needs_demo

pytestmark = needs_demo
CAMERA = {"android.permission.CAMERA"}
PAGE = 16384


@pytest.fixture(scope="module")
def inspection() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inspect_apk", DEMO / "app/tools/inspect_apk.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def library(alignment: int) -> bytes:
    """As much of an ARM64 library as a loader looks at: the file's header, one segment to load, one that is not."""
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = identity + struct.pack("<HHIQQQIHHHHHH", 3, 183, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 64, 64, alignment)
    note = struct.pack("<IIQQQQQQ", 4, 4, 0, 0, 0, 8, 8, 4)
    return header + load + note


def package(path: Path, *, model: int = zipfile.ZIP_STORED, shift: int = 0, alignment: int = PAGE) -> Path:
    """One with a model, whose name lets it begin at a multiple of 4, and a library, at a page or `shift` behind it."""
    with zipfile.ZipFile(path, "w") as content:
        content.writestr(zipfile.ZipInfo("assets/nets.tflite"), b"TFL3" * 8, compress_type=model)
        name = "lib/arm64-v8a/libone.so"
        entry = zipfile.ZipInfo(name)
        begin = content.start_dir + 30 + len(name)
        entry.extra = bytes(-begin % PAGE + shift)
        content.writestr(entry, library(alignment))
    return path


def test_a_sound_package_has_no_fault(inspection: ModuleType, tmp_path: Path) -> None:
    made = package(tmp_path / "a.apk")
    assert list(inspection.faults(made, CAMERA)) == []
    assert list(inspection.libraries(made)) == [("lib/arm64-v8a/libone.so", PAGE)]


def test_each_fault_is_named(inspection: ModuleType, tmp_path: Path) -> None:
    deflated = package(tmp_path / "a.apk", model=zipfile.ZIP_DEFLATED)
    assert "assets/nets.tflite is compressed" in list(inspection.faults(deflated, CAMERA))
    shifted = package(tmp_path / "b.apk", shift=4096)
    assert any(line.startswith("lib/arm64-v8a/libone.so begins at") for line in inspection.faults(shifted, CAMERA))
    asking = {*CAMERA, "android.permission.INTERNET"}
    assert any("INTERNET" in line for line in inspection.faults(package(tmp_path / "c.apk"), asking))
    with zipfile.ZipFile(tmp_path / "d.apk", "w") as empty:
        empty.writestr("classes.dex", b"dex")
    assert "there is no model in it" in list(inspection.faults(tmp_path / "d.apk", CAMERA))


@pytest.mark.parametrize(("alignment", "pages", "code"), [(4096, False, 0), (4096, True, 1), (PAGE, True, 0)])
def test_pages_of_16_kb_are_required_where_asked(
    inspection: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], alignment: int, pages: bool, code: int
) -> None:
    aapt2 = tmp_path / "aapt2"
    aapt2.write_text(f"#!{sys.executable}\nprint(\"uses-permission: name='android.permission.CAMERA'\")\n")
    aapt2.chmod(0o755)
    made = package(tmp_path / "a.apk", alignment=alignment)
    assert inspection.main(made, str(aapt2), pages=pages) == code
    assert f"segments aligned to {alignment} bytes" in capsys.readouterr().out
