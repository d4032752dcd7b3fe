"""The students' cards: three cores at 384x640, metric depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgedepth.models.card import InputSpec, ModelCard, OutputSpec, PaperFigures

Core = Literal["monodepth2", "hr-depth", "monovit"]
"""Cards of the networks that a student can be built on."""


@dataclass(frozen=True)
class SurroundConfig:
    """What a student is built on; its head has nothing to configure."""

    core: Core = "monodepth2"


def _card(core: Core, title: str, params: float, latencies: str, weights: str) -> ModelCard:
    scalar = 0.0 if core == "monovit" else 0.45
    return ModelCard(
        name="surround-" + core.replace("-", ""),
        family="surround",
        title=f"{title} with metric bins, for a rig's cameras",
        builder="edgedepth.models.surround.model:SurroundStudent",
        config=SurroundConfig(core),
        input=InputSpec(384, 640, 32, mean=(scalar,) * 3, std=(0.225 if scalar else 1.0,) * 3, smallest=64),
        output=OutputSpec("metric-depth", min_depth=1e-3, max_depth=200.0, metric=True),
        paper=PaperFigures(
            "FSMDE, the surround students' table",
            params,
            None,
            "not stated: the paper prints parameters and latencies",
        ),
        layouts=("safetensors",),
        licence="The definition is this project's own (Apache-2.0); no weights were published. A student trained on "
        f"DDAD or nuScenes (CC BY-NC-SA) is for non-commercial use, and so is one started from {weights}.",
        notes=(
            f"Latency that the paper states on an A6000, 384x640 / 352x640: {latencies}.",
            "The paper leaves open where the head is attached; this wiring gives its parameter totals.",
            "One picture per camera: the views of a rig are a batch of independent pictures.",
        ),
    )


CARDS = (
    _card("hr-depth", "HR-Depth", 14.80, "15.18 / 13.92 ms, of which the core 6.19 / 5.67", "KITTI-trained cores"),
    _card("monodepth2", "Monodepth2", 15.03, "12.77 / 11.71 ms, of which the core 3.75 / 3.44", "Niantic's cores"),
    _card("monovit", "MonoViT", 28.31, "27.71 / 25.40 ms, of which the core 18.83 / 17.26", "KITTI-trained cores"),
)
