"""The trainer's state on disk: written whole or not at all, refused when it belongs to another recipe."""

from __future__ import annotations

import os
import pickle
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgedepth.errors import OutputError, UsageError


class Average:
    """Exponential moving average of a network's weights and batch-norm statistics.

    Args:
        model: its present values are the average's start.
    """

    def __init__(self, model: nn.Module) -> None:
        self.values = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    def update(self, model: nn.Module, decay: float) -> None:
        """``average = decay * average + (1 - decay) * value``; integers are copied."""
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                if tensor.is_floating_point():
                    self.values[name].lerp_(tensor, 1 - decay)
                else:
                    self.values[name].copy_(tensor)


def save_state(path: Path, content: dict[str, Any]) -> None:
    """Write everything that the next step depends on.

    Raises:
        OutputError: the disk is full or the folder cannot be written; an older state stays as it was.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise OutputError(
            f"{path} could not be written.",
            (str(error).splitlines() or [type(error).__name__])[0],
            "Free some space, then go on with --resume from the last state that was written.",
        ) from error


def load_state(path: Path, digest: str) -> dict[str, Any]:
    """What `save_state` wrote.

    Raises:
        UsageError: not a state of ours, or one of another recipe.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{path} cannot be resumed from.",
            str(error).splitlines()[0][:160],
            "Start afresh in another folder.",
        ) from error
    if content.get("digest") != digest:
        raise UsageError(
            f"{path} belongs to another recipe.",
            "The recipe has changed since it was written.",
            "Use the recipe that it was started with, or another output folder.",
        )
    return content
