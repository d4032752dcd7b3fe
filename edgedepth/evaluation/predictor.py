"""What can be measured: anything that turns a picture into depth."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgedepth.runtime.decode import DepthMap, Meaning


class Predictor(Protocol):
    """A PyTorch model, an exported file, a constant map."""

    @property
    def title(self) -> str:
        """What to call it in a table."""

    @property
    def meaning(self) -> Meaning:
        """What stands between its values and metres."""

    @property
    def facts(self) -> dict[str, str]:
        """What its figures depend on, such as runtime and input size, for ``--json``."""

    def depth(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float64]:
        """Depth of one picture.

        Args:
            image: (H, W, 3) uint8 RGB, any size.
            size: (height, width) of the wanted map.

        Returns:
            (height, width) depth, in metres or up to scale. Of a model whose inverse depth has an unknown shift, the
            reciprocal of that inverse depth, which may be negative or infinite before the shift is fitted.
        """


def depth_of(decoded: DepthMap) -> NDArray[np.float64]:
    """The depth that a `Predictor` gives for a decoded map."""
    values = decoded.values.astype(np.float64)
    if decoded.meaning.quantity == "depth":
        return values
    with np.errstate(divide="ignore"):
        depth: NDArray[np.float64] = 1.0 / values
    return depth
