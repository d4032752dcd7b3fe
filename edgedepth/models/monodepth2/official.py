"""Released checkpoints of networks on a torchvision ResNet, as our networks name their entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def renamed(
    tensors: Mapping[str, torch.Tensor], _size: tuple[int, int] | None
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Leave out the classifier, which a release holds but never runs; nothing depends on the training size."""
    return {key: value for key, value in tensors.items() if not key.startswith("encoder.fc.")}, {}
