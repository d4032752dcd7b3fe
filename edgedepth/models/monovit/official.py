"""MonoViT's released checkpoints, as our network names their entries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from edgedepth.models.monovit.config import MonoViTConfig
from edgedepth.models.monovit.model import build_decoder
from edgedepth.models.shared.nested_decoder import without_twins

_SHARED = re.compile(r"(.*\.mhca_blks\.\d+)\.MHCA_layers\.\d+\.(?:factoratt_crpe\.)?(c(?:r)?pe\..+)")
"""Position codes, which a release lists once more in every block that reads them."""


def renamed(
    tensors: Mapping[str, torch.Tensor], _size: tuple[int, int] | None
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Take the prefixes off a network saved as a whole, and leave out second names.

    An entry that holds other values than the one it repeats is kept, so that it is noticed. Nothing depends on the
    training size.
    """
    whole = "encoder.stem.0.conv.weight" in tensors
    named = {re.sub(r"^(encoder|decoder)\.", "", key) if whole else key: value for key, value in tensors.items()}
    with torch.device("meta"):
        names = list(build_decoder(MonoViTConfig()))
    named = without_twins(named, names)

    def is_repeated(key: str, value: torch.Tensor) -> bool:
        match = _SHARED.fullmatch(key)
        original = named.get(f"{match[1]}.{match[2]}") if match else None
        return original is not None and torch.equal(original, value)

    return {key: value for key, value in named.items() if not is_repeated(key, value)}, {}
