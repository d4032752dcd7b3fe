"""The exported graph's interface: what goes in, what comes out, and the contracts that say so."""

from __future__ import annotations

import torch
from torch import nn

from edgedepth.artifact.manifest import BYTES, InputContract, OutputContract, TensorQuantization, TensorSpec
from edgedepth.export.formats import FORMATS
from edgedepth.export.request import ExportRequest
from edgedepth.models import ModelCard

INPUT_NAME = "image"
STEP = 1 / 255
"""Of a picture's byte, and of the integers that stand for disparity from 0 to 1."""


def layout_of(file_format: str, request: ExportRequest) -> str:
    """NCHW or NHWC, by the table of formats."""
    return FORMATS[file_format].layouts[request.input != "float"]


def gives_depth(model: ModelCard, request: ExportRequest) -> bool:
    """Whether the file's output is depth: decoded in the graph, or a metric network's own output, asked for or not."""
    return request.output == "depth" or model.output.meaning == "metric-depth"


def disparity_constants(model: ModelCard) -> dict[str, float]:
    """The numbers of ``depth = 1 / (min_disparity + disparity_range * output)``; none where the network gives depth."""
    if model.output.meaning == "metric-depth":
        return {}
    return dict(zip(("min_disparity", "disparity_range"), model.output.disparity, strict=True))


class Deployed(nn.Module):
    """A network behind the interface of a file.

    Args:
        network: (B, 3, H, W) float RGB in 0..1 -> (B, 1, H, W).
        layout: of input and output.
        decode: constants of the depth formula, to give depth; without any the network's own output is given.
    """

    def __init__(self, network: nn.Module, layout: str, *, decode: dict[str, float]) -> None:
        super().__init__()
        self.network, self.layout, self.decode = network, layout, decode

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Run the network on the graph's own input, floats in 0..1."""
        out: torch.Tensor = self.network(image.permute(0, 3, 1, 2) if self.layout == "NHWC" else image)
        if self.decode:
            out = 1 / (out * self.decode["disparity_range"] + self.decode["min_disparity"])
        return out.permute(0, 2, 3, 1) if self.layout == "NHWC" else out


def _shape(layout: str, batch: int, channels: int, size: tuple[int, int]) -> tuple[int, ...]:
    return (batch, channels, *size) if layout == "NCHW" else (batch, *size, channels)


def integers_of(dtype: str) -> TensorQuantization:
    """How an integer type covers 0 to 1: from its least value to its greatest."""
    return TensorQuantization(STEP, BYTES[dtype][0])


def quantization_of(tensor: TensorSpec) -> TensorQuantization | None:
    """What a tensor's integers stand for inside the graph: a picture's bytes, which have no scale, for 0 to 1."""
    return tensor.quantization or (integers_of(tensor.dtype) if tensor.dtype in BYTES else None)


def input_contract(model: ModelCard, file_format: str, request: ExportRequest, size: tuple[int, int]) -> InputContract:
    """What a file of this format takes."""
    layout = layout_of(file_format, request)
    as_bytes = request.input == "uint8"
    spec = model.input
    inside = f"(x - {list(spec.mean)}) / {list(spec.std)} per channel, x in 0..1"
    first = {"float": "", "uint8": "x = byte / 255, then ", "int8": "x = (integer + 128) / 255, then "}
    return InputContract(
        tensor=TensorSpec(
            INPUT_NAME,
            _shape(layout, request.batch, 3, size),
            "NCHW" if layout == "NCHW" else "NHWC",
            "float32" if request.input == "float" else request.input,
            integers_of("int8") if request.input == "int8" else None,
        ),
        color="RGB",
        value_range=(0.0, 255.0) if as_bytes else (0.0, 1.0),
        resize="lanczos",
        normalization=first[request.input] + inside + "; inside the graph",
    )


def output_contract(
    model: ModelCard, file_format: str, request: ExportRequest, size: tuple[int, int]
) -> OutputContract:
    """What a file of this format gives."""
    layout = layout_of(file_format, request)
    as_depth = gives_depth(model, request)
    is_metric = model.output.meaning == "metric-depth"
    return OutputContract(
        tensor=TensorSpec(
            "depth" if as_depth else "disparity",
            _shape(layout, request.batch, 1, size),
            "NCHW" if layout == "NCHW" else "NHWC",
            "float32" if request.output_type == "float" else request.output_type,
            None if request.output_type == "float" else integers_of(request.output_type),
        ),
        meaning="depth" if as_depth and not is_metric else model.output.meaning,
        decode="depth = output" if as_depth else "depth = 1 / (min_disparity + disparity_range * output)",
        constants={} if as_depth else disparity_constants(model),
        metric=model.output.metric,
        value_range=(model.output.min_depth, model.output.max_depth) if as_depth else (0.0, 1.0),
    )
