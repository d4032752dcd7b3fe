"""One large picture through a pair of graphs, within a memory budget, to a picture of its depth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import UsageError
from edgedepth.memory import peak_memory, resident_memory
from edgedepth.runtime.colour import beside, colourize, robust_range
from edgedepth.runtime.pictures import read_picture
from edgedepth.runtime.refine.pair import Coarse, RefinePair
from edgedepth.runtime.refine.picture import bands, grid_of
from edgedepth.runtime.refine.progress import DonePatches
from edgedepth.runtime.refine.tiles import Tiling
from edgedepth.runtime.tiling import Grid, Tile, cut, patches_at_once
from edgedepth.runtime.writing import png_bytes, require_other, require_writable, whole_file, write_whole

Map = NDArray[np.float32]
PER_ACTIVATION = 4.3
"""Floats that a runtime takes for each that the refiner holds at once. ONNX Runtime was seen to take 4.0 (384x512,
prv2-nano in float32) and 3.0 to 3.6 (prv2-m, -e and -c), LiteRT less."""
OF_PHONE_SIZE = 56
"""Floats per pixel that prv2-nano holds at once: what to expect where a manifest does not say."""
BAND = 256
"""Rows that are coloured at a time."""
SUFFIXES = (".png", ".npy")


@dataclass(frozen=True)
class RefineWanted:
    """What the user asked for.

    Attributes:
        output: a .png or .npy.
        tiling: where patches lie.
        memory: bytes that the whole process may take.
        npy: also write the values as float32.
        side_by_side: put the picture left of its colours.
    """

    output: Path
    tiling: Tiling
    memory: int
    npy: bool = False
    side_by_side: bool = False

    def targets(self) -> tuple[Path | None, Path | None]:
        """Where the picture and where the values go."""
        if self.output.suffix.lower() == ".npy":
            return None, self.output
        return self.output, self.output.with_suffix(".npy") if self.npy else None


@dataclass(frozen=True)
class Refined:
    """What a run did.

    Attributes:
        size: (height, width) of the picture.
        patches, resumed: in all, and of these taken over from an interrupted run.
        seconds_coarse, seconds_patches, seconds_rest: of the coarse graph; of the refiner, sampling included; of all
            else from reading the picture to writing.
        peak_bytes: most memory that the process held.
        outputs: the files.
    """

    size: tuple[int, int]
    patches: int
    resumed: int
    seconds_coarse: float
    seconds_patches: float
    seconds_rest: float
    peak_bytes: int
    outputs: tuple[Path, ...]


def check_wanted(source: Path, wanted: RefineWanted) -> None:
    """Refuse what cannot work before a graph is opened.

    Raises:
        UsageError: the source is no single file, or the output does not fit.
        OutputError: the output cannot be written.
    """
    if source.is_dir():
        raise UsageError(f"{source} is a folder.", "Refining takes one picture at a time.", "Name a picture.")
    require_other(wanted.output, source)
    require_writable(wanted.output)
    suffix = wanted.output.suffix.lower()
    if wanted.output.is_dir() or suffix not in SUFFIXES or (suffix == ".npy" and wanted.side_by_side):
        raise UsageError(
            f"A refined picture cannot be written to {wanted.output.name}.",
            f"Its output is one file that ends in {' or '.join(SUFFIXES)}; --side-by-side needs a .png.",
            f"For example -o {wanted.output.with_suffix('.png')}",
        )


def refine_picture(
    pair: RefinePair,
    source: Path,
    wanted: RefineWanted,
    on_patch: Callable[[int, int], None] = lambda _done, _all: None,
) -> Refined:
    """Refine one picture of any size and write its depth.

    What is done is kept beside the output until all is; run again, an interrupted picture goes on.

    Args:
        pair: the graphs.
        source: the picture's file.
        wanted: what to write.
        on_patch: told after each patch how many of how many are done.

    Raises:
        InputError: the picture cannot be read.
        UsageError: it is too small to be cut, or the budget too small for one patch.
        OutputError: something cannot be written.
    """
    check_wanted(source, wanted)
    start = perf_counter()
    picture = read_picture(source)
    size = (picture.shape[0], picture.shape[1])
    grid = grid_of(pair, picture)
    before_coarse = perf_counter()
    coarse = pair.coarse(picture)
    after_coarse = perf_counter()
    _require_memory(pair, grid, wanted)
    done = DonePatches(wanted.output, _identity(pair, picture, wanted.tiling), pair.patch)
    work = _Work(pair, picture, grid, coarse, done, wanted.tiling, on_patch)
    values = np.empty(size, np.float32)
    filled = 0
    for band in work.bands():
        values[filled : filled + len(band)] = band
        filled += len(band)
    outputs = _write(values, picture, wanted)
    done.remove()
    total = perf_counter() - start
    seconds_coarse = after_coarse - before_coarse
    return Refined(
        size,
        work.count,
        work.resumed,
        seconds_coarse,
        work.seconds,
        total - seconds_coarse - work.seconds,
        peak_memory(),
        outputs,
    )


class _Work:
    """A picture's patches: predicted, or taken over from an interrupted run."""

    def __init__(
        self,
        pair: RefinePair,
        picture: NDArray[np.uint8],
        grid: Grid,
        coarse: Coarse,
        done: DonePatches,
        tiling: Tiling,
        on_patch: Callable[[int, int], None],
    ) -> None:
        self._pair, self._picture, self._grid, self._coarse, self._done = pair, picture, grid, coarse, done
        self._tiling, self._on_patch = tiling, on_patch
        self.count = len(grid.tiles(tiling.passes)) + len(tiling.random_tiles(grid))
        self.finished = self.resumed = 0
        self.seconds = 0.0

    def bands(self) -> Iterator[Map]:
        """Rows of the refined depth at the picture's size, from top to bottom."""
        return bands(self._grid, self._tiling, self._predict, self._pair.batch)

    def _predict(self, tiles: Sequence[Tile]) -> list[Map]:
        first = self.finished
        held = [self._done.read(first + i) for i in range(len(tiles))]
        missing = [i for i, values in enumerate(held) if values is None]
        if missing:
            start = perf_counter()
            patches = [cut(self._picture, tiles[i]) for i in missing]
            found = self._pair.refine(self._coarse, patches, [self._grid.fractions(tiles[i]) for i in missing])
            self.seconds += perf_counter() - start
            for i, values in zip(missing, found, strict=True):
                held[i] = values
                self._done.write(first + i, values)
        self.resumed += len(tiles) - len(missing)
        self.finished += len(tiles)
        self._on_patch(self.finished, self.count)
        return [values for values in held if values is not None]


