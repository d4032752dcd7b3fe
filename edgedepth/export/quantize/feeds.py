"""What a graph is fed while its activations are watched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Feed: TypeAlias = NDArray[np.float32] | Mapping[str, NDArray[np.float32]]
"""The graph's only input, or all of several by name."""


def named(feed: Feed, only: str) -> dict[str, NDArray[np.float32]]:
    """By name; `only` is that of a single input."""
    return dict(feed) if isinstance(feed, Mapping) else {only: feed}
