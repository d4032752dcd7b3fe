"""One size of a coarse model and its refiner as verified pairs of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from msgspec.structs import replace as replaced
from torch import nn

from edgedepth.artifact.manifest import (
    SCHEMA_VERSION,
    Essentials,
    FileEntry,
    InputContract,
    Lowering,
    OutputContract,
    Reference,
    RefinerEntry,
    TensorSpec,
)
from edgedepth.errors import GateError
from edgedepth.export import checking
from edgedepth.export import onnx as onnx_writer
from edgedepth.export import tflite as tflite_writer
from edgedepth.export.interface import disparity_constants, input_contract, output_contract
from edgedepth.export.lowered import lower_with_record
from edgedepth.export.lowering import Target
from edgedepth.export.references import calibration
from edgedepth.export.refiner import checking as pair_checking
from edgedepth.export.refiner.graphs import (
    Deployed,
    correction_contract,
    given_features,
    graphs,
    patch_contract,
    relative_spec,
    taken_features,
)
from edgedepth.export.request import ExportRequest
from edgedepth.export.source import Network
from edgedepth.export.verify import require_varied
from edgedepth.export.windows import Window, choose_windows
from edgedepth.export.writing import Converted, write_graph
from edgedepth.models import ModelCard, card
from edgedepth.models.counting import count
from edgedepth.models.patchrefiner.nano import PUBLISHED_GRID, NanoPatchRefiner

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
        network: a `NanoPatchRefiner`.
        size: (height, width) of a patch, and of the whole picture for the coarse graph.
        folder: where files go.
        stage: runs and times every step.
    """
    model = network.module
    if not isinstance(model, NanoPatchRefiner):
        raise TypeError(f"{network.card.name} is no pair")
    label = f"{size[0]}x{size[1]}"
    flex = model.coarse_branch.network
    expected = stage(f"{label}: run the PyTorch model", lambda: checking.expectations(flex, size, 1, request.reference))
    patches = stage(f"{label}: run the PyTorch refiner", lambda: pair_checking.patches(model, expected))
    coarse_card = card(model.config.coarse)
    if request.check:
        for item in expected:
            require_varied(item.outputs[0], disparity_constants(coarse_card))
    counted = count(model, size)
    made = MadePairs(references=checking.store(expected, size, folder))
    pictures = calibration(size, request.calibration)
    inputs = [p.tensor() for p in (*pictures.pictures, *(item.picture for item in expected))]
    windows = stage(f"{label}: choose sampling windows", lambda: choose_windows(flex, inputs))
    record = {"pictures": f"{pictures.description} and the reference pictures", "sha256": pictures.sha256}
    for file_format in request.formats:
        halves = _halves(model, coarse_card, network.card, request, file_format, size, windows, record)
        graphs_ = [stage(f"{label} {file_format}: convert {half.role}", half.convert) for half in halves]
        for precision in request.precisions:
            name = f"{label} {file_format} {precision}"
            coarse, refine = (
                half.write(graph, precision, network, folder) for half, graph in zip(halves, graphs_, strict=True)
            )
            entry = RefinerEntry(
                graph=refine,
                coarse=coarse.path,
                grid=(PUBLISHED_GRID, PUBLISHED_GRID),
                relative=relative_spec(file_format, request, size),
                features=taken_features(model, file_format, request, size),
                given=given_features(model, file_format, replace(request, batch=1), size),
                parameters=counted.parameters,
                macs=counted.macs,
                pair={},
            )
            if request.check:
                verify = partial(_verify, made, halves[0], coarse, entry, network, folder, expected, patches)
                coarse, entry = stage(f"{name}: verify", verify)
            made.files.append(coarse)
            made.refiners.append(entry)
    return made


def takes_picture(network: nn.Module) -> nn.Module:
    """What of a network takes whole pictures: the coarse model of a pair, else all of it."""
    return network.coarse_branch.network if isinstance(network, NanoPatchRefiner) else network


@dataclass(frozen=True)
class _Half:
    """One of the two graphs, ready to be converted."""

    role: str
    lowered: nn.Module
    applied: tuple[Lowering, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    input: InputContract
    output: OutputContract
    file_format: str
    size: tuple[int, int]
    opset: int

    def convert(self) -> Converted:
        """To the file format, float32."""
        layout = self.inputs[0].layout
        module = Deployed(self.lowered, layout).eval()
        samples = [torch.zeros(spec.shape) for spec in self.inputs]
        content: Any
        if self.file_format == "onnx":
            content = onnx_writer.to_onnx(module, samples, self.inputs, self.outputs, self.opset)
        else:
            content = tflite_writer.finish(tflite_writer.to_tflite(module, samples), self.inputs, self.outputs)
        return Converted(self.file_format, self.size, content)

    def write(self, graph: Converted, precision: str, network: Network, folder: Path) -> FileEntry:
        """One file of that precision."""
        name = network.card.name
        essentials = Essentials(SCHEMA_VERSION, name, network.source, precision, self.input, self.output, self.applied)
        return write_graph(graph, f"{name}-{self.role}", essentials, self.opset, folder)


def _halves(
    model: NanoPatchRefiner,
    coarse_card: ModelCard,
    own_card: ModelCard,
    request: ExportRequest,
    file_format: str,
    size: tuple[int, int],
    windows: dict[str, Window],
    record: dict[str, str],
) -> tuple[_Half, _Half]:
    target: Target = "onnx" if file_format == "onnx" else "tflite"
    coarse, refine = graphs(model)
    single = replace(request, batch=1)
    picture, patch = (
        input_contract(coarse_card, file_format, single, size),
        patch_contract(own_card, file_format, request, size),
    )
    disparity = output_contract(coarse_card, file_format, single, size)
    correction = correction_contract(own_card, file_format, request, size)
    return (
        _Half(
            "coarse",
            *lower_with_record(coarse, target, {f"network.{name}": window for name, window in windows.items()}, record),
            (picture.tensor,),
            (disparity.tensor, *given_features(model, file_format, single, size)),
            picture,
            disparity,
            file_format,
            size,
            request.opset,
        ),
        _Half(
            "refine",
            *lower_with_record(refine, target, {}, record),
            (
                patch.tensor,
                relative_spec(file_format, request, size),
                *taken_features(model, file_format, request, size),
            ),
            (correction.tensor,),
            patch,
            correction,
            file_format,
            size,
            request.opset,
        ),
    )


def _verify(
    made: MadePairs,
    half: _Half,
    coarse: FileEntry,
    entry: RefinerEntry,
    network: Network,
    folder: Path,
    expected: Sequence[checking.Expectation],
    patches: list[pair_checking.Patch],
) -> tuple[FileEntry, RefinerEntry]:
    constants = dict(coarse.output.constants)
    checked, first = checking.check(folder / coarse.path, coarse, half.lowered, list(expected), constants)
    graph, second = pair_checking.check_refiner(folder / entry.graph.path, entry, patches)
    parities, third = pair_checking.check_pair(folder, coarse, entry, network.source, patches)
    made.rejections += [error for error in (first, second, third) if error]
    return checked, replaced(entry, graph=graph, pair=parities)
