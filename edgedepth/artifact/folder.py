"""Artifact folders: written beside and renamed, so that one is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgedepth.artifact.manifest import FILE_NAME
from edgedepth.errors import OutputError, UsageError
from edgedepth.files import replace_whole


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def require_free(target: Path, *, force: bool, mark: str = FILE_NAME, kind: str = "an artifact") -> None:
    """Check early that `target` may be written.

    Args:
        target: the folder.
        force: what is there may be replaced, if it is of that kind.
        mark: the file that tells a folder of the kind.
        kind: what is written, with its article.

    Raises:
        UsageError: it exists and `force` is not set, or it is not of that kind, or a file.
        OutputError: its parent cannot be written.
    """
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file, not a folder.", "", "Name another output folder with -o.")
    if target.exists() and any(target.iterdir()):
        if not force:
            raise UsageError(
                f"{target} is not empty.", "", "Add --force to replace it, or name another folder with -o."
            )
        if not (target / mark).is_file():
            raise UsageError(
                f"{target} is not {kind}, so --force does not replace it.",
                f"It has no {mark}.",
                "Name another folder with -o.",
            )
    parent = target.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK):
        raise OutputError(f"{target} cannot be written.", f"No permission in {parent}.", "Name another -o.")


@contextmanager
def whole_folder(target: Path, *, force: bool, mark: str = FILE_NAME, kind: str = "an artifact") -> Iterator[Path]:
    """A temporary sibling of `target` that takes its place when the block ends well.

    On any exception, Ctrl-C included, the sibling is removed and `target` is as it was.

    Args:
        target, force, mark, kind: as for `require_free`.

    Raises:
        UsageError, OutputError: as `require_free`, or the disk is full or read-only.
    """
    require_free(target, force=force, mark=mark, kind=kind)
    target = target.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    except OSError as error:
        raise _cannot_write(target, error) from error
    try:
        work.chmod(0o755)
        yield work
        _swap(work, target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _swap(work: Path, target: Path) -> None:
    for file in work.rglob("*"):
        if file.is_file():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
    if not target.exists():
        work.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
    kept = old / "content"
    try:
        target.rename(kept)
        work.rename(target)
    except BaseException:  # Ctrl-C between the two would otherwise lose what was there
        if kept.exists() and not target.exists():
            kept.rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _cannot_write(target: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{target} could not be written; nothing was left behind.",
        f"{error.strerror or error}",
        "Free some space or name another folder with -o.",
    )


def write_whole(target: Path, content: bytes) -> None:
    """Write one file, whole or not at all; replaces what is there.

    Raises:
        OutputError: it cannot be written; nothing is left behind.
    """
    try:
        replace_whole(target, content)
    except OSError as error:
        raise _cannot_write(target, error) from error
