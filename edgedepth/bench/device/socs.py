"""Chips by the name that a device reports, as far as this project has evidence for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Soc:
    """A chip.

    Attributes:
        name: as it is sold.
        htp: architecture of its Hexagon tensor processor, such as ``v79``, as Qualcomm's compiler names it in its log;
            empty where that was not seen.
    """

    name: str
    htp: str = ""


QUALCOMM = {
    "SA8255": Soc("SA8255 (cars)"),
    "SA8295": Soc("SA8295 (cars)"),
    "SM8350": Soc("Snapdragon 888"),
    "SM8450": Soc("Snapdragon 8 Gen 1"),
    "SM8475": Soc("Snapdragon 8+ Gen 1"),
    "SM8550": Soc("Snapdragon 8 Gen 2", "v73"),
    "SM8650": Soc("Snapdragon 8 Gen 3", "v75"),
    "SM8750": Soc("Snapdragon 8 Elite", "v79"),
    "SM8845": Soc("Snapdragon 8 Gen 5"),
    "SM8850": Soc("Snapdragon 8 Elite Gen 5", "v81"),
}
"""By ``ro.soc.model``: the chips that LiteRT's ahead-of-time compiler knows."""


def soc_of(model: str) -> Soc | None:
    """The chip of that model, variants such as ``SM8550P`` included; None for one that is not in the table."""
    for known, soc in QUALCOMM.items():
        rest = model.upper().removeprefix(known)
        if rest != model.upper() and not rest[:1].isdigit():
            return soc
    return None
