"""Both graphs of a pair as networks: what goes in, what comes out, and under which names."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from edgedepth.artifact.manifest import OutputContract, TensorSpec
from edgedepth.export.interface import layout_of
from edgedepth.export.refiner.kinds import PairKind
from edgedepth.export.refiner.plain import plain
from edgedepth.export.request import ExportRequest
from edgedepth.models.patchrefiner.coarse import STRIDES, CoarseBranch

CORRECTION = "correction"


class CoarseGraph(nn.Module):
    """A coarse branch's own output and those of its features that a refiner reads, coarsest first."""

    def __init__(self, branch: CoarseBranch, strides: Sequence[int]) -> None:
        super().__init__()
        self.branch = branch
        self.strides = tuple(strides)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(1, 3, H, W) -> (1, 1, H, W), and (1, C, H/s, W/s) at the strides."""
        found, features = self.branch.undecoded(image)
        return (found, *(one for one, stride in zip(features, STRIDES, strict=True) if stride in self.strides))


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


def graphs(kind: PairKind) -> tuple[nn.Module, nn.Module]:
    """The coarse graph and the refiner's, in evaluation mode."""
    return CoarseGraph(kind.branch, kind.given).eval(), plain(kind.refiner()).eval()


def feature_names(kind: PairKind) -> tuple[str, ...]:
    """Coarse features by their stride in the whole picture, as both graphs call them."""
    return tuple(f"feature_{stride}" for stride in kind.given)


def given_features(
    kind: PairKind, file_format: str, request: ExportRequest, size: tuple[int, int]
) -> tuple[TensorSpec, ...]:
    """The features as the coarse graph gives them."""
    return _features(kind, kind.given, file_format, request, size)


def taken_features(
    kind: PairKind, file_format: str, request: ExportRequest, size: tuple[int, int]
) -> tuple[TensorSpec, ...]:
    """The features as the refiner takes them."""
    return _features(kind, kind.taken, file_format, request, size)


def view_spec(kind: PairKind, file_format: str, request: ExportRequest, size: tuple[int, int]) -> TensorSpec:
    """The refiner's view of the coarse depth."""
    return tensor(kind.view_name, 1, size, file_format, request)


def correction_contract(
    kind: PairKind, file_format: str, request: ExportRequest, size: tuple[int, int]
) -> OutputContract:
    """What the refiner gives."""
    return OutputContract(
        tensor=tensor(CORRECTION, 1, size, file_format, request),
        meaning=kind.meaning,
        decode=kind.decode,
        constants=kind.constants,
        metric=kind.coarse.output.metric,
        value_range=(-kind.reach, kind.reach),
    )


def _features(
    kind: PairKind, strides: Sequence[int], file_format: str, request: ExportRequest, size: tuple[int, int]
) -> tuple[TensorSpec, ...]:
    """Those of a picture or patch of that size."""
    return tuple(
        tensor(name, channels, (size[0] // stride, size[1] // stride), file_format, request)
        for name, channels, stride in zip(feature_names(kind), kind.channels, strides, strict=True)
    )


def tensor(name: str, channels: int, size: tuple[int, int], file_format: str, request: ExportRequest) -> TensorSpec:
    """A float tensor in the format's layout."""
    layout = layout_of(file_format, request)
    if layout == "NCHW":
        return TensorSpec(name, (request.batch, channels, *size), "NCHW", "float32")
    return TensorSpec(name, (request.batch, *size, channels), "NHWC", "float32")
