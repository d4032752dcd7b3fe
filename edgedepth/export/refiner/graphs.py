"""Both graphs of a pair as networks: what goes in, what comes out, and under which names."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import nn

from edgedepth.artifact.manifest import OutputContract, TensorSpec
from edgedepth.export.interface import layout_of
from edgedepth.export.request import ExportRequest
from edgedepth.models import ModelCard
from edgedepth.models.patchrefiner.coarse import FlexCoarse
from edgedepth.models.patchrefiner.nano import COARSE_STRIDES, NanoPatchRefiner, NanoRefiner
from edgedepth.models.patchrefiner.nano_fusion import GUIDE_STRIDES

RELATIVE = "relative"
CORRECTION = "correction"
FEATURES = tuple(f"feature_{stride}" for stride in COARSE_STRIDES)
"""Coarse features by their stride in the whole picture, as both graphs call them."""
M = TypeVar("M", bound=nn.Module)


class CoarseGraph(nn.Module):
    """A coarse branch's disparity and the features that guide, coarsest first."""

    def __init__(self, branch: FlexCoarse, channels: Sequence[int]) -> None:
        super().__init__()
        self.network = branch.network
        self.channels = tuple(channels)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(1, 3, H, W) -> (1, 1, H, W), and (1, C, H/s, W/s) at `COARSE_STRIDES`."""
        decoded = self.network.decode(self.network.features(image))
        guides = decoded[-len(self.channels) :]
        return (self.network.heads(decoded)[0], *guides)


class RefinerGraph(nn.Module):
    """A refiner with every feature as an input of its own."""

    def __init__(self, refiner: NanoRefiner) -> None:
        super().__init__()
        self.refiner = refiner

    def forward(
        self,
        patch: torch.Tensor,
        relative: torch.Tensor,
        coarsest: torch.Tensor,
        middle: torch.Tensor,
        finest: torch.Tensor,
    ) -> torch.Tensor:
        """As `NanoRefiner.forward`."""
        out: torch.Tensor = self.refiner(patch, relative, [coarsest, middle, finest])
        return out


class Deployed(nn.Module):
    """A network behind tensors of a file's layout.

    Args:
        network: takes and gives NCHW tensors.
        layout: of the file.
    """

    def __init__(self, network: nn.Module, layout: str) -> None:
        super().__init__()
        self.network, self.layout = network, layout

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the network."""
        if self.layout == "NCHW":
            found = self.network(*inputs)
            return found if isinstance(found, tuple) else (found,)
        found = self.network(*(x.permute(0, 3, 1, 2) for x in inputs))
        given = found if isinstance(found, tuple) else (found,)
        return tuple(x.permute(0, 2, 3, 1) for x in given)


def graphs(model: NanoPatchRefiner) -> tuple[CoarseGraph, RefinerGraph]:
    """Both, in evaluation mode."""
    coarse = CoarseGraph(model.coarse_branch, model.refiner.guides)
    return coarse.eval(), RefinerGraph(with_plain_norms(model.refiner)).eval()


def with_plain_norms(network: M) -> M:
    """A copy in which timm's norms with an activation inside are a norm and an activation, as lowerings know them."""
    twin = copy.deepcopy(network)
    for name, module in list(twin.named_modules()):
        if isinstance(module, nn.BatchNorm2d) and isinstance(act := getattr(module, "act", None), nn.Module):
            plain = nn.BatchNorm2d(module.num_features, module.eps)
            plain.load_state_dict(module.state_dict())
            twin.set_submodule(name, nn.Sequential(plain.train(module.training), act))
    return twin


def feature_specs(
    channels: Sequence[int], strides: Sequence[int], file_format: str, request: ExportRequest, size: tuple[int, int]
) -> tuple[TensorSpec, ...]:
    """The features of a picture or patch of that size."""
    return tuple(
        tensor(name, c, (size[0] // stride, size[1] // stride), file_format, request)
        for name, c, stride in zip(FEATURES, channels, strides, strict=True)
    )


def given_features(
    model: NanoPatchRefiner, file_format: str, request: ExportRequest, size: tuple[int, int]
) -> tuple[TensorSpec, ...]:
    """The features as the coarse graph gives them."""
    return feature_specs(model.refiner.guides, COARSE_STRIDES, file_format, request, size)


def taken_features(
    model: NanoPatchRefiner, file_format: str, request: ExportRequest, size: tuple[int, int]
) -> tuple[TensorSpec, ...]:
    """The features as the refiner takes them."""
    return feature_specs(model.refiner.guides, GUIDE_STRIDES, file_format, request, size)


def relative_spec(file_format: str, request: ExportRequest, size: tuple[int, int]) -> TensorSpec:
    """The refiner's view of the coarse depth."""
    return tensor(RELATIVE, 1, size, file_format, request)


def correction_contract(
    model: ModelCard, file_format: str, request: ExportRequest, size: tuple[int, int]
) -> OutputContract:
    """What the refiner gives; a correction never needs to be larger than all of the coarse model's range."""
    reach = math.log(model.output.max_depth / model.output.min_depth)
    return OutputContract(
        tensor=tensor(CORRECTION, 1, size, file_format, request),
        meaning="log-depth-correction",
        decode="depth = coarse depth * exp(output)",
        constants={},
        metric=model.output.metric,
        value_range=(-reach, reach),
    )


def tensor(name: str, channels: int, size: tuple[int, int], file_format: str, request: ExportRequest) -> TensorSpec:
    """A float tensor in the format's layout."""
    layout = layout_of(file_format, request)
    if layout == "NCHW":
        return TensorSpec(name, (request.batch, channels, *size), "NCHW", "float32")
    return TensorSpec(name, (request.batch, *size, channels), "NHWC", "float32")
