"""How plots look, on light and on dark paper, and how one becomes a PNG with the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

WIDTH = 7.6
"""Inches; a page shows an inch as 100 CSS pixels."""
DPI = 160
_FONT = "DejaVu Sans"  # comes with matplotlib, so the same text has the same pixels everywhere


@dataclass(frozen=True)
class Theme:
    """Colours of one kind of paper.

    Attributes:
        paper, ink, faint, grid: background, text, lesser text, lines.
        palette: told apart without red and green, in this order.
        warm: of temperatures.
    """

    name: str
    paper: str
    ink: str
    faint: str
    grid: str
    palette: tuple[str, ...]
    warm: str


LIGHT = Theme(
    "light",
    "#ffffff",
    "#1a1d23",
    "#59616e",
    "#d9dde4",
    ("#0b62a4", "#c2540c", "#0f7b5f", "#8b3fa0", "#8a6d00", "#59616e"),
    "#b3261e",
)
DARK = Theme(
    "dark",
    "#191c22",
    "#eceef2",
    "#a3aab6",
    "#3a404a",
    ("#6db3f2", "#ff9a62", "#4fd1a5", "#d69be8", "#e6c34a", "#a3aab6"),
    "#ff8a80",
)


@dataclass(frozen=True)
class Plot:
    """One picture of a page.

    Attributes:
        name: of its PNG, without the suffix.
        title: heading.
        alt: what it shows, for those who do not see it.
        caption: how to read it.
        draw: makes the figure in a theme's colours.
    """

    name: str
    title: str
    alt: str
    caption: str
    draw: Callable[[Theme], Figure]


def png(plot: Plot, theme: Theme) -> bytes:
    """The plot as PNG; equal plots give equal bytes."""
    content = io.BytesIO()
    with mpl.rc_context(_settings(theme)):
        figure = plot.draw(theme)
        # Without the library's version in it, the same figures give the same bytes.
        figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    return content.getvalue()


def _settings(theme: Theme) -> Any:
    return {
        "font.family": _FONT,
        "font.size": 9,
        "text.parse_math": False,
        "text.color": theme.ink,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.faint,
        "axes.labelcolor": theme.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.titlesize": 9,
        "axes.titlelocation": "left",
        "grid.color": theme.grid,
        "grid.linewidth": 0.6,
        "xtick.color": theme.faint,
        "ytick.color": theme.faint,
        "xtick.labelcolor": theme.ink,
        "ytick.labelcolor": theme.ink,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "figure.facecolor": theme.paper,
        "figure.dpi": DPI,
        "savefig.facecolor": theme.paper,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "hatch.linewidth": 0.6,
    }


def drawable(text: str) -> str:
    """The text on one line, with a box for what the font cannot draw."""
    known = _glyphs()
    return "".join(c if ord(c) in known else "\u25a1" for c in " ".join(text.split()))


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(_FONT)).get_charmap())
