"""MonoViT's card: MPViT-small at 192x640."""

from __future__ import annotations

from dataclasses import dataclass

from edgedepth.models.card import InputSpec, ModelCard, OutputSpec, PaperFigures


@dataclass(frozen=True)
class MonoViTConfig:
    """MPViT's scale (Lee et al., CVPR 2022), four stages.

    Attributes:
        widths: channels of each stage; a multiple of `heads`.
        layers: transformer blocks in each path of each stage.
        paths: parallel paths of each stage.
        mlp_ratio: hidden width of a block's feed-forward part, in multiples of the stage's.
        heads: attention heads of every block.
    """

    widths: tuple[int, int, int, int] = (64, 128, 216, 288)
    layers: tuple[int, int, int, int] = (1, 3, 6, 3)
    paths: tuple[int, int, int, int] = (2, 3, 3, 3)
    mlp_ratio: int = 4
    heads: int = 8


CARDS = (
    ModelCard(
        name="monovit",
        family="monovit",
        title="MonoViT, MPViT-small",
        builder="edgedepth.models.monovit.model:MonoViT",
        config=MonoViTConfig(),
        input=InputSpec(192, 640, 32, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), smallest=64),
        output=OutputSpec("sigmoid-disparity", min_depth=0.1, max_depth=100.0, metric=False),
        paper=PaperFigures(
            "FlexDepth, Table 12",
            33.631,
            59.679,
            "thop, which meets many modules under two or more names and counts them for each: not comparable with "
            "the table's other rows",
            true_params_millions=27.870,
            true_gmacs=20.411,
        ),
        layouts=("official-folder", "safetensors"),
        licence="The definition is this project's own (Apache-2.0). Released weights were trained on KITTI "
        "(non-commercial) from an MPViT backbone that ETRI licenses under GPL-3.0 or commercially.",
        official="edgedepth.models.monovit.official:renamed",
        notes=(
            "In truth 27,870,108 parameters and 20.41 G multiply-adds: the tool counts a module once per name.",
            "The network does not normalize its input.",
        ),
    ),
)
