"""Where an export's weights come from: a checkpoint, the package, or a seed."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from edgedepth.artifact.manifest import Source
from edgedepth.export.request import ExportRequest, with_coarse
from edgedepth.models import ModelCard, build, card, initialise, shipped_weights
from edgedepth.models import checkpoint as checkpoints


@dataclass(frozen=True)
class Network:
    """A network ready to export, its card, and where its weights came from."""

    module: nn.Module
    card: ModelCard
    source: Source
    size: tuple[int, int]


def load_network(request: ExportRequest) -> Network:
    """Build and fill the network that was asked for.

    Raises:
        CheckpointError: see `edgedepth.models.checkpoint.load`.
    """
    if request.random_seed is not None and request.model is not None:
        chosen = with_coarse(card(request.model), request.coarse)
        seed = request.random_seed
        statement = f"seeded random weights (seed {seed}): proves arithmetic, never depth"
        source = Source(kind="random", statement=statement, files={}, seed=seed, notes={})
        module = initialise(build(chosen), seed)  # type: ignore[operator]
        return Network(module, chosen, source, (chosen.input.height, chosen.input.width))
    path = request.weights
    shipped = path is None
    if path is None and request.model is not None:
        path = shipped_weights(card(request.model))
    assert path is not None  # noqa: S101 - validate() has refused everything else
    loaded = checkpoints.load(path, request.model)
    with_coarse(loaded.card, request.coarse)  # refuses the option where nothing is refined
    source = Source(
        kind="shipped" if shipped else "checkpoint",
        statement=f"weights that ship with edgedepth ({path.name})" if shipped else f"checkpoint {path.name}",
        files=loaded.files,
        seed=None,
        notes=loaded.notes,
    )
    spec = loaded.card.input
    return Network(loaded.model, loaded.card, source, loaded.size or (spec.height, spec.width))
