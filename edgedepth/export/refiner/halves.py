"""Both graphs of a pair, lowered for a file format: their interfaces, their conversion, their files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgedepth.artifact.manifest import (
    SCHEMA_VERSION,
    Essentials,
    FileEntry,
    InputContract,
    Lowering,
    OutputContract,
    RefinerEntry,
    TensorSpec,
)
from edgedepth.export import onnx as onnx_writer
from edgedepth.export import tflite as tflite_writer
from edgedepth.export.interface import input_contract, output_contract
from edgedepth.export.lowered import lower_with_record
from edgedepth.export.lowering import Target
from edgedepth.export.refiner.graphs import (
    Deployed,
    correction_contract,
    given_features,
    graphs,
    taken_features,
    view_spec,
)
from edgedepth.export.refiner.kinds import PairKind
from edgedepth.export.request import ExportRequest
from edgedepth.export.source import Network
from edgedepth.export.windows import Window
from edgedepth.export.writing import Converted, write_graph
from edgedepth.models import ModelCard
from edgedepth.models.counting import Counts
from edgedepth.models.patchrefiner.nano import PUBLISHED_GRID


@dataclass(frozen=True)
class Half:
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

    def convert(self) -> Any:
        """To the file format, float32."""
        layout = self.inputs[0].layout
        module = Deployed(self.lowered, layout).eval()
        samples = [torch.zeros(spec.shape) for spec in self.inputs]
        if self.file_format == "onnx":
            return onnx_writer.to_onnx(module, samples, self.inputs, self.outputs, self.opset)
        return tflite_writer.finish(tflite_writer.to_tflite(module, samples), self.inputs, self.outputs)

    def write(self, content: Any, precision: str, network: Network, folder: Path) -> FileEntry:
        """One file of that precision, of a float graph for fp32 and fp16, else of one that is quantized already."""
        name = network.card.name
        essentials = Essentials(SCHEMA_VERSION, name, network.source, precision, self.input, self.output, self.applied)
        graph = Converted(self.file_format, self.size, content)
        return write_graph(graph, f"{name}-{self.role}", essentials, self.opset, folder)


def halves(
    kind: PairKind,
    own_card: ModelCard,
    request: ExportRequest,
    file_format: str,
    size: tuple[int, int],
    windows: dict[str, Window],
    record: dict[str, str],
) -> tuple[Half, Half]:
    """The coarse graph and the refiner's, lowered for a file format.

    Args:
        kind: of the pair.
        own_card: of the pair.
        request: its batch is of patches; the coarse graph takes one picture.
        file_format: of both.
        size: (height, width) of either input.
        windows: of the coarse model's samplers, by name.
        record: what these were chosen on.
    """
    target: Target = "onnx" if file_format == "onnx" else "tflite"
    coarse, refine = graphs(kind)
    single = replace(request, batch=1)
    picture, patch = (
        input_contract(kind.coarse, file_format, single, size),
        input_contract(own_card, file_format, request, size),
    )
    own = output_contract(kind.coarse, file_format, single, size)
    correction = correction_contract(kind, file_format, request, size)
    inside = {f"branch.network.{name}": window for name, window in windows.items()}
    return (
        Half(
            "coarse",
            *lower_with_record(coarse, target, inside, record),
            (picture.tensor,),
            (own.tensor, *given_features(kind, file_format, single, size)),
            picture,
            own,
            file_format,
            size,
            request.opset,
        ),
        Half(
            "refine",
            *lower_with_record(refine, target, {}, record),
            (
                patch.tensor,
                view_spec(kind, file_format, request, size),
                *taken_features(kind, file_format, request, size),
            ),
            (correction.tensor,),
            patch,
            correction,
            file_format,
            size,
            request.opset,
        ),
    )


def refiner_entry(
    kind: PairKind,
    request: ExportRequest,
    file_format: str,
    size: tuple[int, int],
    counted: Counts,
    activations: int,
    coarse: str,
    refiner: FileEntry,
) -> RefinerEntry:
    """What the manifest says of a refiner's file behind a coarse one; the pair is not checked yet."""
    return RefinerEntry(
        graph=refiner,
        coarse=coarse,
        grid=(PUBLISHED_GRID, PUBLISHED_GRID),
        relative=view_spec(kind, file_format, request, size),
        view=kind.view,
        features=taken_features(kind, file_format, request, size),
        given=given_features(kind, file_format, replace(request, batch=1), size),
        parameters=counted.parameters,
        macs=counted.macs,
        pair={},
        activations=activations,
    )
