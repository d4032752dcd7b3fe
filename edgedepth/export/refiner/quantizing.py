"""A refiner with small numbers, calibrated on real tiles and judged by refined depth.

The coarse graph before it stays in float: it runs once for sixteen patches, a fiftieth of the work, and in 8 bits it
would cost most of what a pair loses (half-trained prv2-nano, held-out photos: depth moves by 4.2%; by 1.1% where only
the refiner is in 8 bits).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.manifest import FileEntry, RefinerEntry
from edgedepth.export.calibration import CalibrationSet, calibration_set
from edgedepth.export.quantize.contract import Contract, Map
from edgedepth.export.quantize.feeds import Feed
from edgedepth.export.quantize.making import Quantizer
from edgedepth.export.refiner.halves import Half
from edgedepth.export.request import ExportRequest
from edgedepth.export.source import Network
from edgedepth.models.patchrefiner.nano import PUBLISHED_GRID
from edgedepth.runtime.refine.pair import RefinePair
from edgedepth.runtime.refine.picture import grid_of, refined_depth
from edgedepth.runtime.refine.tiles import Tiling
from edgedepth.runtime.session import Session
from edgedepth.runtime.tiling import cut

MOST_JUDGING = 4
"""Held-out pictures: each is sixteen runs of the refiner."""
FEWEST_PATCHES = 32
"""Runs of the refiner that its ranges come from, whatever the number of pictures."""
_STRIDE = 18
"""Of 49 tiles, where the next patch is taken: it has no factor in common with 49, so that all have their turn."""
_NOISE_SEED = 0
_EACH_ONCE = Tiling("m1")

Describe = Callable[[FileEntry], RefinerEntry]
"""From a refiner's file to what the manifest says of it."""


class RefinerQuantizer(Quantizer):
    """Quantizes a refiner, judged by the depth of whole pictures that it refines in sixteen patches.

    Its inputs are what the runtime samples of the coarse graph, for tiles of pictures as large as all patches side by
    side; noise, treated likewise, joins them.

    Args:
        request: for its calibration pictures and its contract.
        half: the refiner.
        content: its float graph.
        coarse: the graph before it.
        describe: of a refiner's file.
        network: of the weights.
    """

    INSTEAD = "--precision w8"

    def __init__(
        self,
        request: ExportRequest,
        half: Half,
        content: Any,
        coarse: Session,
        describe: Describe,
        network: Network,
    ) -> None:
        self._coarse, self._describe, self._source = coarse, describe, network.source
        height, width = half.size
        pictures = calibration_set(request.calibration, (height * PUBLISHED_GRID, width * PUBLISHED_GRID))

        def write(content: Any, folder: Path) -> FileEntry:
            return half.write(content, "trial", network, folder)

        contract = Contract(request.max_absrel_drop, request.max_d1_drop)
        super().__init__(half.file_format, content, write, _few(pictures), contract)

    def _depths(self, content: Any) -> tuple[list[Map], FileEntry]:
        with tempfile.TemporaryDirectory() as scratch:
            pair = self._pair(content, Path(scratch))
            found = [refined_depth(pair, item.image, _EACH_ONCE).astype(np.float64) for item in self.pictures.held_out]
            return found, pair.entry.graph

    def _batches(self, entry: FileEntry) -> list[Feed]:  # noqa: ARG002 - the pair knows its own inputs
        pictures = self.pictures.calibrating
        noise = np.random.default_rng(_NOISE_SEED).integers(0, 256, pictures[0].shape, dtype=np.uint8)
        each = -(-FEWEST_PATCHES // len(pictures))
        with tempfile.TemporaryDirectory() as scratch:
            pair = self._pair(self.content, Path(scratch))
            found = [feed for i, one in enumerate(pictures) for feed in _tiles(pair, one, i * each, each)]
            return [*found, *_tiles(pair, noise, 0, 1)]

    def _pair(self, content: Any, folder: Path) -> RefinePair:
        entry = self._describe(self.write(content, folder))
        refiner = Session(folder / entry.graph.path, entry.graph, threads=1)
        return RefinePair(self._coarse, refiner, entry, self._source)


def _tiles(pair: RefinePair, picture: NDArray[np.uint8], first: int, count: int) -> list[Feed]:
    """What the refiner takes at `count` tiles of a picture."""
    grid, coarse = grid_of(pair, picture), pair.coarse(picture)
    tiles = grid.tiles("m2")
    chosen = [tiles[(first + i) * _STRIDE % len(tiles)] for i in range(count)]
    return [pair.inputs(coarse, [cut(picture, tile)], [grid.fractions(tile)]) for tile in chosen]


def _few(pictures: CalibrationSet) -> CalibrationSet:
    """With an even spread of at most `MOST_JUDGING` held-out pictures."""
    held = pictures.held_out
    count = min(len(held), MOST_JUDGING)
    return replace(pictures, held_out=tuple(held[(2 * i + 1) * len(held) // (2 * count)] for i in range(count)))
