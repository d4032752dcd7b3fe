"""Writing one file whole or not at all; every room may use it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def replace_whole(target: Path, content: bytes) -> None:
    """Write beside, then rename: `target` is as it was or holds all of `content`.

    On any exception, Ctrl-C included, nothing is left beside it.

    Raises:
        OSError: it cannot be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
