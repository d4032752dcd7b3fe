"""PatchRefiner V2's published checkpoint layout: one file, the refiner's entries and those of its coarse branch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch

from edgedepth.models.flexdepth.config import CARDS as FLEXDEPTH
from edgedepth.models.patchrefiner.coarse import build_coarse
from edgedepth.models.surround.config import CARDS as SURROUND

BRANCH = "coarse_branch."
OWN = f"{BRANCH}network."
"""Of a coarse branch that is defined here; ZoeDepth's entries are called otherwise."""

Shapes = frozenset[tuple[str, tuple[int, ...]]]


def renamed(
    tensors: Mapping[str, torch.Tensor], size: tuple[int, int] | None
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tell the coarse model by its tensors; nothing depends on the training size.

    ZoeDepth, the published coarse model, is not defined here: its entries are left out, and the refiner remains.

    Returns:
        The entries, and the configuration's ``coarse``, where one is known.
    """
    del size
    if any(key.startswith(BRANCH) for key in tensors) and not any(key.startswith(OWN) for key in tensors):
        return {key: value for key, value in tensors.items() if not key.startswith(BRANCH)}, {}
    found = {(key.removeprefix(BRANCH), tuple(value.shape)) for key, value in tensors.items() if key.startswith(OWN)}
    shapes = _without_counters(found)
    names = (known.name for known in (*FLEXDEPTH, *SURROUND)) if shapes else ()
    name = next((name for name in names if _shapes(name) == shapes), None)
    return dict(tensors), {"coarse": name} if name else {}


@cache
def _shapes(name: str) -> Shapes:
    with torch.device("meta"):
        state = build_coarse(name).state_dict()
    return _without_counters({(key, tuple(value.shape)) for key, value in state.items()})


def _without_counters(entries: set[tuple[str, tuple[int, ...]]]) -> Shapes:
    """Batch norms' counters may be missing."""
    return frozenset(entry for entry in entries if not entry[0].endswith("num_batches_tracked"))
