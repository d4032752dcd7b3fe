"""How much memory this process has held."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")


def peak_memory() -> int:
    """Bytes resident at most since the process began (Linux counts in KiB, macOS in bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_memory() -> int:
    """Bytes resident now; the peak, which is no less, where the system does not tell."""
    if not _STATM.is_file():
        return peak_memory()
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
