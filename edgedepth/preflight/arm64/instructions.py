"""How many ARM64 instructions one inference takes: a cost that repeats exactly, for telling that a graph grew.

It is no time: instructions differ in cost, and memory does not show. Compare a graph with itself over the course of
its development, and other graphs with care.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgedepth.errors import OperatorError
from edgedepth.preflight.arm64.emulator import Emulator
from edgedepth.preflight.arm64.parity import reference

RUNS = 3
"""Inferences of a count: the first one also sets things up and is left out, the others must agree."""
REPEATABLE, BOOKKEEPING = 1e-5, 1000
"""How far inferences may differ in a count that is quoted: relatively, and in instructions around the graph."""


@dataclass(frozen=True)
class Instructions:
    """A count.

    Attributes:
        per_inference: on one thread, of the last inference.
        each: of every inference, the first included.
    """

    processor: str
    per_inference: int
    each: tuple[int, ...]


def count_instructions(path: Path, emulator: Emulator, processor: str, *, seed: int = 0) -> Instructions:
    """Run a file on a seeded picture a few times, on one thread, and count.

    Raises:
        InputError: damaged, or not a TFLite file.
        OperatorError: LiteRT refuses the graph, or the inferences did not take equally many instructions.
        MissingDependencyError: the emulator takes no plugins.
    """
    feed, expected = reference(path, seed=seed)
    each = emulator.run(path, processor, feed, expected, runs=RUNS, count=True).instructions
    steady = each[1:]
    if max(steady) - min(steady) > REPEATABLE * min(steady) + BOOKKEEPING:
        raise OperatorError(
            f"{path} does not take equally many instructions each time.",
            f"Inferences 2 to {RUNS}: {', '.join(map(str, steady))}.",
            "A graph whose work depends on its input cannot be compared by instructions.",
        )
    return Instructions(processor, steady[-1], each)
