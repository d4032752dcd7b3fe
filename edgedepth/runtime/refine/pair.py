"""A coarse graph and its refiner's, opened together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact import choose, open_artifact
from edgedepth.artifact.manifest import RefinerEntry, TensorSpec
from edgedepth.artifact.manifest import Source as Weights
from edgedepth.errors import UsageError
from edgedepth.runtime.decode import Meaning, decode, meaning_of
from edgedepth.runtime.preprocess import to_batch
from edgedepth.runtime.refine.correction import correction_of
from edgedepth.runtime.session import Session
from edgedepth.runtime.tiling import sample_box

Map = NDArray[np.float32]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom as fractions of a picture."""


@dataclass(frozen=True)
class Coarse:
    """What the coarse graph has for a picture.

    Attributes:
        values: (H, W), what corrections are added to: depth or its logarithm.
        origin: what the refiner sees that less of.
        features: (C, H, W) each, in the refiner's order.
    """

    values: Map
    origin: np.float32
    features: tuple[Map, ...]


class RefinePair:
    """Both graphs of one format and precision.

    Args:
        coarse, refiner: opened.
        entry: what the manifest says about the refiner.
        weights: where the weights came from.

    Attributes:
        batch: patches per run of the refiner.
        patch: (height, width) of a patch.
        meaning: what the refined values are.
    """

    def __init__(self, coarse: Session, refiner: Session, entry: RefinerEntry, weights: Weights) -> None:
        self.coarse_session, self.refiner_session, self.entry, self.weights = coarse, refiner, entry, weights
        self.batch = refiner.batch
        self.patch = entry.graph.size
        self.meaning: Meaning = meaning_of(coarse.entry.output)
        self.correction = correction_of(entry)

    def coarse(self, picture: NDArray[np.uint8]) -> Coarse:
        """Run the coarse graph on a whole (H, W, 3) uint8 RGB picture."""
        contract = self.coarse_session.entry
        outputs = (contract.output.tensor, *self.entry.given)
        feeds = {contract.input.tensor.name: to_batch([picture], contract.input)}
        found, *features = (maps[0] for maps in self.coarse_session.run_named(feeds, outputs))
        depth = decode(found[0], contract.output, contract.size).values
        values = self.correction.added_to(depth)
        return Coarse(values, self.correction.origin(values), tuple(features))

    def refine(self, coarse: Coarse, patches: Sequence[NDArray[np.uint8]], boxes: Sequence[Box]) -> list[Map]:
        """Refined depth of one to `batch` patches of the picture that `coarse` is of.

        Args:
            coarse: of the whole picture.
            patches: (h, w, 3) uint8 RGB of any size.
            boxes: where they lie.

        Returns:
            (height, width) depth each, at `patch`.
        """
        there = self._there(coarse, boxes)
        feeds = self._feeds(coarse, there, patches, boxes)
        (corrections,) = self.refiner_session.run_named(feeds, [self.entry.graph.output.tensor])
        return [self.correction.depth(one + found[0]) for one, found in zip(there, corrections, strict=False)]

    def inputs(
        self, coarse: Coarse, patches: Sequence[NDArray[np.uint8]], boxes: Sequence[Box]
    ) -> dict[str, NDArray[Any]]:
        """What `refine` feeds the refiner, by name."""
        return self._feeds(coarse, self._there(coarse, boxes), patches, boxes)

    def _there(self, coarse: Coarse, boxes: Sequence[Box]) -> list[Map]:
        return [sample_box(coarse.values, box, self.patch) for box in boxes]

    def _feeds(
        self, coarse: Coarse, there: list[Map], patches: Sequence[NDArray[np.uint8]], boxes: Sequence[Box]
    ) -> dict[str, NDArray[Any]]:
        contract = self.entry.graph.input
        feeds = {
            contract.tensor.name: to_batch(patches, contract),
            self.entry.relative.name: fed([one[None] - coarse.origin for one in there], self.entry.relative),
        }
        for values, spec in zip(coarse.features, self.entry.features, strict=True):
            cells = spec.shape[2:4] if spec.layout == "NCHW" else spec.shape[1:3]
            feeds[spec.name] = fed([sample_box(values, box, (cells[0], cells[1])) for box in boxes], spec)
        return feeds


def fed(maps: list[Map], spec: TensorSpec) -> NDArray[Any]:
    """(C, H, W) maps as the graph's batch; the last is repeated where the graph takes more."""
    batch = np.stack([*maps, *maps[-1:] * (spec.shape[0] - len(maps))])
    return batch if spec.layout == "NCHW" else batch.transpose(0, 2, 3, 1)


def open_pair(
    path: Path, *, file_format: str | None = None, precision: str | None = None, threads: int = 1
) -> RefinePair:
    """Open an artifact's refiner and the coarse file that it belongs to; of several that fit, the first.

    Args:
        path: the folder, or a coarse file of it.
        file_format, precision: of the refiner.
        threads: of both.

    Raises:
        InputError: not an artifact, or a damaged one.
        UsageError: it has no refiner, or none that fits what was asked.
        OperatorError: the runtime lacks an operator.
    """
    artifact = open_artifact(path)
    held = artifact.manifest.refiners if artifact.manifest else ()
    if artifact.manifest is None or not held:
        raise UsageError(
            f"{path} has no refiner.",
            "Its graphs take whole pictures only.",
            "Export one: edgedepth export prv2-nano; or run without --tiles.",
        )
    choose(artifact)  # refuses a refiner by itself
    for entry in held:
        coarse = next((file for file in artifact.files if file.path == entry.coarse), None)
        fits = file_format in (None, entry.graph.format) and precision in (None, entry.graph.precision)
        if coarse is not None and fits:
            sessions = [Session(artifact.path(file), file, threads) for file in (coarse, entry.graph)]
            return RefinePair(sessions[0], sessions[1], entry, artifact.manifest.source)
    raise UsageError(
        f"{path} has no {' '.join(filter(None, (file_format, precision)))} refiner.",
        f"This artifact has {', '.join(one.graph.path for one in held)}.",
        "Name one of these formats and precisions.",
    )
