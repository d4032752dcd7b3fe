"""An exported file as a predictor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedepth.evaluation.predictor import depth_of
from edgedepth.runtime.decode import Meaning
from edgedepth.runtime.predictor import DepthPredictor


class ArtifactPredictor:
    """Runs one exported graph in the runtime of its format.

    Args:
        predictor: the opened graph.
        title: what to call it in a table.
    """

    def __init__(self, predictor: DepthPredictor, title: str) -> None:
        self.predictor, self.title = predictor, title
        self.meaning: Meaning = predictor.meaning
        session, entry = predictor.session, predictor.session.entry
        self.facts = {
            "runtime": session.runtime,
            "precision": entry.precision,
            "input": f"{entry.size[0]}x{entry.size[1]}",
            "sha256": entry.sha256,
            "weights": predictor.weights.statement,
        }

    def depth(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float64]:
        """Depth at the wanted size."""
        session = self.predictor.session
        output = session.maps(self.predictor.prepare([image]))
        return depth_of(self.predictor.decode(output[0], size))
