"""A PyTorch network as a predictor, prepared and decoded by the functions that run artifacts."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgedepth.artifact.manifest import InputContract, OutputContract, TensorSpec
from edgedepth.evaluation.predictor import depth_of
from edgedepth.models.card import ModelCard
from edgedepth.runtime.decode import Meaning, decode, meaning_of
from edgedepth.runtime.preprocess import to_batch


def contracts_of(card: ModelCard, size: tuple[int, int]) -> tuple[InputContract, OutputContract]:
    """What the card's network takes and gives at (height, width), in an artifact's words."""
    spec = card.output
    in_metres = spec.meaning == "metric-depth"
    least, span = spec.disparity
    taken = InputContract(
        tensor=TensorSpec("image", (1, 3, *size), "NCHW", "float32"),
        color="RGB",
        value_range=(0.0, 1.0),
        resize="lanczos",
        normalization="inside the network",
    )
    given = OutputContract(
        tensor=TensorSpec("output", (1, 1, *size), "NCHW", "float32"),
        meaning=spec.meaning,
        decode="depth = output" if in_metres else "depth = 1 / (min_disparity + disparity_range * output)",
        constants={} if in_metres else {"min_disparity": least, "disparity_range": span},
        metric=spec.metric,
        value_range=(spec.min_depth, spec.max_depth) if in_metres else (0.0, 1.0),
    )
    return taken, given


class TorchPredictor:
    """Runs a network at one input size.

    Args:
        model: in evaluation mode; takes (1, 3, H, W) RGB in 0..1, gives (1, 1, H, W) in the card's meaning.
        card: its output's meaning and range, and its default input size.
        size: (height, width) of the network's input, or None for the card's.
        title: what to call it in a table, or None for the card's name.
    """

    def __init__(
        self, model: nn.Module, card: ModelCard, size: tuple[int, int] | None = None, title: str | None = None
    ) -> None:
        self.model, self.card = model, card
        self.size = size or (card.input.height, card.input.width)
        self.title = title or card.name
        self.input, self.output = contracts_of(card, self.size)
        self.meaning: Meaning = meaning_of(self.output)
        self.facts = {
            "runtime": f"PyTorch {torch.__version__}",
            "precision": "fp32",
            "input": f"{self.size[0]}x{self.size[1]}",
        }

    def depth(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float64]:
        """Depth at the wanted size; the network's own output is what gets resized, then decoded."""
        batch = torch.from_numpy(to_batch([image], self.input))
        with torch.inference_mode():
            output = self.model(batch)[0, 0].numpy()
        return depth_of(decode(output, self.output, size))
