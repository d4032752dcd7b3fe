"""Where patches lie: PatchRefiner's grid, its half-shifted copies, and random places."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from edgedepth.errors import UsageError

Passes = Literal["m1", "m2"]
Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels of the picture; may go past its right and bottom."""
T = TypeVar("T")


@dataclass(frozen=True)
class Tile:
    """A patch of the picture and where its prediction belongs.

    Attributes:
        box: of the picture.
        top, left: of the prediction, in pixels of the canvas (of the picture, for a random tile).
        first: of the first pass, whose tiles cover everything once.
    """

    box: Box
    top: int
    left: int
    first: bool


@dataclass(frozen=True)
class Grid:
    """A picture cut into equal patches, each processed at one size; the canvas joins what comes out.

    Both sides of the picture are thought of as extended at the end, by less than two pixels per row or column of
    patches, until half a patch is a whole number of pixels; no pixel of the picture is left out, and nothing of what
    is added is in the result.

    Attributes:
        height, width: of the picture, in pixels.
        rows, columns: patches; the published 16 are 4 x 4.
        patch: (height, width) at which a patch is processed; even.
    """

    height: int
    width: int
    rows: int = 4
    columns: int = 4
    patch: tuple[int, int] = (384, 512)

    def __post_init__(self) -> None:
        if min(self.rows, self.columns, *self.patch) < 1 or any(side % 2 for side in self.patch):
            raise UsageError(
                f"{self.rows} x {self.columns} patches at {self.patch[0]}x{self.patch[1]} are no grid.",
                "Rows and columns are at least 1, and both sides of a patch are even.",
                "Use 4 x 4 patches at the size that the refiner was exported for.",
            )
        last = self.cut[0] * (self.rows - 1), self.cut[1] * (self.columns - 1)
        if self.height <= last[0] or self.width <= last[1]:
            raise UsageError(
                f"A picture of {self.height}x{self.width} cannot be cut into {self.rows} x {self.columns} patches.",
                "The last of them would hold nothing of it.",
                "Leave --tiles out: the coarse model alone sees all of a picture that small.",
            )

    @property
    def extended(self) -> tuple[int, int]:
        """(height, width) of the picture as it is cut."""
        return _multiple(self.height, 2 * self.rows), _multiple(self.width, 2 * self.columns)

    @property
    def cut(self) -> tuple[int, int]:
        """(height, width) of a patch in pixels of the picture; even."""
        height, width = self.extended
        return height // self.rows, width // self.columns

    @property
    def canvas(self) -> tuple[int, int]:
        """(height, width) of all patches side by side, as they are processed."""
        return self.rows * self.patch[0], self.columns * self.patch[1]

    def tiles(self, passes: Passes) -> tuple[Tile, ...]:
        """The patches, from top to bottom and from left to right.

        Args:
            passes: ``m1``: every pixel once, rows x columns; ``m2``: and those shifted by half a patch to the right,
                down and both, (2 rows - 1) x (2 columns - 1) in all.
        """
        step = 2 if passes == "m1" else 1
        half = (self.patch[0] // 2, self.patch[1] // 2)
        return tuple(
            Tile(self._box(i, j), i * half[0], j * half[1], first=i % 2 == 0 and j % 2 == 0)
            for i in range(0, 2 * self.rows - 1, step)
            for j in range(0, 2 * self.columns - 1, step)
        )

    def random_tiles(self, count: int, seed: int) -> tuple[Tile, ...]:
        """Patches anywhere, of the same size, from top to bottom; a function of the seed."""
        draw = random.Random(seed)  # noqa: S311 - places, not secrets
        (height, width), extended = self.cut, self.extended
        places = [(draw.randint(0, extended[0] - height), draw.randint(0, extended[1] - width)) for _ in range(count)]
        return tuple(
            Tile((left, top, left + width, top + height), top, left, first=False) for top, left in sorted(places)
        )

    def fractions(self, tile: Tile) -> tuple[float, float, float, float]:
        """A tile's box as fractions of the picture: left, top, right, bottom."""
        left, top, right, bottom = tile.box
        return left / self.width, top / self.height, right / self.width, bottom / self.height

    def _box(self, i: int, j: int) -> Box:
        """Of the patch i half-patches down and j to the right."""
        height, width = self.cut
        top, left = i * height // 2, j * width // 2
        return left, top, left + width, top + height


def patches_at_once(budget: int, fixed: int, each: int) -> int:
    """How many patches fit into memory at a time.

    Args:
        budget, fixed, each: bytes: allowed, needed however many there are, needed for every patch.

    Raises:
        UsageError: not even one fits.
    """
    count = (budget - fixed) // each
    if count < 1:
        raise UsageError(
            f"A memory budget of {_megabytes(budget)} does not hold one patch.",
            f"{_megabytes(fixed)} are needed in any case and {_megabytes(each)} for a patch.",
            f"Allow at least {_megabytes(fixed + each)}.",
        )
    return count


def grouped(items: Sequence[T], count: int) -> list[Sequence[T]]:
    """In groups of at most `count`, in order."""
    return [items[i : i + count] for i in range(0, len(items), count)]


def _multiple(length: int, of: int) -> int:
    return -(-length // of) * of


def _megabytes(size: int) -> str:
    return f"{-(-size // 10**6):,} MB"
