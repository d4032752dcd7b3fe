"""One size of a coarse model and its refiner as verified pairs of files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec.structs import replace as replaced
from torch import nn

from edgedepth.artifact.manifest import FileEntry, Reference, RefinerEntry
from edgedepth.errors import GateError
from edgedepth.export import checking
from edgedepth.export.formats import QUANTIZED
from edgedepth.export.interface import disparity_constants
from edgedepth.export.references import calibration
from edgedepth.export.refiner import checking as pair_checking
from edgedepth.export.refiner.activations import most_at_once
from edgedepth.export.refiner.halves import Half, halves, refiner_entry
from edgedepth.export.refiner.kinds import is_pair, kind_of
from edgedepth.export.refiner.quantizing import RefinerQuantizer
from edgedepth.export.request import ExportRequest
from edgedepth.export.source import Network
from edgedepth.export.verify import require_varied
from edgedepth.export.windows import Window, choose_windows
from edgedepth.models.counting import count
from edgedepth.models.shared.dysample import DySample
from edgedepth.runtime.session import Session

T = TypeVar("T")


class Stage(Protocol):
    """Tells the progress, does the work and times it."""

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        """The work's result."""
        ...


@dataclass
class MadePairs:
    """What an export of one size made."""

    files: list[FileEntry] = field(default_factory=list)
    refiners: list[RefinerEntry] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    rejections: list[GateError] = field(default_factory=list)


def export_pairs(
    request: ExportRequest, network: Network, size: tuple[int, int], folder: Path, stage: Stage
) -> MadePairs:
    """Export, write and verify all formats and precisions of one size.

    Args:
        request: what was asked; its batch is of patches, the coarse graph takes one picture.
        network: a coarse model with its refiner.
        size: (height, width) of a patch, and of the whole picture for the coarse graph.
        folder: where files go.
        stage: runs and times every step.
    """
    kind = kind_of(network.module)
    label = f"{size[0]}x{size[1]}"
    alone = kind.network
    expected = stage(
        f"{label}: run the PyTorch model", lambda: checking.expectations(alone, size, 1, request.reference)
    )
    patches = stage(f"{label}: run the PyTorch refiner", lambda: pair_checking.patches(kind, expected))
    if request.check:
        for item in expected:
            require_varied(item.outputs[0], disparity_constants(kind.coarse))
    counted = count(kind.refiner(), size)
    arrays = {patch.picture.name: patch.arrays() for patch in patches}
    made = MadePairs(references=checking.store(expected, size, folder, arrays))
    windows: dict[str, Window] = {}
    record: dict[str, str] = {}
    if any(isinstance(module, DySample) for module in alone.modules()):
        pictures = calibration(size, request.calibration)
        inputs = [p.tensor() for p in (*pictures.pictures, *(item.picture for item in expected))]
        windows = stage(f"{label}: choose sampling windows", lambda: choose_windows(alone, inputs))
        record = {"pictures": f"{pictures.description} and the reference pictures", "sha256": pictures.sha256}
    for file_format in request.formats:
        both = halves(kind, network.card, request, file_format, size, windows, record)
        floats = [stage(f"{label} {file_format}: convert {half.role}", half.convert) for half in both]
        held = most_at_once(both[1].lowered, kind.refiner().patch_inputs(size))
        behind = partial(refiner_entry, kind, request, file_format, size, counted, held)
        coarses: dict[str, FileEntry] = {}
        quantizer: RefinerQuantizer | None = None
        for precision in request.precisions:
            name = f"{label} {file_format} {precision}"
            before = "fp32" if precision in QUANTIZED else precision
            if before not in coarses:
                coarse = both[0].write(floats[0], before, network, folder)
                if request.check:
                    check = partial(_check_coarse, made, both[0], coarse, folder, expected)
                    coarse = stage(f"{label} {file_format} {before}: verify coarse", check)
                coarses[before] = coarse
                made.files.append(coarse)
            coarse, content, facts = coarses[before], floats[1], None
            describe = partial(behind, coarse.path)
            if precision in QUANTIZED:
                session = Session(folder / coarse.path, coarse, threads=1)
                begin = partial(RefinerQuantizer, request, both[1], content, session, describe, network)
                quantizer = quantizer or stage(f"{label} {file_format}: calibrate", begin)
                small = stage(f"{name}: quantize", partial(quantizer.make, precision))
                content, facts = small.content, small.facts
                made.rejections += [small.rejection] if small.rejection and request.check else []
            refine = replaced(both[1].write(content, precision, network, folder), quantization=facts)
            entry = describe(refine)
            if request.check:
                verify = partial(_verify, made, coarse, entry, network, folder, patches)
                entry = stage(f"{name}: verify", verify)
            made.refiners.append(entry)
    return made


def takes_picture(network: nn.Module) -> nn.Module:
    """What of a network takes whole pictures: the coarse model of a pair, else all of it."""
    return kind_of(network).network if is_pair(network) else network


def _check_coarse(
    made: MadePairs, half: Half, coarse: FileEntry, folder: Path, expected: list[checking.Expectation]
) -> FileEntry:
    constants = dict(coarse.output.constants)
    checked, error = checking.check(folder / coarse.path, coarse, half.lowered, expected, constants)
    made.rejections += [error] if error else []
    return checked


def _verify(
    made: MadePairs,
    coarse: FileEntry,
    entry: RefinerEntry,
    network: Network,
    folder: Path,
    patches: list[pair_checking.Patch],
) -> RefinerEntry:
    graph, first = pair_checking.check_refiner(folder / entry.graph.path, entry, patches)
    parities, second = pair_checking.check_pair(folder, coarse, entry, network.source, patches)
    made.rejections += [error for error in (first, second) if error]
    return replaced(entry, graph=graph, pair=parities)
