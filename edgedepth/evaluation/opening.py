"""From what a user names to something that predicts depth."""

from __future__ import annotations

from pathlib import Path

from edgedepth.errors import UsageError
from edgedepth.evaluation.torch_predictor import TorchPredictor
from edgedepth.models import ModelCard, card, checkpoint, shipped_weights


def open_predictor(named: str, size: tuple[int, int] | None = None) -> TorchPredictor:
    """A predictor for a model's name (its shipped weights) or for a checkpoint's path.

    Args:
        named: such as ``flex-nano``, a .safetensors file or a folder with encoder.pth and depth.pth.
        size: (height, width) of the network's input; None is what the checkpoint or the card says.

    Raises:
        UsageError: neither a file nor a known name, a model without weights of its own, or an illegal size.
        CheckpointError: a file that cannot be loaded.
    """
    path = Path(named)
    if not path.exists():
        known = card(named)
        shipped = shipped_weights(known)
        if shipped is None or not shipped.is_file():
            raise UsageError(
                f"{named} has no weights to evaluate.",
                "None ship with the package.",
                "Name a checkpoint instead: a .safetensors file, or a folder with encoder.pth and depth.pth.",
            )
        path = shipped
    loaded = checkpoint.load(path)
    _require_legal(size, loaded.card)
    return TorchPredictor(loaded.model, loaded.card, size or loaded.size)


def _require_legal(size: tuple[int, int] | None, model: ModelCard) -> None:
    unit = model.input.multiple
    if size is None or not any(side % unit for side in size):
        return
    height, width = (max(round(side / unit), 1) * unit for side in size)
    raise UsageError(
        f"{model.name} cannot take {size[0]}x{size[1]}.",
        f"Both sides must be multiples of {unit}.",
        f"The nearest legal size is {height}x{width}.",
    )
