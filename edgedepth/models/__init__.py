"""PyTorch definitions, one folder per paper, and the registry of model cards."""

from edgedepth.models.card import ModelCard
from edgedepth.models.registry import build, card, cards, shipped_weights, with_config

__all__ = ["ModelCard", "build", "card", "cards", "initialise", "shipped_weights", "with_config"]


def __getattr__(name: str) -> object:
    # `initialise` needs torch, which reading cards must not import.
    if name == "initialise":
        from edgedepth.models.init import initialise  # noqa: PLC0415

        return initialise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
