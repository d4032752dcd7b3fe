"""Elements of a page as text, everything that is not markup escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_VOID = ("img", "meta", "source")


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str) -> Markup:
    """One element.

    Args:
        name: of the element.
        children: text, which is escaped, or markup, which is not.
        attributes: values are escaped; a name that Python keeps for itself ends in ``_``, and ``_`` stands for ``-``.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(clean(value))}"' for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """Text and markup one after the other, text escaped."""
    return Markup("".join(part if isinstance(part, Markup) else html.escape(clean(part)) for part in parts))


def clean(text: str) -> str:
    """Without control characters and lone surrogates, which no page may hold."""
    return "".join(c if c in "\n\t" or (c.isprintable() and not "\ud800" <= c <= "\udfff") else "\ufffd" for c in text)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], caption: str, numbers: Sequence[str] = ()) -> Markup:
    """A table whose first column names its rows, in a box that scrolls by itself where the page is narrow.

    Args:
        headings: of the columns.
        rows: cells, text or markup; or a whole row as markup.
        caption: says what the table shows.
        numbers: headings of the columns that hold numbers.
    """
    head = tag("tr", *(tag("th", h, scope="col", **_kind(h, numbers)) for h in headings))
    body = [row if isinstance(row, Markup) else tag("tr", *_cells(row, headings, numbers)) for row in rows]
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return scroller(whole, caption)


def scroller(content: Markup, label: str) -> Markup:
    """A box that scrolls sideways, by keyboard too."""
    return tag("div", content, class_="scroll", tabindex="0", role="region", aria_label=label)


def _cells(row: Sequence[str], headings: Sequence[str], numbers: Sequence[str]) -> list[Markup]:
    first, *others = row
    cells = [tag("td", cell, **_kind(heading, numbers)) for heading, cell in zip(headings[1:], others, strict=True)]
    return [tag("th", first, scope="row"), *cells]


def _kind(heading: str, numbers: Sequence[str]) -> dict[str, str]:
    return {"class_": "number" if heading in numbers else "words"}
