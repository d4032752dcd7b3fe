"""Where LiteRT's ARM64 build is looked for, and that nothing is fetched unasked."""

from __future__ import annotations

import json
import subprocess
import zipfile
from importlib.metadata import version

import pytest

from edgedepth.errors import InputError, MissingDependencyError
from edgedepth.preflight.arm64 import library, programs
from edgedepth.preflight.arm64.library import VARIABLE, find_library, prepare_library

INSTALLED = version("ai-edge-litert")


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)


def _unpacked(folder, number):
    (folder / "ai_edge_litert").mkdir(parents=True)
    (folder / "ai_edge_litert" / "libLiteRt.so").write_bytes(b"library")
    (folder / f"ai_edge_litert-{number}.dist-info").mkdir()
    return folder


def test_nothing_is_there_and_nothing_is_fetched(monkeypatch):
    def no_process(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "run", no_process)
    with pytest.raises(MissingDependencyError) as caught:
        find_library()
    assert "--prepare-arm64" in caught.value.remedy


def test_an_unpacked_wheel(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(_unpacked(tmp_path / "wheel", INSTALLED)))
    found = find_library()
    assert found.path.read_bytes() == b"library"
    assert found.origin.version == INSTALLED


def test_another_version_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(_unpacked(tmp_path / "wheel", "2.2.0")))
    with pytest.raises(InputError, match="another version") as caught:
        find_library()
    assert "2.2.0" in caught.value.evidence


def test_a_folder_without_it_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(InputError, match="does not hold LiteRT"):
        find_library()


def test_another_installed_version_has_another_interface(monkeypatch):
    monkeypatch.setattr(library, "version", lambda _: "3.0.1")
    with pytest.raises(MissingDependencyError, match=r"LiteRT 2\.3"):
        find_library()


def _pip(monkeypatch, content, code=0):
    """As if pip had put a wheel with that content where it was told to."""
    asked = []

    def run(command, **_):
        asked.append(command)
        folder = next(part.removeprefix("--dest=") for part in command if part.startswith("--dest="))
        if content is not None:
            with zipfile.ZipFile(f"{folder}/ai_edge_litert-{INSTALLED}-cp311-cp311-any.whl", "w") as wheel:
                wheel.writestr("ai_edge_litert/libLiteRt.so", content)
        return subprocess.CompletedProcess(command, code, "", "ERROR: no network\n" if code else "")

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_preparing_keeps_the_library_and_says_where_it_came_from(monkeypatch, tmp_path):
    asked = _pip(monkeypatch, b"fetched")
    found = prepare_library()
    assert found.path.read_bytes() == b"fetched"
    assert found == find_library()
    assert f"ai-edge-litert=={INSTALLED}" in asked[0]
    assert any("aarch64" in part for part in asked[0])
    origin = json.loads(found.path.with_name("origin.json").read_text())
    assert origin["version"] == INSTALLED
    assert len(origin["sha256"]) == 64
    assert prepare_library().path == found.path
    assert sorted(p.name for p in found.path.parent.parent.iterdir()) == [f"litert-{INSTALLED}"]


def test_pip_that_fails_says_why(monkeypatch):
    _pip(monkeypatch, None, code=1)
    with pytest.raises(MissingDependencyError) as caught:
        prepare_library()
    assert caught.value.evidence == "ERROR: no network"
    with pytest.raises(MissingDependencyError):
        find_library()


def test_a_missing_compiler_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="aarch64-linux-gnu-gcc") as caught:
        programs.runner()
    assert "gcc-aarch64-linux-gnu" in caught.value.remedy


def test_a_compiler_that_fails_leaves_nothing(monkeypatch, tmp_path):
    fake = tmp_path / "aarch64-linux-gnu-gcc"
    fake.write_text("#!/bin/sh\necho 'stdio.h: no such file' >&2; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(MissingDependencyError, match="could not compile") as caught:
        programs.runner()
    assert caught.value.evidence == "stdio.h: no such file"
    assert list(library.cache_folder().iterdir()) == []


def test_a_compiled_program_is_kept_by_its_content(monkeypatch, tmp_path):
    fake = tmp_path / "aarch64-linux-gnu-gcc"
    fake.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; cat > "$2"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    first = programs.runner()
    assert b"LiteRT" in first.read_bytes()
    fake.write_text("#!/bin/sh\nexit 1\n")
    assert programs.runner() == first
