"""HR-Depth's card: ResNet-18 at 192x640."""

from __future__ import annotations

from dataclasses import dataclass

from edgedepth.models.card import InputSpec, ModelCard, OutputSpec, PaperFigures


@dataclass(frozen=True)
class HRDepthConfig:
    """The published network has nothing to configure: its backbone is ResNet-18."""


CARDS = (
    ModelCard(
        name="hr-depth",
        family="hr-depth",
        title="HR-Depth, ResNet-18",
        builder="edgedepth.models.hrdepth.model:HRDepth",
        config=HRDepthConfig(),
        input=InputSpec(192, 640, 32, mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225), smallest=64),
        output=OutputSpec("sigmoid-disparity", min_depth=0.1, max_depth=100.0, metric=False),
        paper=PaperFigures(
            "thop on the official release, as FlexDepth's Table 12 counts (the table leaves this network out)",
            16.960,
            31.624,
            "thop, which meets every decoder module under two names: parameters count twice, multiply-adds four times",
            true_params_millions=14.101,
            true_gmacs=11.222,
        ),
        layouts=("official-folder", "safetensors"),
        licence="The definition is this project's own (Apache-2.0). Released weights were trained on KITTI "
        "(non-commercial); see the release for its own terms.",
        official="edgedepth.models.hrdepth.official:renamed",
        notes=(
            "In truth 14,100,644 parameters and 11.22 G multiply-adds: the tool counts a module once per name.",
            "The released encoder.pth also holds ResNet's classifier (513,000 parameters), which never runs.",
        ),
    ),
)
