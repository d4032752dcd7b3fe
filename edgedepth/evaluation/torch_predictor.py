"""A PyTorch network with sigmoid disparity as a predictor."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgedepth.evaluation.protocol import decode_disparity, resize_image, resize_map
from edgedepth.models.card import ModelCard


class TorchPredictor:
    """Runs a network at one input size.

    Args:
        model: in evaluation mode; takes (1, 3, H, W) RGB in 0..1, gives (1, 1, H, W) sigmoid disparity.
        card: its output range, and its default input size.
        size: (height, width) of the network's input, or None for the card's.
    """

    def __init__(self, model: nn.Module, card: ModelCard, size: tuple[int, int] | None = None) -> None:
        self.model, self.card = model, card
        self.size = size or (card.input.height, card.input.width)
        self.title = card.name

    def depth(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float64]:
        """Depth up to scale at the wanted size; disparity is what gets resized, then decoded."""
        resized = resize_image(image, self.size)
        batch = torch.from_numpy(resized.astype(np.float32) / 255.0).permute(2, 0, 1)[None]
        with torch.inference_mode():
            disparity = self.model(batch)[0, 0].numpy()
        wide = resize_map(disparity, size)
        return decode_disparity(wide, self.card.output.min_depth, self.card.output.max_depth)
