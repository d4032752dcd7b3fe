"""PatchRefiner V2's three refiners as data (Li et al. 2025: M, E and C), and one of phone size."""

from __future__ import annotations

from dataclasses import dataclass

from edgedepth.models.card import InputSpec, ModelCard, OutputSpec, PaperFigures
from edgedepth.models.flexdepth.config import CARDS as FLEXDEPTH

ZOEDEPTH_FEATURES = (256, 256, 256, 256, 256, 32)
"""Channels of the published coarse branch, at strides 32, 16, 8, 4, 2 and 1."""


@dataclass(frozen=True)
class RefinerConfig:
    """Everything that tells one refiner from another.

    Attributes:
        encoder: timm's name of the backbone.
        mean, std: the backbone's normalization of RGB in 0..1.
        coarse: the registry's name of the coarse model that is built with the refiner, or None where the coarse
            depth and features are given from outside (the published one, ZoeDepth on BEiT-L, is not defined here).
        coarse_channels: of the six coarse features, at strides 32, 16, 8, 4, 2 and 1.
        width: of the coarse-to-fine part.
        joined: channels where both directions meet, at strides 32, 16, 8, 4, 2 and 1.
        decoder: channels after each step up from stride 32, at strides 16, 8, 4, 2 and 1.
    """

    encoder: str
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    coarse: str | None = None
    coarse_channels: tuple[int, int, int, int, int, int] = ZOEDEPTH_FEATURES
    width: int = 256
    joined: tuple[int, int, int, int, int, int] = (512, 256, 128, 64, 64, 32)
    decoder: tuple[int, int, int, int, int] = (512, 256, 128, 64, 32)


@dataclass(frozen=True)
class NanoConfig:
    """What the refiner of phone size is made of.

    Attributes:
        encoder: timm's name of the backbone, with taps at strides 2 to 32.
        coarse: the registry's name of the coarse model, of the FlexDepth family.
        mean, std: the backbone's normalization of RGB in 0..1.
        widths: channels of the fusion at strides 32, 16, 8, 4 and 2.
        last: channels at full resolution.
        offset_limits: of the coarse model, as its own configuration has them.
    """

    encoder: str = "mobilenetv4_conv_small_050"
    coarse: str = "flex-nano"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    widths: tuple[int, int, int, int, int] = (48, 48, 32, 32, 24)
    last: int = 8
    offset_limits: tuple[float, float, float, float] | None = None


def _card(letter: str, config: RefinerConfig, backbone: str, params: float, gmacs: int, *notes: str) -> ModelCard:
    return ModelCard(
        name=f"prv2-{letter}",
        family="patchrefiner",
        title=f"PatchRefiner V2, {backbone}",
        builder="edgedepth.models.patchrefiner.model:build_refiner",
        config=config,
        input=InputSpec(384, 512, 32, config.mean, config.std, smallest=64),
        output=OutputSpec("metric-depth", min_depth=1e-3, max_depth=80.0, metric=True),
        paper=PaperFigures(
            "PatchRefiner V2, parameters that the refiner adds to its coarse model",
            params,
            None,
            "not stated: the paper prints parameters and seconds",
        ),
        layouts=("published-file", "safetensors"),
        official="edgedepth.models.patchrefiner.published:renamed",
        licence="The definition is this project's own (Apache-2.0). Weights were never released. Ones that are trained "
        "carry the terms of their data and of the weights that encoder and coarse model started from.",
        notes=(
            f"{gmacs} G multiply-adds per 384x512 patch and 16 patches or more per picture: not for phones.",
            "ZoeDepth on BEiT-L, the published coarse model, is not defined here: `coarse` names another, or none.",
            *notes,
        ),
        takes="patches",
    )


_NANO = NanoConfig()
_COARSE = {known.name: known for known in FLEXDEPTH}[_NANO.coarse]

CARDS = (
    ModelCard(
        name="prv2-nano",
        family="patchrefiner",
        title="PatchRefiner V2 at phone size, on FlexDepth Nano",
        builder="edgedepth.models.patchrefiner.nano:NanoPatchRefiner",
        config=_NANO,
        input=InputSpec(384, 512, 32, _NANO.mean, _NANO.std, smallest=64),
        output=_COARSE.output,
        paper=None,
        layouts=("safetensors",),
        licence="The definition is this project's own (Apache-2.0). Weights carry the terms of their data and of the "
        f"{_COARSE.name} weights that they started from. Those that ship hold {_COARSE.name}'s, which were trained on "
        "KITTI frames: CC BY-NC-SA 3.0, for non-commercial use.",
        weights="prv2-nano.safetensors",
        notes=(
            "This project's own: PatchRefiner V2's gates, residual and tiling, made of parts for phones.",
            "Refines log depth relative to the picture's mean: the coarse model's unknown scale passes through.",
        ),
        takes="patches",
    ),
    _card("m", RefinerConfig("mobilenetv4_conv_small.e2400_r224_in1k"), "MobileNetV4-small", 47.0, 449),
    _card(
        "e",
        RefinerConfig("tf_efficientnet_b5.ap_in1k", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        "EfficientNet-B5",
        72.1,
        456,
    ),
    _card(
        "c",
        RefinerConfig("convnext_large"),
        "ConvNeXt-L",
        245.8,
        599,
        "246,122,965 parameters. The paper's 245.8 M agrees with leaving out the 295,008 of the level at half "
        "resolution that ConvNeXt lacks (73,824 of the transposed convolution, 221,184 of the one that reads it).",
    ),
)
