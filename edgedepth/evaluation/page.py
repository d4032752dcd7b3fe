"""A page to put panels, words and legends on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
PAPER: Colour = (22, 24, 29)
INK: Colour = (236, 238, 242)
FAINT: Colour = (156, 162, 174)
_SMALL, _GAP, _BAR_HEIGHT, _TICK = 15, 12, 18, 5


class Page:
    """An empty dark page.

    Args:
        size: (width, height) in pixels.

    Attributes:
        image: what has been drawn so far.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.image = Image.new("RGB", size, PAPER)
        self._draw = ImageDraw.Draw(self.image)

    def text(self, at: tuple[int, int], words: str, size: int, colour: Colour = INK) -> None:
        """Words with their upper left corner there."""
        self._draw.text(at, words, fill=colour, font=ImageFont.load_default(size))

    def caption(self, at: tuple[int, int], width: int, title: str, note: str) -> None:
        """A line of that width: a title at its left, shortened from its front if need be, a note at its right."""
        font = ImageFont.load_default(_SMALL)
        left, top = at
        room = width - _GAP - self._draw.textlength(note, font)
        shown, cut = title, 0
        while cut < len(title) and self._draw.textlength(shown, font) > room:
            cut += 1
            shown = f"...{title[cut:]}"
        self._draw.text((left, top), shown, fill=INK, font=font)
        self._draw.text((left + width, top), note, fill=FAINT, font=font, anchor="ra")

    def bar(
        self,
        at: tuple[int, int],
        width: int,
        table: NDArray[np.uint8],
        ends: tuple[str, str],
        ticks: Sequence[tuple[float, str]],
    ) -> None:
        """A legend: a table's colours from left to right, named at both ends.

        Args:
            at: upper left corner.
            width: names included.
            table: (N, 3) uint8.
            ends: names of the first and of the last colour.
            ticks: shares of the bar's length, and what to write there.
        """
        font = ImageFont.load_default(_SMALL)
        low, high = (int(self._draw.textlength(end, font)) + _GAP for end in ends)
        start, top, length = at[0] + low, at[1], width - low - high
        strip = Image.fromarray(table[None].repeat(_BAR_HEIGHT, axis=0))
        self.image.paste(strip.resize((length, _BAR_HEIGHT)), (start, top))
        middle = top + _BAR_HEIGHT // 2
        self._draw.text((start - _GAP, middle), ends[0], fill=FAINT, font=font, anchor="rm")
        self._draw.text((start + length + _GAP, middle), ends[1], fill=FAINT, font=font, anchor="lm")
        foot = top + _BAR_HEIGHT
        for share, words in ticks:
            x = start + round(share * (length - 1))
            self._draw.line([(x, foot), (x, foot + _TICK)], fill=FAINT)
            self._draw.text((x, foot + _TICK + 3), words, fill=FAINT, font=font, anchor="mt")
