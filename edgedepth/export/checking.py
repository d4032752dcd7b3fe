"""The PyTorch model's outputs on the reference pictures, and the check of one file against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgedepth.artifact.folder import sha256
from edgedepth.artifact.manifest import FileEntry, Parity, Reference
from edgedepth.errors import GateError
from edgedepth.export.divergence import first_divergence
from edgedepth.export.references import ReferencePicture, reference_pictures
from edgedepth.export.verify import Map, Rounding, compare, feed, misses, network_outputs, rejection, rounding
from edgedepth.runtime.session import Session


@dataclass(frozen=True)
class Expectation:
    """A reference picture with the PyTorch model's outputs (H, W): upright, then upside down for batches."""

    picture: ReferencePicture
    outputs: tuple[Map, ...]


def expectations(network: nn.Module, size: tuple[int, int], batch: int, own: Path | None) -> list[Expectation]:
    """Run the PyTorch model on the reference pictures."""
    found = []
    for picture in reference_pictures(size, own):
        upright = picture.tensor()
        views = [upright, upright.flip(2)] if batch > 1 else [upright]
        with torch.no_grad():
            outputs = tuple(network(view)[0, 0].numpy() for view in views)
        found.append(Expectation(picture, outputs))
    return found


def store(
    expected: list[Expectation],
    size: tuple[int, int],
    folder: Path,
    more: Mapping[str, Mapping[str, NDArray[np.float32]]] = MappingProxyType({}),
) -> list[Reference]:
    """Write every reference input and output below ``folder/reference``, with equal bytes for equal arrays.

    Args:
        expected: what the PyTorch model gives.
        size: (height, width).
        folder: the artifact's.
        more: further arrays by reference and by name.
    """
    (folder / "reference").mkdir(exist_ok=True)
    stored = []
    for item in expected:
        name = f"reference/{item.picture.name}-{size[0]}x{size[1]}.npz"
        arrays: dict[str, Any] = dict(more.get(item.picture.name, {}))
        np.savez_compressed(folder / name, input=item.picture.pixels, output=item.outputs[0], **arrays)
        stored.append(
            Reference(
                name=item.picture.name,
                path=name,
                size=size,
                sha256=sha256(folder / name),
                description=item.picture.description,
            )
        )
    return stored


def check(
    path: Path, entry: FileEntry, lowered: nn.Module, expected: list[Expectation], constants: dict[str, float]
) -> tuple[FileEntry, GateError | None]:
    """Run a file in its runtime and compare it with the PyTorch model.

    Args:
        path, entry: the file.
        lowered: what was converted, to tell which layer diverges first.
        expected: the PyTorch model's outputs.
        constants: of the depth formula.

    Returns:
        The entry with its parity figures, and the error if the gate is missed.

    Raises:
        GateError: nothing can be compared: flat reference, or values that are not finite.
    """
    session = Session(path, entry, threads=1)
    parities: dict[str, Parity] = {}
    allowed: dict[str, Rounding] = {}
    for item in expected:
        maps = network_outputs(session.run(feed(item.picture, entry)), entry.output, constants)
        views = [item.outputs[i % len(item.outputs)] for i in range(len(maps))]
        figures = [compare(found, view, constants) for found, view in zip(maps, views, strict=True)]
        worst = max(range(len(maps)), key=lambda i: figures[i].max_abs)
        parities[item.picture.name] = figures[worst]
        allowed[item.picture.name] = rounding(entry.output, views[worst], constants)
    first = ""
    if any(misses(p, entry.precision, allowed[name]) for name, p in parities.items()):
        picture = max(expected, key=lambda item: parities[item.picture.name].max_abs).picture
        upright = picture.tensor()
        batch = torch.cat([upright.flip(2) if i % 2 else upright for i in range(session.batch)])
        first = first_divergence(lowered, batch, path, feed(picture, entry))
    return msgspec.structs.replace(entry, parity=parities), rejection(path, parities, entry.precision, first, allowed)
