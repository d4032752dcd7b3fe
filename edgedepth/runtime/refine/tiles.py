"""How a picture is cut for refining, as a user names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from edgedepth.errors import UsageError
from edgedepth.runtime.tiling import Grid, Tile
from edgedepth.runtime.tiling.plan import Passes

SEED = 0
"""Of random places: the same picture is always cut alike."""


@dataclass(frozen=True)
class Tiling:
    """PatchRefiner's modes.

    Attributes:
        passes: of the grid.
        random: patches anywhere that are blended in afterwards.
    """

    passes: Passes
    random: int = 0

    @property
    def name(self) -> str:
        """As `parse_tiling` takes it."""
        return f"r{self.random}" if self.random else self.passes

    def random_tiles(self, grid: Grid) -> tuple[Tile, ...]:
        """Of the grid's picture."""
        return grid.random_tiles(self.random, SEED)


def parse_tiling(text: str) -> Tiling:
    """``m1`` (every pixel once), ``m2`` (and half-shifted patches) or ``r`` and a number (m2 and so many random ones).

    Raises:
        UsageError: something else.
    """
    for passes in get_args(Passes):
        if text == passes:
            return Tiling(passes)
    if re.fullmatch(r"r[1-9]\d{0,3}", text):
        return Tiling("m2", int(text[1:]))
    raise UsageError(
        f"There are no tiles called {text!r}.",
        "Known: m1 (16 patches), m2 (49), and r with a number (m2 and so many more at random, such as r32).",
        "For example --tiles m1.",
    )
