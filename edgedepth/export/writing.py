"""Converting a lowered network to a format and writing it with what it says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgedepth.artifact import embed
from edgedepth.artifact.folder import sha256
from edgedepth.artifact.manifest import SCHEMA_VERSION, Essentials, FileEntry, Lowering
from edgedepth.artifact.operators import operator_histogram
from edgedepth.export import onnx as onnx_writer
from edgedepth.export import onnx_ends, tflite_ends
from edgedepth.export import tflite as tflite_writer
from edgedepth.export.interface import Deployed, disparity_constants, input_contract, output_contract
from edgedepth.export.request import ExportRequest
from edgedepth.export.source import Network


@dataclass(frozen=True)
class Converted:
    """A graph in a file format, float32 with float input and output, before precision, integer ends and metadata."""

    file_format: str
    size: tuple[int, int]
    content: Any


def convert(
    lowered: nn.Module, network: Network, request: ExportRequest, file_format: str, size: tuple[int, int]
) -> Converted:
    """Put the network behind the file's interface, but for integers at its ends, and convert it."""
    spec_in = input_contract(network.card, file_format, request, size).tensor
    spec_out = output_contract(network.card, file_format, request, size).tensor
    decode = disparity_constants(network.card) if request.output == "depth" else {}
    module = Deployed(lowered, spec_in.layout, decode=decode).eval()
    sample = torch.zeros(spec_in.shape)
    content: Any
    if file_format == "onnx":
        content = onnx_writer.to_onnx(module, [sample], [spec_in], [spec_out], request.opset)
    else:
        content = tflite_writer.finish(tflite_writer.to_tflite(module, [sample]), [spec_in], [spec_out])
    return Converted(file_format, size, content)


def write(
    converted: Converted,
    precision: str,
    network: Network,
    request: ExportRequest,
    applied: tuple[Lowering, ...],
    folder: Path,
) -> FileEntry:
    """Write one file of that precision into `folder`, its essentials inside.

    Args:
        converted: the graph: float32 for fp32 and fp16, else quantized already; float input and output.
        precision: what it is called.
        network, request, applied: what it is.
        folder: where it goes.
    """
    card, size = network.card, converted.size
    essentials = Essentials(
        schema_version=SCHEMA_VERSION,
        model=card.name,
        source=network.source,
        precision=precision,
        input=input_contract(card, converted.file_format, request, size),
        output=output_contract(card, converted.file_format, request, size),
        lowering=applied,
    )
    return write_graph(converted, card.name, essentials, request.opset, folder)


def write_graph(converted: Converted, stem: str, essentials: Essentials, opset: int, folder: Path) -> FileEntry:
    """Write a file called after `stem`, size and precision, its essentials inside; opset is of an ONNX file."""
    size, file_format, precision = converted.size, converted.file_format, essentials.precision
    path = folder / f"{stem}-{size[0]}x{size[1]}-{precision}.{file_format}"
    half = precision == "fp16"
    if file_format == "onnx":
        twin = onnx_writer.copy if not half else onnx_writer.store_weights_as_fp16
        model = twin(converted.content)
        onnx_ends.set_types(model, essentials.input.tensor, essentials.output.tensor)
        embed.embed_onnx(model, essentials)
        onnx_writer.write(model, path)
    else:
        raw = tflite_writer.store_weights_as_fp16(converted.content) if half else converted.content
        raw = tflite_ends.with_types(raw, essentials.input.tensor, essentials.output.tensor)
        path.write_bytes(embed.embed_tflite(raw, essentials))
    return FileEntry(
        path=path.name,
        format="onnx" if file_format == "onnx" else "tflite",
        precision=precision,
        size=size,
        sha256=sha256(path),
        bytes=path.stat().st_size,
        input=essentials.input,
        output=essentials.output,
        operators=operator_histogram(path),
        lowering=essentials.lowering,
        parity={},
        opset=opset if file_format == "onnx" else None,
    )
