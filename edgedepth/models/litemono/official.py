"""What an official Lite-Mono checkpoint leaves to its training size: the dilations, which no tensor shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch

from edgedepth.models.litemono.config import SEVEN, TEN

_WIDE_SIZE: Final = (320, 1024)
"""(height, width) at which the release trains with wider dilations."""
_WIDER: Final = {3: 5, 6: 10}
_LAST_STAGE: Final = {len(stages[2]): stages for stages in (SEVEN, TEN)}


def as_trained(
    tensors: dict[str, torch.Tensor], size: tuple[int, int] | None
) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    """Tensors as they are, and the dilations of a network that was trained at `size`.

    Args:
        tensors: by the official keys, which are the network's own.
        size: (height, width) that the checkpoint names, or None.

    Returns:
        The tensors, and the configuration's fields that differ from the card's.
    """
    return tensors, _dilations(tensors) if size == _WIDE_SIZE else {}


def _dilations(tensors: Mapping[str, torch.Tensor]) -> dict[str, object]:
    blocks = sum(key.startswith("stages.2.") and key.endswith(".ddwconv.conv.weight") for key in tensors)
    published = _LAST_STAGE.get(blocks)
    if published is None:  # no scale of the release; the difference in keys is reported as such
        return {}
    return {"dilations": tuple(tuple(_WIDER.get(d, d) for d in stage) for stage in published)}
