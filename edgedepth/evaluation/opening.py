"""From what a user names to what predicts depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgedepth.artifact import choose, open_artifact
from edgedepth.artifact.manifest import FILE_NAME
from edgedepth.errors import InputError, UsageError
from edgedepth.evaluation.artifact_predictor import ArtifactPredictor
from edgedepth.evaluation.predictor import Predictor
from edgedepth.evaluation.refined_predictor import RefinedPredictor
from edgedepth.models import ModelCard, card, cards, shipped_weights
from edgedepth.runtime.predictor import open_predictor as open_file
from edgedepth.runtime.refine import Tiling, open_pair


@dataclass(frozen=True)
class Choice:
    """What is wanted of what a user names.

    Attributes:
        file_format, precision: of an artifact folder, the files to measure; None is every one.
        size: (height, width): of a folder, the files to measure; of a PyTorch model, its input. None is every file,
            and what the checkpoint or the card says.
        threads: of every runtime; None leaves PyTorch as it is and gives files one.
        tilings: of an artifact folder with refiners, refined depth is measured too, once for each.
    """

    file_format: str | None = None
    precision: str | None = None
    size: tuple[int, int] | None = None
    threads: int | None = None
    tilings: tuple[Tiling, ...] = ()


def open_predictors(named: Sequence[str], choice: Choice | None = None) -> list[Predictor]:
    """Predictors for everything that is named, in that order.

    Args:
        named: each a model's name, which stands for its shipped weights; an artifact folder, which stands for every
            file of it that fits the choice; one .onnx or .tflite file; or a checkpoint (.safetensors, or a folder
            with encoder.pth and depth.pth). A folder that is called like a model is meant by a slash at its end.
        choice: which files and sizes.

    Raises:
        UsageError: a name that is not known, a model without weights, no file that fits, an illegal size, or a choice
            of files where no artifact folder is named.
        InputError: nothing at a path, or a damaged artifact.
        CheckpointError: a checkpoint that cannot be loaded.
    """
    choice = choice or Choice()
    tiles = ",".join(tiling.name for tiling in choice.tilings) or None
    for option, value in (("--format", choice.file_format), ("--precision", choice.precision), ("--tiles", tiles)):
        if value is not None and not any(map(_is_artifact, named)):
            raise UsageError(
                f"{option} {value} has no effect.",
                "It chooses among the files of an artifact, and none is named.",
                "Leave it out, or name an artifact.",
            )
    found: list[Predictor] = []
    for name in named:
        found += _files_of(Path(name), choice) if _is_artifact(name) else [_open_torch(name, choice)]
    return found


def _is_artifact(name: str) -> bool:
    path = Path(name)
    return name not in cards() and ((path / FILE_NAME).is_file() or path.suffix in (".onnx", ".tflite"))


def _files_of(path: Path, choice: Choice) -> list[Predictor]:
    artifact = open_artifact(path)
    # Raises where nothing fits, and lists what there is.
    choose(artifact, file_format=choice.file_format, precision=choice.precision, size=choice.size)
    threads = choice.threads or 1
    found: list[Predictor] = []
    for entry in artifact.files:
        if (
            choice.file_format in (None, entry.format)
            and choice.precision in (None, entry.precision)
            and choice.size in (None, entry.size)
        ):
            title = str(artifact.path(entry))
            found.append(ArtifactPredictor(open_file(artifact.path(entry), threads=threads), title))
            if choice.tilings:
                pair = open_pair(path, file_format=entry.format, precision=entry.precision, threads=threads)
                found += [RefinedPredictor(pair, tiling, f"{title} {tiling.name}") for tiling in choice.tilings]
    return found


def _open_torch(name: str, choice: Choice) -> Predictor:
    path = Path(name)
    weights = path if path.exists() and name not in cards() else _shipped(name, path)
    import torch  # noqa: PLC0415 - not needed where only artifacts are measured

    from edgedepth.evaluation.torch_predictor import TorchPredictor  # noqa: PLC0415 - the same
    from edgedepth.models import checkpoint  # noqa: PLC0415 - the same

    loaded = checkpoint.load(weights)
    _require_legal(choice.size, loaded.card)
    if choice.threads is not None:
        torch.set_num_threads(choice.threads)
    return TorchPredictor(loaded.model, loaded.card, choice.size or loaded.size, name)


def _shipped(name: str, path: Path) -> Path:
    if path.suffix or len(path.parts) > 1:
        raise InputError(
            f"There is nothing at {name}.",
            "",
            "Name an exported folder or file, a checkpoint, or a model that ships with weights.",
        )
    shipped = shipped_weights(card(name))
    if shipped is None or not shipped.is_file():
        raise UsageError(
            f"{name} has no weights to evaluate.",
            "None ship with the package.",
            "Name a checkpoint instead: a .safetensors file, or a folder with encoder.pth and depth.pth.",
        )
    return shipped


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
