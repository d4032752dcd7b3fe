"""Lite-Mono's four scales as data (Zhang et al. 2023, "Lite-Mono", Tables 1 and 2; dilations from its release)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edgedepth.models.card import InputSpec, ModelCard, OutputSpec, PaperAccuracy, PaperFigures

Dilations = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class LiteMonoConfig:
    """Everything that tells one Lite-Mono from another.

    Attributes:
        channels: of the encoder's three stages, at strides 4, 8 and 16; divisible by `heads`, even.
        dilations: of every dilated convolution of a stage; one block of attention follows them.
        heads: of the cross-covariance attention.
        expansion: hidden width of the blocks' linear layers, in units of their channels.
    """

    channels: tuple[int, int, int]
    dilations: Dilations
    heads: int = 8
    expansion: int = 6

    def __post_init__(self) -> None:
        if any(width < 1 or width % self.heads or width % 2 for width in self.channels):
            raise ValueError(f"channels are even and divisible by {self.heads} heads, not {self.channels}")
        if not all(dilation > 0 for stage in self.dilations for dilation in stage):
            raise ValueError(f"dilations are positive, not {self.dilations}")


SEVEN: Final[Dilations] = ((1, 2, 3), (1, 2, 3), (1, 2, 3, 2, 4, 6))
TEN: Final[Dilations] = ((1, 2, 3), (1, 2, 3), (1, 2, 3, 1, 2, 3, 2, 4, 6))
"""Dilations at 192x640 of networks whose last stage has seven or ten blocks."""
_LICENCE = (
    "The definition is this project's own (Apache-2.0). Released Lite-Mono weights (code under MIT) were trained on "
    "KITTI, which is CC BY-NC-SA 3.0, with code derived from Monodepth2's, which is for non-commercial use."
)


def _card(
    suffix: str,
    config: LiteMonoConfig,
    params: float,
    gflops: float,
    accuracy: tuple[float, float],
    *,
    widened: bool = True,
) -> ModelCard:
    return ModelCard(
        name=f"lite-mono{suffix}",
        family="lite-mono",
        title=f"Lite-Mono{suffix}",
        builder="edgedepth.models.litemono.model:LiteMono",
        config=config,
        input=InputSpec(192, 640, 32, mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225)),
        output=OutputSpec("sigmoid-disparity", min_depth=0.1, max_depth=100.0, metric=False),
        paper=PaperFigures(
            "FlexDepth, Table 12",
            params,
            gflops,
            "thop on encoder and decoder apart: MACs of convolutions and linear layers + 4 x batch-norm elements + "
            "average-pool elements, all three heads; blind to attention's matrix products. Its parameters leave out "
            "layer scales, temperatures and layer norms",
            PaperAccuracy("Lite-Mono, the official release's README", "KITTI Eigen, depths up to 80 m", *accuracy),
        ),
        layouts=("official-folder", "safetensors"),
        licence=_LICENCE,
        official="edgedepth.models.litemono.official:as_trained" if widened else None,
        notes=(
            "Dilations depend on the size that a checkpoint was trained at: its height and width decide them."
            if widened
            else "Dilations are the same at every training size.",
        ),
    )


CARDS = (
    _card("-tiny", LiteMonoConfig((32, 64, 128), SEVEN), 2.143, 2.842, (0.110, 0.880)),
    _card("-small", LiteMonoConfig((48, 80, 128), SEVEN), 2.472, 4.746, (0.110, 0.879)),
    _card("", LiteMonoConfig((48, 80, 128), TEN), 3.069, 5.032, (0.107, 0.886)),
    _card("-8m", LiteMonoConfig((64, 128, 224), TEN), 8.766, 11.212, (0.101, 0.897), widened=False),
)
