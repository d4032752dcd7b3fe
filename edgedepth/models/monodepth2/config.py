"""Monodepth2's card: ResNet-18 at 192x640."""

from __future__ import annotations

from dataclasses import dataclass

from edgedepth.models.card import InputSpec, ModelCard, OutputSpec, PaperFigures


@dataclass(frozen=True)
class Monodepth2Config:
    """The published network has nothing to configure: its backbone is ResNet-18."""


CARDS = (
    ModelCard(
        name="monodepth2",
        family="monodepth2",
        title="Monodepth2, ResNet-18",
        builder="edgedepth.models.monodepth2.model:Monodepth2",
        config=Monodepth2Config(),
        input=InputSpec(192, 640, 32, mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225), smallest=64),
        output=OutputSpec("sigmoid-disparity", min_depth=0.1, max_depth=100.0, metric=False),
        paper=PaperFigures(
            "FlexDepth, Table 12",
            14.329,
            8.038,
            "thop on encoder and decoder apart: convolution MACs + 4 x batch-norm elements, BN not fused, all four "
            "heads; one FLOP of theirs is one multiply-add",
        ),
        layouts=("official-folder", "safetensors"),
        licence="The definition is this project's own (Apache-2.0). The released weights are Niantic's, for "
        "non-commercial use, trained on KITTI (non-commercial).",
        official="edgedepth.models.monodepth2.official:renamed",
        notes=("The released encoder.pth also holds ResNet's classifier (513,000 parameters), which never runs.",),
    ),
)
