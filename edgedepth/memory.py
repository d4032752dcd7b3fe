"""How much memory this process has held."""

from __future__ import annotations

import resource
import sys


def peak_memory() -> int:
    """Bytes resident at most since the process began (Linux counts in KiB, macOS in bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
