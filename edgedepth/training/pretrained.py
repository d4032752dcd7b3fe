"""Weights of a ResNet-18 that was trained to classify pictures, for the pose and variance networks to start from."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import torch

from edgedepth.errors import CheckpointError
from edgedepth.models.shared.resnet import ResNet18, repeat_first_convolution


def load_resnet18(network: ResNet18, path: Path) -> None:
    """Fill the network from torchvision's ``resnet18`` state dict, in place; nothing is ever downloaded.

    Raises:
        CheckpointError: unreadable, or not those tensors.
    """
    pictures = network.conv1.in_channels // 3
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(repeat_first_convolution(state, pictures))
    except (
        OSError,
        RuntimeError,
        EOFError,
        KeyError,
        AttributeError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise CheckpointError(
            f"{path} does not hold a ResNet-18.",
            (str(error).splitlines() or [type(error).__name__])[0][:160],
            "Name the state dict of torchvision's resnet18 as photometric.resnet18, or leave it out.",
        ) from error
