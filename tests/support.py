"""What tests of several rooms build: networks whose every part matters, and checkpoints in the official layout."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgedepth.models import build, card, initialise
from edgedepth.models.shared.dysample import DySample

SCALES = ("flex-nano", "flex-small", "flex-medium", "flex-large", "flex-xlarge")
LETTERS = dict(zip(SCALES, "nsmlx", strict=True))
OFFSET_GAIN = 1.3
"""As the golden weights have it: offsets reach more than one low-resolution pixel."""

HEAR_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""Before a command that is to be interrupted: run in the background, a test inherits an ignored SIGINT, and Python then
leaves it so."""


def randomise(network: nn.Module, seed: int) -> nn.Module:
    """Random batch norms and far-reaching sampling offsets, in place, so that no lowering is trivially exact."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(like: torch.Tensor, low: float, high: float) -> torch.Tensor:
        return torch.rand(like.shape, generator=generator) * (high - low) + low

    def normal(like: torch.Tensor, std: float) -> torch.Tensor:
        return torch.randn(like.shape, generator=generator) * std

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                if module.affine:
                    module.weight.copy_(uniform(module.weight, 0.75, 1.25))
                    module.bias.copy_(normal(module.bias, 0.02))
                module.running_mean.copy_(normal(module.running_mean, 0.05))
                module.running_var.copy_(uniform(module.running_var, 0.75, 1.25))
            elif isinstance(module, DySample):
                fan_in = math.prod(module.offset.weight.shape[1:])
                module.offset.weight.copy_(normal(module.offset.weight, OFFSET_GAIN / math.sqrt(fan_in)))
                module.offset.bias.copy_(normal(module.offset.bias, 0.5))
    return network


def network(name: str, seed: int = 1, **config: Any) -> nn.Module:
    """A network of that scale with seeded weights whose offsets, statistics and biases all matter."""
    return randomise(initialise(build(card(name), **config), seed), seed + 1).eval()


def picture(height: int, width: int, batch: int = 1, seed: int = 0) -> torch.Tensor:
    """(batch, 3, H, W) of noise in 0..1."""
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


def gap(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference of two tensors of one shape."""
    assert a.shape == b.shape
    return float((a.double() - b.double()).abs().max())


def official_state(model: nn.Module) -> dict[str, dict[str, Any]]:
    """The two files of an official release folder, as the release writes them."""
    state = model.state_dict()
    encoder: dict[str, Any] = {k: v.clone() for k, v in state.items() if k.startswith("encoder.")}
    encoder |= {"height": 192, "width": 640, "use_stereo": False}
    depth = {k: v.clone() for k, v in state.items() if k.startswith("decoder.")}
    return {"encoder.pth": encoder, "depth.pth": depth}


def write_official(folder: Path, files: dict[str, dict[str, Any]]) -> Path:
    """Write such a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        torch.save(content, folder / name)
    return folder


def build_nano() -> nn.Module:
    """The smallest network, as its blocks initialise it."""
    return build(card("flex-nano"))
