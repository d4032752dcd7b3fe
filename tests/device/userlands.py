"""What ``.ci/device-tools`` fetched for the tests' devices."""

from __future__ import annotations

import os
from pathlib import Path

from rig_processes import UnavailableError

ADBD = "/usr/lib/android-sdk/platform-tools/adbd"
"""Where Debian's package has it."""


def tools_folder() -> Path:
    """Where ``.ci/device-tools`` put its userlands.

    Raises:
        UnavailableError: nowhere.
    """
    given = os.environ.get("EDGEDEPTH_DEVICE_TOOLS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(given) if given else cache / "edgedepth" / "device-tools"
    if not folder.is_dir():
        raise UnavailableError(
            f"{'EDGEDEPTH_DEVICE_TOOLS' if given else 'the cache'} holds no device tools: run .ci/device-tools"
        )
    return folder.resolve()


def userland(tier: str) -> Path:
    """The userland of a tier: ``native`` or ``arm64``.

    Raises:
        UnavailableError: it was not fetched.
    """
    found = tools_folder() / tier
    if not (found / ADBD.lstrip("/")).is_file():
        raise UnavailableError(f"the {tier} userland was not fetched (.ci/device-tools)")
    return found


def litert_library() -> Path:
    """LiteRT's shared library for ARM64 Linux.

    Raises:
        UnavailableError: it was not fetched.
    """
    found = tools_folder() / "litert" / "ai_edge_litert" / "libLiteRt.so"
    if not found.is_file():
        raise UnavailableError("LiteRT's ARM64 build was not fetched (.ci/device-tools)")
    return found
