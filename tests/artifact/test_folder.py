"""Folders and files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edgedepth.artifact import folder as module
from edgedepth.artifact import sha256, whole_folder
from edgedepth.artifact.folder import require_free, write_whole
from edgedepth.artifact.manifest import FILE_NAME
from edgedepth.errors import OutputError, UsageError


def fill(work, text="new"):
    (work / "reference").mkdir()
    (work / "reference" / "a.npz").write_text(text)
    (work / FILE_NAME).write_text(text)


def old_artifact(target):
    target.mkdir()
    (target / FILE_NAME).write_text("old")
    (target / "old.onnx").write_text("old")
    return target


def snapshot(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def fill_and_fail(target, error, *, force=False):
    """What a caller does in whose block an exception arises."""
    with whole_folder(target, force=force) as work:
        fill(work)
        raise error


NEW = {FILE_NAME: "new", "reference/a.npz": "new"}


def test_appears_whole_and_only_at_the_end(tmp_path):
    target = tmp_path / "deep" / "er" / "out"
    with whole_folder(target, force=False) as work:
        fill(work)
        assert not target.exists()
        assert work.parent == target.parent
    assert snapshot(target) == NEW
    assert [p.name for p in target.parent.iterdir()] == ["out"]
    assert target.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3), UsageError("no")])
def test_an_exception_inside_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)):
        fill_and_fail(tmp_path / "out", error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_an_exception_inside_keeps_what_was_there(tmp_path, error):
    target = old_artifact(tmp_path / "out")
    before = snapshot(target)
    expected = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        fill_and_fail(target, error, force=True)
    assert snapshot(target) == before
    assert list(tmp_path.iterdir()) == [target]


def test_force_replaces_the_artifact_that_is_there(tmp_path):
    target = old_artifact(tmp_path / "out")
    with whole_folder(target, force=True) as work:
        fill(work)
    assert snapshot(target) == NEW
    assert list(tmp_path.iterdir()) == [target]


def test_without_force_what_is_there_is_refused_and_kept(tmp_path):
    target = old_artifact(tmp_path / "out")
    before = snapshot(target)
    with pytest.raises(UsageError, match="--force"), whole_folder(target, force=False):
        pytest.fail("the block must not run")
    assert snapshot(target) == before


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_is_no_artifact_is_never_replaced(tmp_path, force):
    target = tmp_path / "home"
    target.mkdir()
    (target / "letter.txt").write_text("dear")
    with pytest.raises(UsageError), whole_folder(target, force=force):
        pytest.fail("the block must not run")
    assert snapshot(target) == {"letter.txt": "dear"}


def test_an_empty_folder_is_taken(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    with whole_folder(target, force=False) as work:
        fill(work)
    assert snapshot(target) == NEW
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_in_the_way_is_refused_and_kept(tmp_path, force):
    target = tmp_path / "out"
    target.write_text("a file")
    with pytest.raises(UsageError, match="is a file"), whole_folder(target, force=force):
        pytest.fail("the block must not run")
    assert target.read_text() == "a file"


def test_a_relative_target_is_meant_from_where_it_was_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with whole_folder(Path("out"), force=False) as work:
        fill(work)
        monkeypatch.chdir(tmp_path / "elsewhere")
    assert snapshot(tmp_path / "out") == NEW


def test_a_link_to_a_folder_is_replaced_and_the_folder_kept(tmp_path):
    behind = old_artifact(tmp_path / "behind")
    (tmp_path / "out").symlink_to(behind)
    with whole_folder(tmp_path / "out", force=True) as work:
        fill(work)
    assert snapshot(tmp_path / "out") == NEW
    assert snapshot(behind) == {FILE_NAME: "old", "old.onnx": "old"}


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), OSError(errno.EIO, "broken")])
def test_a_failure_in_the_middle_of_the_swap_puts_the_old_folder_back(tmp_path, monkeypatch, raised):
    target = old_artifact(tmp_path / "out")
    before = snapshot(target)
    rename = Path.rename

    def failing(self, to):
        if self.name.endswith(".partial"):
            raise raised
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    expected = OutputError if isinstance(raised, OSError) else KeyboardInterrupt
    with pytest.raises(expected), whole_folder(target, force=True) as work:
        fill(work)
    assert snapshot(target) == before
    assert list(tmp_path.iterdir()) == [target]


def test_a_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError), whole_folder(tmp_path / "file" / "out", force=False):
        pytest.fail("the block must not run")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_parent_without_permission_is_told_early(tmp_path, monkeypatch):
    monkeypatch.setattr(module.os, "access", lambda *_: False)
    with pytest.raises(OutputError) as caught:
        require_free(tmp_path / "a" / "b" / "out", force=False)
    assert str(tmp_path) in caught.value.evidence
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_take_the_folder(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.tempfile, "mkdtemp", full)
    with pytest.raises(OutputError) as caught, whole_folder(tmp_path / "out", force=False):
        pytest.fail("the block must not run")
    assert "No space left" in caught.value.evidence
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def tiny_disk(tmp_path):
    """A real disk of 64 KiB, where this machine lets the test make one."""
    point = tmp_path / "disk"
    point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(point)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no permission to mount a small disk")
    yield point
    subprocess.run(["umount", str(point)], check=True)


def test_a_disk_that_fills_up(tiny_disk):
    with pytest.raises(OutputError) as caught, whole_folder(tiny_disk / "out", force=False) as work:
        (work / "big").write_bytes(bytes(1 << 20))
    assert "No space left" in caught.value.evidence
    assert "Free some space" in caught.value.remedy
    assert caught.value.exit_code == 1
    assert list(tiny_disk.iterdir()) == []
    with pytest.raises(OutputError):
        write_whole(tiny_disk / "report.json", bytes(1 << 20))
    assert list(tiny_disk.iterdir()) == []


# Single files


def test_one_file_whole(tmp_path):
    target = tmp_path / "report.json"
    target.write_text("old")
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_one_file_or_the_old_one(tmp_path, monkeypatch, raised):
    target = tmp_path / "report.json"
    target.write_text("old")

    def failing(_):
        raise raised

    monkeypatch.setattr(module.os, "fsync", failing)
    with pytest.raises(OutputError if isinstance(raised, OSError) else KeyboardInterrupt):
        write_whole(target, b"new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("place", ["absent/report.json", "file/report.json", "folder"])
def test_one_file_that_has_no_place(tmp_path, place):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError):
        write_whole(tmp_path / place, b"new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"x" * ((1 << 20) + 1), "154b8ed3c2383ce429058768595935faf7851b5c38db2b1732594be1d88bc05a"),
    ],
    ids=["empty", "longer-than-a-block"],
)
def test_digest_of_a_file(tmp_path, content, digest):
    (tmp_path / "file").write_bytes(content)
    assert sha256(tmp_path / "file") == digest