def _require_memory(pair: RefinePair, grid: Grid, wanted: RefineWanted) -> None:
    """Refuse a budget that does not hold the process as it is or was, the result, and one run of the refiner."""
    height, width = grid.extended
    result = height * width * (4 + 3 * (3 if wanted.side_by_side else 2))
    canvas = 20 * (grid.cut[0] * width if wanted.tiling.random else grid.patch[0] * grid.canvas[1])
    canvas += 8 * grid.canvas[0] * grid.canvas[1] if wanted.tiling.random else 0
    held_at_once = pair.entry.activations or OF_PHONE_SIZE * grid.patch[0] * grid.patch[1]
    patches = int(4 * PER_ACTIVATION * held_at_once) * pair.batch
    held = max(resident_memory() + result + canvas, peak_memory() - patches)
    patches_at_once(wanted.memory, held, patches)


def _identity(pair: RefinePair, picture: NDArray[np.uint8], tiling: Tiling) -> bytes:
    """What the predictions of a picture's patches depend on."""
    graphs = pair.coarse_session.entry.sha256 + pair.entry.graph.sha256
    pixels = hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest()
    return repr((picture.shape, pixels, graphs, tiling.name)).encode()


def _write(values: Map, picture: NDArray[np.uint8], wanted: RefineWanted) -> tuple[Path, ...]:
    png, npy = wanted.targets()
    if png is not None:
        coloured = _coloured(values)
        write_whole(png, png_bytes(beside(picture, coloured) if wanted.side_by_side else coloured))
    if npy is not None:
        with whole_file(npy) as passing, passing.open("wb") as file:
            np.save(file, values, allow_pickle=False)
    return tuple(path for path in (png, npy) if path is not None)


def _coloured(values: Map) -> NDArray[np.uint8]:
    """As `colourize` of closeness, a band at a time."""
    limits = robust_range(_closeness(values[:: -(-len(values) // BAND)]))
    picture = np.empty((*values.shape, 3), np.uint8)
    for top in range(0, len(values), BAND):
        picture[top : top + BAND] = colourize(_closeness(values[top : top + BAND]), limits)
    return picture


def _closeness(depth: Map) -> Map:
    """Its reciprocal; where depth was corrected to nothing there is nothing to show."""
    with np.errstate(divide="ignore"):
        return np.float32(1) / depth
