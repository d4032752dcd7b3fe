"""What papers print about speed, size and accuracy, each figure with its source; nothing here was measured here."""

from __future__ import annotations

from dataclasses import dataclass

from edgedepth.models import ModelCard, cards
from edgedepth.models.card import PaperFigures

FLEXDEPTH = "FlexDepth (arXiv 2607.00736)"
NOT_KNOWN = (
    f"Of {FLEXDEPTH}, the latencies of Table 4 and the Snapdragon column of Table 12 are not known here, so they are "
    "left empty rather than guessed."
)
RULE = (
    "GFLOPs follow the paper's counting rule: convolution multiply-adds plus four operations per batch-norm element, "
    "all four heads, attention not counted. One FLOP of that rule is one multiply-add; a file's own GMACs are another "
    "count."
)


@dataclass(frozen=True)
class Published:
    """One network as a paper prints it; None where no figure is known here.

    Attributes:
        name: the registry's name, or the network's usual name.
        family: networks of one family share a colour.
        params_millions, gflops: by the counting rule of `source`; no GFLOPs where it states none.
        source: of those two.
        abs_rel, delta1: of `protocol`.
        protocol: data set, split and depth cap, and who says so; empty where there is no accuracy.
        frames_per_second: on what `speed_source` names.
        speed_source: device and who says so; empty where there is no speed.
        true_params_millions, true_gmacs: counted on the network itself where the printed ones are known to be wrong.
        note: what to know before comparing.
    """

    name: str
    family: str
    params_millions: float
    gflops: float | None
    source: str
    abs_rel: float | None = None
    delta1: float | None = None
    protocol: str = ""
    frames_per_second: float | None = None
    speed_source: str = ""
    true_params_millions: float | None = None
    true_gmacs: float | None = None
    note: str = ""


def published() -> tuple[Published, ...]:
    """The registry's models, but for designs of this project's own."""
    return tuple(_of_card(card, card.paper) for card in cards().values() if card.paper)


def _of_card(card: ModelCard, paper: PaperFigures) -> Published:
    accuracy, speed = paper.accuracy, paper.speed
    return Published(
        card.name,
        card.family,
        paper.params_millions,
        paper.gflops,
        paper.source,
        abs_rel=accuracy.abs_rel if accuracy else None,
        delta1=accuracy.delta1 if accuracy else None,
        protocol=f"{accuracy.protocol} ({accuracy.source})" if accuracy else "",
        frames_per_second=speed.frames_per_second if speed else None,
        speed_source=f"{speed.device} ({speed.source})" if speed else "",
        true_params_millions=paper.true_params_millions,
        true_gmacs=paper.true_gmacs,
        note=f"{card.notes[0]} Do not compare with the printed figures." if paper.true_gmacs else "",
    )
