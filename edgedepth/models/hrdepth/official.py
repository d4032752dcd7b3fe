"""HR-Depth's released checkpoints, as our network names their entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from edgedepth.models.hrdepth.model import build_decoder
from edgedepth.models.monodepth2 import official as resnet
from edgedepth.models.shared.nested_decoder import without_twins


def renamed(
    tensors: Mapping[str, torch.Tensor], size: tuple[int, int] | None
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Leave out the classifier and the decoder's second names; nothing depends on the training size."""
    with torch.device("meta"):
        names = list(build_decoder())
    named, overrides = resnet.renamed(tensors, size)
    return without_twins(named, names), overrides
