"""What papers print about speed, size and accuracy, each figure with its source; nothing here was measured here."""

from __future__ import annotations

from dataclasses import dataclass

from edgedepth.models import cards

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
_TABLE_12 = "FlexDepth, Table 12"


@dataclass(frozen=True)
class Published:
    """One network as a paper prints it; None where no figure is known here.

    Attributes:
        name: the registry's name, or the network's usual name.
        family: networks of one family share a colour.
        params_millions, gflops: by the counting rule of `source`.
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
    gflops: float
    source: str
    abs_rel: float | None = None
    delta1: float | None = None
    protocol: str = ""
    frames_per_second: float | None = None
    speed_source: str = ""
    true_params_millions: float | None = None
    true_gmacs: float | None = None
    note: str = ""


_PEERS = (
    Published("monodepth2", "monodepth2", 14.329, 8.038, _TABLE_12),
    Published("lite-mono-tiny", "lite-mono", 2.143, 2.842, _TABLE_12),
    Published("lite-mono-small", "lite-mono", 2.472, 4.746, _TABLE_12),
    Published("lite-mono", "lite-mono", 3.069, 5.032, _TABLE_12),
    Published("lite-mono-8m", "lite-mono", 8.766, 11.212, _TABLE_12),
    Published(
        "monovit",
        "monovit",
        33.631,
        59.679,
        _TABLE_12,
        true_params_millions=27.87,
        true_gmacs=20.41,
        note="The counting tool counted modules twice that are registered under two names: in truth 27.87 M "
        "parameters and 20.41 GMACs. Do not compare with the printed figures.",
    ),
)


def published() -> tuple[Published, ...]:
    """The registry's models, then the networks that its papers compare them with."""
    return (*(_of_card(name) for name in cards()), *_PEERS)


def _of_card(name: str) -> Published:
    card = cards()[name]
    accuracy, speed = card.paper.accuracy, card.paper.speed
    return Published(
        name,
        card.family,
        card.paper.params_millions,
        card.paper.gflops,
        card.paper.source,
        abs_rel=accuracy.abs_rel if accuracy else None,
        delta1=accuracy.delta1 if accuracy else None,
        protocol=f"{accuracy.protocol} ({accuracy.source})" if accuracy else "",
        frames_per_second=speed.frames_per_second if speed else None,
        speed_source=f"{speed.device} ({speed.source})" if speed else "",
    )
