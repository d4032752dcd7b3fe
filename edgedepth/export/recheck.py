"""Checking an artifact on disk against the reference outputs that it carries; needs no PyTorch model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgedepth.artifact.manifest import FileEntry, Manifest, Parity, RefinerEntry
from edgedepth.artifact.reading import Artifact, open_artifact, verify_hashes
from edgedepth.errors import InputError
from edgedepth.export.references import ReferencePicture
from edgedepth.export.refiner.checking import check_pair, check_refiner, stored
from edgedepth.export.verify import compare, feed, network_outputs, rejection, rounding
from edgedepth.runtime.session import Session

_DISPARITY = ("min_disparity", "disparity_range")


@dataclass(frozen=True)
class Rechecked:
    """A file and its parity with the stored references, by reference.

    Attributes:
        behind: of a refiner, the coarse file that it was run behind; None for a file alone.
    """

    path: str
    parity: dict[str, Parity]
    behind: str | None = None


def recheck(path: Path) -> list[Rechecked]:
    """Verify hashes, run every file on this machine and compare.

    Raises:
        InputError: not an artifact folder, or a file of it has changed.
        GateError: a file no longer computes what the PyTorch model did.
    """
    artifact = open_artifact(path)
    if artifact.manifest is None:
        raise InputError(f"{path} is a lone file.", "Its references are in the exported folder.", "Name the folder.")
    verify_hashes(artifact)
    results = []
    for entry in artifact.files:
        file = artifact.path(entry)
        session = Session(file, entry, threads=1)
        parities, allowed = {}, {}
        for reference in artifact.manifest.references:
            if reference.size != entry.size:
                continue
            with np.load(artifact.folder / reference.path) as arrays:
                picture = ReferencePicture(reference.name, reference.description, arrays["input"])
                expected = arrays["output"]
            constants = _constants(entry)
            maps = network_outputs(session.run(feed(picture, entry)), entry.output, constants)
            parities[reference.name] = compare(maps[0], expected, constants)
            allowed[reference.name] = rounding(entry.output, expected, constants)
        error = rejection(file, parities, entry.precision, "", allowed)
        if error:
            raise error
        results.append(Rechecked(entry.path, parities))
    for refiner in artifact.manifest.refiners:
        results += _recheck_refiner(artifact, artifact.manifest, refiner)
    return results


def _recheck_refiner(artifact: Artifact, manifest: Manifest, refiner: RefinerEntry) -> list[Rechecked]:
    """Alone, and behind its coarse file."""
    coarse = next(entry for entry in manifest.files if entry.path == refiner.coarse)
    patches = []
    for reference in manifest.references:
        if reference.size == coarse.size:
            with np.load(artifact.folder / reference.path) as arrays:
                picture = ReferencePicture(reference.name, reference.description, arrays["input"])
                patches.append(stored(picture, arrays, refiner))
    alone, first = check_refiner(artifact.path(refiner.graph), refiner, patches)
    pair, second = check_pair(artifact.folder, coarse, refiner, manifest.source, patches)
    error = first or second
    if error:
        raise error
    return [Rechecked(refiner.graph.path, alone.parity), Rechecked(refiner.graph.path, pair, refiner.coarse)]


def _constants(entry: FileEntry) -> dict[str, float]:
    """The depth formula's numbers, from the output's range where the graph decodes depth; none of metric networks."""
    if entry.output.meaning == "metric-depth":
        return {}
    if all(name in entry.output.constants for name in _DISPARITY):
        return entry.output.constants
    nearest, farthest = entry.output.value_range
    return {"min_disparity": 1 / farthest, "disparity_range": 1 / nearest - 1 / farthest}
