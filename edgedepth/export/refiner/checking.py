"""Holding a pair's files against the PyTorch model: each alone, and both together as they are run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from edgedepth.artifact.manifest import FileEntry, Parity, RefinerEntry, Source
from edgedepth.errors import GateError, InputError
from edgedepth.export.checking import Expectation
from edgedepth.export.formats import QUANTIZED
from edgedepth.export.references import ReferencePicture
from edgedepth.export.refiner.graphs import CORRECTION, feature_names
from edgedepth.export.refiner.kinds import PairKind
from edgedepth.export.verify import Map, compare, feed, rejection
from edgedepth.runtime.refine.correction import correction_of
from edgedepth.runtime.refine.pair import Box, RefinePair, fed
from edgedepth.runtime.session import Session

BOX = (0.375, 0.375, 0.625, 0.625)
"""Where the reference patch is said to lie: between the cells of the grid, so that sampling matters."""

FLOOR = 1e-3
"""Of the largest reference depth: what is less is compared as that, since a share of nothing says nothing."""


@dataclass(frozen=True)
class Patch:
    """A reference picture that is its own patch at `BOX`.

    Attributes:
        picture: the reference.
        given: what the PyTorch model gives its refiner there, (1, C, h, w) by the name of the graph's input.
        correction, depth: (H, W), what it gives.
        box: where it is said to lie.
    """

    picture: ReferencePicture
    given: Mapping[str, NDArray[np.float32]]
    correction: Map
    depth: Map
    box: Box = BOX

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """As they are stored beside the picture."""
        return {"box": np.asarray(self.box, np.float32), CORRECTION: self.correction, "refined": self.depth} | dict(
            self.given
        )


def stored(picture: ReferencePicture, arrays: Mapping[str, NDArray[np.float32]], entry: RefinerEntry) -> Patch:
    """A patch from what `Patch.arrays` gave.

    Raises:
        InputError: an array is missing.
    """
    try:
        left, top, right, bottom = (float(edge) for edge in arrays["box"])
        given = {spec.name: arrays[spec.name] for spec in (entry.relative, *entry.features)}
        return Patch(picture, given, arrays[CORRECTION], arrays["refined"], (left, top, right, bottom))
    except KeyError as error:
        raise InputError(
            f"Reference {picture.name} says nothing of the refiner.",
            f"It was written by an earlier edgedepth: {error.args[0]}.",
            "Export the model again.",
        ) from error


def patches(kind: PairKind, expected: list[Expectation]) -> list[Patch]:
    """Run the PyTorch model on every reference."""
    boxes = torch.tensor([BOX], dtype=torch.float64)
    found = []
    with torch.no_grad():
        for item in expected:
            there = kind.at(item.picture.tensor(), boxes)
            tensors = zip((kind.view_name, *feature_names(kind)), (there.view, *there.features), strict=True)
            given = {name: values.numpy() for name, values in tensors}
            found.append(Patch(item.picture, given, there.correction[0, 0].numpy(), there.refined[0, 0].numpy()))
    return found


def check_refiner(path: Path, entry: RefinerEntry, expected: list[Patch]) -> tuple[FileEntry, GateError | None]:
    """The refiner's file alone, fed what the PyTorch model has; the depth that its view is corrected to is compared.

    Of relative log depth that is depth in units of the picture's mean.

    Returns:
        The file's entry with its parity, and the error if the gate is missed.
    """
    session = Session(path, entry.graph)
    correction = correction_of(entry)
    parities = {}
    for patch in expected:
        feeds = {entry.graph.input.tensor.name: feed(patch.picture, entry.graph)}
        feeds |= {spec.name: fed([patch.given[spec.name][0]], spec) for spec in (entry.relative, *entry.features)}
        (found,) = session.run_named(feeds, [entry.graph.output.tensor])
        view = patch.given[entry.relative.name][0, 0]
        depths = (correction.depth(view + one) for one in (found[0, 0], patch.correction))
        parities[patch.picture.name] = _compared(*depths)
    checked = replace(entry.graph, parity=parities)
    return checked, _rejection(path, parities, entry.graph.precision)


def check_pair(
    folder: Path, coarse: FileEntry, entry: RefinerEntry, source: Source, expected: list[Patch]
) -> tuple[dict[str, Parity], GateError | None]:
    """Both files with the runtime between them; the refined depth is compared.

    Returns:
        Parity by reference, and the error if the gate is missed.
    """
    sessions = [Session(folder / file.path, file) for file in (coarse, entry.graph)]
    pair = RefinePair(sessions[0], sessions[1], entry, source)
    parities = {}
    for patch in expected:
        (found,) = pair.refine(pair.coarse(patch.picture.pixels), [patch.picture.pixels], [patch.box])
        parities[patch.picture.name] = _compared(found, patch.depth)
    return parities, _rejection(folder / entry.graph.path, parities, entry.graph.precision)


def _compared(found: Map, expected: Map) -> Parity:
    """Figures of depth, which a refiner may correct to nothing."""
    floor = np.float32(FLOOR) * expected.max()
    return compare(np.maximum(found, floor), np.maximum(expected, floor), {})


def _rejection(path: Path, parities: dict[str, Parity], precision: str) -> GateError | None:
    """As `rejection`; integers are not judged by noise, of which trained depth is nearly flat: it is stated only."""
    judged = {name: one for name, one in parities.items() if precision not in QUANTIZED or name != "noise"}
    return rejection(path, judged, precision, "")
