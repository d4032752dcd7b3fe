"""FlexDepth's five scales as data (FlexDepth, Tables 1 and 12; widths follow the YOLO11 backbone)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from edgedepth.models.card import InputSpec, ModelCard, OutputSpec, PaperAccuracy, PaperFigures, PaperSpeed

ENCODER_CHANNELS = (64, 128, 256, 256, 512, 512, 512, 1024, 1024, 1024, 1024)
DECODER_CHANNELS = (32, 64, 128, 256, 512)


@dataclass(frozen=True)
class FlexDepthConfig:
    """Everything that tells one FlexDepth from another, the options of the paper's ablation included.

    Attributes:
        depth, width, max_channels: the backbone's compound scaling.
        c3k_early: whether encoder stages 2 and 4 nest C3k blocks.
        decoder_block: ``HEB`` (plain bottleneck) or ``HPB`` (nested C3k) after each upsampling.
        upsample: ``dynamic`` (DySample) or ``bilinear``.
        groups: DySample's channel groups.
        head: ``conventional`` (3x3 convolution, then bilinear x2) or ``inverted`` (DySample x2, then the
            convolution).
        offset_limits: bound on DySample's offsets in low-resolution pixels at levels 1, 2, 3, 4, or None for
            the published, unbounded definition.
    """

    depth: float
    width: float
    max_channels: int
    c3k_early: bool
    decoder_block: Literal["HEB", "HPB"]
    upsample: Literal["dynamic", "bilinear"] = "dynamic"
    groups: int = 4
    head: Literal["conventional", "inverted"] = "conventional"
    offset_limits: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        if self.offset_limits is not None and not all(0 < limit < math.inf for limit in self.offset_limits):
            raise ValueError(f"offset limits are positive numbers of pixels, not {self.offset_limits}")

    def encoder_width(self, layer: int) -> int:
        """Output channels of backbone layer 0..10."""
        return math.ceil(min(ENCODER_CHANNELS[layer], self.max_channels) * self.width / 8) * 8

    def decoder_width(self, level: int) -> int:
        """Output channels of decoder level 1..4 (level 0 of the rule is never built)."""
        return int(min(self.width * DECODER_CHANNELS[level], self.max_channels))

    @property
    def repeats(self) -> int:
        """How often a stage repeats its block."""
        return max(round(2 * self.depth), 1)


_SMALL: Final[Any] = {"c3k_early": False, "decoder_block": "HEB", "groups": 4, "head": "conventional"}
_LARGE: Final[Any] = {"c3k_early": True, "decoder_block": "HPB", "groups": 8, "head": "inverted"}
_LICENCE = (
    "The definition is this project's own (Apache-2.0). Released FlexDepth weights were trained on KITTI or "
    "Cityscapes (both non-commercial) from a YOLO11 backbone whose authors' licence is AGPL-3.0."
)

_SHIPPED = (
    " The weights that ship with this package were trained here on KITTI frames with PSMNet teacher depth: CC BY-NC-SA "
    "3.0, for non-commercial use."
)


def _card(
    letter: str,
    size: str,
    config: FlexDepthConfig,
    params: float,
    gflops: float,
    accuracy: tuple[float, float],
    *,
    speed: PaperSpeed | None = None,
    weights: str | None = None,
) -> ModelCard:
    return ModelCard(
        name=f"flex-{size}",
        family="flexdepth",
        title=f"FlexDepth {size.capitalize() if size != 'xlarge' else 'X-Large'} (scale letter {letter})",
        builder="edgedepth.models.flexdepth.model:FlexDepth",
        config=config,
        input=InputSpec(192, 640, 32, mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225)),
        output=OutputSpec("sigmoid-disparity", min_depth=0.1, max_depth=100.0, metric=False),
        paper=PaperFigures(
            "FlexDepth, Table 12",
            params,
            gflops,
            "thop on encoder and decoder apart: convolution MACs + 4 x batch-norm elements, BN not fused, all "
            "four heads; one FLOP of theirs is one multiply-add",
            PaperAccuracy("FlexDepth, the official release's README", "KITTI Eigen, depths up to 80 m", *accuracy),
            speed,
        ),
        layouts=("official-folder", "safetensors"),
        licence=_LICENCE + (_SHIPPED if weights else ""),
        weights=weights,
    )


CARDS = (
    _card(
        "n",
        "nano",
        FlexDepthConfig(0.5, 0.25, 1024, **_SMALL),
        1.522,
        0.718,
        (0.110, 0.878),
        speed=PaperSpeed("FlexDepth, abstract", "mobile platforms, not named there", 37.6),
        weights="flex-nano.safetensors",
    ),
    _card("s", "small", FlexDepthConfig(0.5, 0.5, 1024, **_SMALL), 6.059, 2.776, (0.104, 0.890)),
    _card("m", "medium", FlexDepthConfig(0.5, 1.0, 512, **_LARGE), 12.722, 9.994, (0.096, 0.903)),
    _card("l", "large", FlexDepthConfig(1.0, 1.0, 512, **_LARGE), 15.203, 11.519, (0.095, 0.906)),
    _card("x", "xlarge", FlexDepthConfig(1.0, 1.5, 512, **_LARGE), 32.269, 24.563, (0.093, 0.910)),
)
