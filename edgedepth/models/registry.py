"""The registry of model cards. A new scale is one card here; nothing else changes."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedepth.errors import UsageError, nearest
from edgedepth.models.card import ModelCard
from edgedepth.models.flexdepth.config import CARDS as FLEXDEPTH
from edgedepth.models.hrdepth.config import CARDS as HRDEPTH
from edgedepth.models.litemono.config import CARDS as LITEMONO
from edgedepth.models.monodepth2.config import CARDS as MONODEPTH2
from edgedepth.models.monovit.config import CARDS as MONOVIT
from edgedepth.models.patchrefiner.config import CARDS as PATCHREFINER
from edgedepth.models.surround.config import CARDS as SURROUND

if TYPE_CHECKING:
    from torch import nn

_FAMILIES = (FLEXDEPTH, MONODEPTH2, LITEMONO, HRDEPTH, MONOVIT, SURROUND, PATCHREFINER)
_CARDS: dict[str, ModelCard] = {card.name: card for family in _FAMILIES for card in family}
_WEIGHTS = Path(__file__).parent / "weights"


def cards() -> dict[str, ModelCard]:
    """All cards by name, smallest first within a family."""
    return dict(_CARDS)


def card(name: str) -> ModelCard:
    """The card of that name.

    Raises:
        UsageError: the name is not registered; the message has the nearest spelling.
    """
    if name not in _CARDS:
        raise UsageError(
            f"There is no model named {name!r}.",
            f"Known models: {', '.join(_CARDS)}.",
            nearest(name, _CARDS).capitalize() or "`edgedepth models` lists them with their figures.",
        )
    return _CARDS[name]


def with_config(base: ModelCard, overrides: dict[str, Any]) -> ModelCard:
    """The card with some fields of its configuration replaced, as a checkpoint of ours may ask.

    Raises:
        UsageError: a field that the family's configuration does not have, or a value that it cannot take.
    """
    if not overrides:
        return base
    config: Any = base.config
    known = {f.name for f in dataclasses.fields(config)}
    for key in overrides:
        if key not in known:
            raise UsageError(
                f"{base.name} has no configuration field {key!r}.",
                f"Its fields: {', '.join(sorted(known))}.",
                nearest(key, known).capitalize(),
            )
    import msgspec  # noqa: PLC0415 - only checkpoints with a configuration need it

    values = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)} | overrides
    try:
        changed = msgspec.convert(values, type(config))
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{base.name} cannot be configured like that.", str(error), "See the fields of its configuration."
        ) from error
    return dataclasses.replace(base, config=changed)


def build(base: ModelCard, **overrides: Any) -> nn.Module:
    """The card's network in evaluation mode, weights as its blocks initialise them."""
    chosen = with_config(base, overrides)
    model: nn.Module = resolve(chosen.builder)(chosen.config)
    return model.eval()


def resolve(reference: str) -> Any:
    """What a card names as ``module:function``, imported on first use."""
    module, _, function = reference.partition(":")
    return getattr(importlib.import_module(module), function)


def shipped_weights(base: ModelCard) -> Path | None:
    """Path of the weights that ship with the package for this card, or None."""
    return _WEIGHTS / base.weights if base.weights else None
