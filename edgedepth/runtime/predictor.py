"""From pictures to depth with one exported graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact import choose, open_artifact
from edgedepth.artifact.manifest import Source as Weights
from edgedepth.runtime.decode import DepthMap, Meaning, decode, meaning_of
from edgedepth.runtime.preprocess import to_batch
from edgedepth.runtime.session import Session


class DepthPredictor:
    """Pre-processing, a session and decoding, as one artifact's contracts say.

    Args:
        session: the opened graph.
        weights: where its weights came from.

    Attributes:
        session, weights: as given.
        batch: pictures per run.
        meaning: what the values are.
    """

    def __init__(self, session: Session, weights: Weights) -> None:
        self.session, self.weights = session, weights
        self.batch = session.batch
        self.meaning: Meaning = meaning_of(session.entry.output)

    def prepare(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[Any]:
        """One to `batch` (H, W, 3) uint8 RGB pictures as the graph's input."""
        return to_batch(pictures, self.session.entry.input)

    def decode(self, output: NDArray[np.float32], size: tuple[int, int]) -> DepthMap:
        """One map of `Session.maps` as depth at (height, width)."""
        return decode(output, self.session.entry.output, size)

    def __call__(self, picture: NDArray[np.uint8]) -> DepthMap:
        """Depth of one (H, W, 3) uint8 RGB picture, at its size."""
        output = self.session.maps(self.prepare([picture]))
        return self.decode(output[0], (picture.shape[0], picture.shape[1]))


def open_predictor(
    path: Path,
    *,
    file_format: str | None = None,
    precision: str | None = None,
    size: tuple[int, int] | None = None,
    threads: int = 1,
) -> DepthPredictor:
    """Open an artifact folder or one of its files; of several files that fit, the first.

    Raises:
        InputError: not an artifact, or a damaged one.
        UsageError: no file of it fits what was asked.
        OperatorError: the runtime lacks an operator of it.
    """
    artifact = open_artifact(path)
    entry = choose(artifact, file_format=file_format, precision=precision, size=size)
    file = artifact.path(entry)
    session = Session(file, entry, threads)
    if artifact.manifest is not None:
        return DepthPredictor(session, artifact.manifest.source)
    from edgedepth.artifact.embed import read_embedded  # noqa: PLC0415 - pulls in onnx

    return DepthPredictor(session, read_embedded(file).source)
