"""A pair of exported graphs as a predictor: coarse depth of the whole picture, refined patch by patch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedepth.runtime.decode import Meaning
from edgedepth.runtime.refine import RefinePair, Tiling, refined_depth
from edgedepth.runtime.tiling.sampling import bilinear, cell_centres


class RefinedPredictor:
    """Runs both graphs as ``edgedepth run --tiles`` does.

    Args:
        pair: opened.
        tiling: where patches lie.
        title: what to call it in a table.
    """

    def __init__(self, pair: RefinePair, tiling: Tiling, title: str) -> None:
        self.pair, self.tiling, self.title = pair, tiling, title
        self.meaning: Meaning = pair.meaning
        session = pair.refiner_session
        self.facts = {
            "runtime": session.runtime,
            "precision": session.entry.precision,
            "input": f"{pair.patch[0]}x{pair.patch[1]}, tiles {tiling.name}",
            "sha256": session.entry.sha256,
            "weights": pair.weights.statement,
        }

    def depth(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float64]:
        """Refined depth at the wanted size."""
        refined = refined_depth(self.pair, image, self.tiling)
        if refined.shape != size:
            refined = bilinear(refined, *(cell_centres(0, n, m) for n, m in zip(refined.shape, size, strict=True)))
        return refined.astype(np.float64)
