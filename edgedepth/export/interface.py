"""The exported graph's interface: what goes in, what comes out, and the contracts that say so."""

from __future__ import annotations

import torch
from torch import nn

from edgedepth.artifact.manifest import InputContract, OutputContract, TensorSpec
from edgedepth.export.formats import FORMATS
from edgedepth.export.request import ExportRequest
from edgedepth.models import ModelCard

INPUT_NAME = "image"


def layout_of(file_format: str, request: ExportRequest) -> str:
    """NCHW or NHWC, by the table of formats."""
    return FORMATS[file_format].layouts[request.input == "uint8"]


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
        scale_bytes: whether the graph itself turns bytes into 0..1. (TFLite's input is a quantized tensor of scale
            1/255 instead, which the file's writer adds.)
        decode: constants of the depth formula, to give depth; without any the network's own output is given.
    """

    def __init__(self, network: nn.Module, layout: str, *, scale_bytes: bool, decode: dict[str, float]) -> None:
        super().__init__()
        self.network, self.layout, self.scale_bytes, self.decode = network, layout, scale_bytes, decode

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Run the network on the graph's own input."""
        x = image.float() * (1 / 255) if self.scale_bytes else image
        out: torch.Tensor = self.network(x.permute(0, 3, 1, 2) if self.layout == "NHWC" else x)
        if self.decode:
            out = 1 / (out * self.decode["disparity_range"] + self.decode["min_disparity"])
        return out.permute(0, 2, 3, 1) if self.layout == "NHWC" else out


def _shape(layout: str, batch: int, channels: int, size: tuple[int, int]) -> tuple[int, ...]:
    return (batch, channels, *size) if layout == "NCHW" else (batch, *size, channels)


def input_contract(model: ModelCard, file_format: str, request: ExportRequest, size: tuple[int, int]) -> InputContract:
    """What a file of this format takes."""
    layout = layout_of(file_format, request)
    as_bytes = request.input == "uint8"
    spec = model.input
    inside = f"(x - {list(spec.mean)}) / {list(spec.std)} per channel, x in 0..1"
    return InputContract(
        tensor=TensorSpec(
            INPUT_NAME,
            _shape(layout, request.batch, 3, size),
            "NCHW" if layout == "NCHW" else "NHWC",
            "uint8" if as_bytes else "float32",
        ),
        color="RGB",
        value_range=(0.0, 255.0) if as_bytes else (0.0, 1.0),
        resize="lanczos",
        normalization=("x = byte / 255, then " if as_bytes else "") + inside + "; inside the graph",
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
            "float32",
        ),
        meaning="depth" if as_depth and not is_metric else model.output.meaning,
        decode="depth = output" if as_depth else "depth = 1 / (min_disparity + disparity_range * output)",
        constants={} if as_depth else disparity_constants(model),
        metric=model.output.metric,
        value_range=(model.output.min_depth, model.output.max_depth) if as_depth else (0.0, 1.0),
    )
