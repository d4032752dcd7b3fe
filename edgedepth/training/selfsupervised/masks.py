"""Which pixels are static: where an early and a late depth network agree (FlexDepth, second stage).

Depth of static things settles within the first epochs. Depth of moving ones, which the photometric error judges
wrongly, keeps changing.
"""

from __future__ import annotations

from typing import Literal

import torch

MaskKind = Literal["hard", "straight-through", "soft"]
BETA = 0.7
TEMPERATURE = 0.01
"""How gradual the soft threshold is; the threshold itself ranges over 0.07."""


def disagreement(early: torch.Tensor, late: torch.Tensor) -> torch.Tensor:
    """``|early^BETA - late^BETA|`` of sigmoid disparities of any one shape.

    The power makes the same difference count more far away, where disparities are small.
    """
    return (early**BETA - late**BETA).abs()


def decoupled_mask(
    early: torch.Tensor, late: torch.Tensor, mu: torch.Tensor | float, kind: MaskKind = "straight-through"
) -> torch.Tensor:
    """The static-dynamic mask M: 1 where static, 0 where moving.

    Only `mu` gets a gradient: the frozen networks that predicted both disparities have no use for one.

    Args:
        early: (B, 1, H, W) sigmoid disparity of the network as it was early in the first stage.
        late: the same of the network at its end.
        mu: the threshold, (B, 1, 1, 1) or a number.
        kind: ``hard`` is ``disagreement < mu``, as released: no gradient reaches the threshold network, which
            therefore never learns there. ``soft`` is ``sigmoid((mu - disagreement) / TEMPERATURE)``.
            ``straight-through`` has the hard one's values and the soft one's gradient (Bengio et al. 2013).

    Returns:
        (B, 1, H, W) in 0..1.
    """
    with torch.no_grad():
        difference = disagreement(early, late)
    hard = (difference < mu).to(difference.dtype)
    if kind == "hard":
        return hard
    soft = torch.sigmoid((mu - difference) / TEMPERATURE)
    return soft if kind == "soft" else hard + soft - soft.detach()
