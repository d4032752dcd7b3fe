"""What every run says in the same words."""

from __future__ import annotations

from edgedepth.artifact.manifest import Source


def threads_in_words(threads: int) -> str:
    """1 thread, 2 threads."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def weights_warnings(weights: Source) -> tuple[str, ...]:
    """What to know of the weights before believing a result; nothing of trained ones."""
    return ("The weights are random: these values show arithmetic, not depth.",) if weights.kind == "random" else ()
