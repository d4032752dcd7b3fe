"""Reading and writing checkpoints: the official folder (encoder.pth, depth.pth) and our single .safetensors."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import nn

from edgedepth.errors import CheckpointError, OutputError, UsageError
from edgedepth.models.card import ModelCard
from edgedepth.models.registry import build, card, cards, with_config
from edgedepth.models.shared.dysample import start_positions

FOLDER_FILES = ("encoder.pth", "depth.pth")
_PROFILER_KEYS = ("total_ops", "total_params")
_SHOWN = 4


@dataclass(frozen=True)
class LoadedModel:
    """A network with its weights and where they came from.

    Attributes:
        model: in evaluation mode, on the CPU.
        card: the card it was built from, with the checkpoint's own configuration.
        files: sha256 of every file that was read, by file name.
        size: (height, width) that the checkpoint says it was trained at, or None.
        notes: what the checkpoint says about itself (licence, recipe), by key.
    """

    model: nn.Module
    card: ModelCard
    files: dict[str, str]
    size: tuple[int, int] | None
    notes: dict[str, str]


@dataclass(frozen=True)
class _Contents:
    """What the files hold; a header is taken at its word only where it names a model that is known here."""

    tensors: dict[str, torch.Tensor]
    extras: dict[str, Any]
    files: dict[str, str]

    @property
    def base(self) -> str | None:
        name = self.extras.get("model")
        return name if name in cards() else None

    @property
    def overrides(self) -> dict[str, Any]:
        stored = json.loads(self.extras.get("config", "{}")) if self.base else {}
        if not isinstance(stored, dict):
            raise ValueError("its configuration is not a table")  # noqa: TRY004 - a bad value in a file
        return stored

    @property
    def size(self) -> tuple[int, int] | None:
        try:
            height, width = int(self.extras["height"]), int(self.extras["width"])
        except (KeyError, ValueError):
            return None
        return (height, width) if height > 0 and width > 0 else None


def load(path: Path, name: str | None = None) -> LoadedModel:
    """Load a checkpoint into the model that it fits.

    Args:
        path: a folder with encoder.pth and depth.pth, or a .safetensors file.
        name: the model's name; None detects it from the tensors' shapes.

    Raises:
        CheckpointError: unreadable, holding code, or not fitting (the message lists the first keys that differ
            and names the model that the file does fit, if any).
        UsageError: `name` is unknown.
    """
    contents = _read_folder(path) if path.is_dir() else _read_safetensors(path)
    chosen = _chosen(path, contents, name)
    _require_fit(path, chosen, contents)
    _require_sane(path, contents.tensors)
    model = build(chosen)
    model.load_state_dict(contents.tensors, strict=False)  # only batch counters may be absent: checked above
    own = {"height", "width"} | ({"config", "model"} if contents.base else set())
    notes = {k: str(v) for k, v in contents.extras.items() if k not in own}
    return LoadedModel(model.eval(), chosen, contents.files, contents.size, notes)


def save(path: Path, model: nn.Module, base: ModelCard, overrides: dict[str, object], notes: dict[str, str]) -> None:
    """Write a .safetensors of ours, whole or not at all.

    Args:
        path: destination; replaced if it exists.
        model: its state dict is stored.
        base: the card; its name is stored.
        overrides: fields of the card's configuration that this checkpoint changes.
        notes: strings such as licence and recipe, stored in the header.
    """
    tensors = {k: v.detach().to("cpu").contiguous() for k, v in model.state_dict().items()}
    metadata = {**notes, "model": base.name, "config": json.dumps(overrides, sort_keys=True)}
    content = _with_sorted_header(to_safetensors(tensors, metadata=metadata))
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise OutputError(f"The checkpoint {path} could not be written.", str(error), "Free some space.") from error


def _with_sorted_header(content: bytes) -> bytes:
    """The same file with its header's keys in order: the library writes notes in an order that changes."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_folder(folder: Path) -> _Contents:
    missing = [name for name in FOLDER_FILES if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{folder} is not a checkpoint folder.",
            f"Missing in it: {', '.join(missing)}.",
            "Name the folder that holds encoder.pth and depth.pth, or a .safetensors file.",
        )
    tensors: dict[str, torch.Tensor] = {}
    extras: dict[str, Any] = {}
    for name in FOLDER_FILES:
        for raw, value in _read_pickle(folder / name).items():
            key = raw.removeprefix("module.")
            if not isinstance(value, torch.Tensor):
                extras[key] = value
            elif key.rpartition(".")[2] not in _PROFILER_KEYS:
                tensors[key] = value
    kept = {k: extras[k] for k in ("height", "width") if isinstance(extras.get(k), int)}
    return _Contents(tensors, kept, {name: _digest(folder / name) for name in FOLDER_FILES})


def _read_pickle(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it thinks about old pickles
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is not a plain file of tensors.",
            f"Reading tensors only was refused: {_first_line(error)}",
            "It may be damaged or hold code, which is never run here. Save the state_dict alone with torch.save.",
        ) from error
    except Exception as error:  # damaged bytes, read as a program, fail in any way that Python has
        raise _unreadable(path, error) from error
    if not isinstance(loaded, dict) or not all(isinstance(k, str) for k in loaded):
        raise CheckpointError(
            f"{path} holds no state_dict.",
            f"It holds a {type(loaded).__name__}.",
            "Save model.state_dict() with torch.save.",
        )
    return loaded


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    size = path.stat().st_size if path.exists() else 0
    return CheckpointError(
        f"{path} cannot be read as a checkpoint.",
        f"{size} bytes; {_first_line(error)}",
        "The file is damaged or cut short: copy it again and compare its size with the original.",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def _read_safetensors(path: Path) -> _Contents:
    if not path.is_file():
        raise CheckpointError(
            f"There is no checkpoint at {path}.",
            "",
            "Name a folder with encoder.pth and depth.pth, or a file.",
        )
    if path.suffix != ".safetensors":
        raise CheckpointError(
            f"{path} is neither a .safetensors file nor a folder.",
            "",
            "For the official release name the folder that holds encoder.pth and depth.pth.",
        )
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
            extras = dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    return _Contents(tensors, extras, {path.name: _digest(path)})


@cache
def _expected(base: ModelCard) -> dict[str, tuple[int, ...]]:
    """Shapes of every entry that a checkpoint must hold; batch counters are optional and left out."""
    with torch.device("meta"):
        state = build(base).state_dict()
    return {k: tuple(v.shape) for k, v in state.items() if not k.endswith("num_batches_tracked")}


def _difference(base: ModelCard, tensors: dict[str, torch.Tensor]) -> list[str]:
    found = {k: tuple(v.shape) for k, v in tensors.items() if not k.endswith("num_batches_tracked")}
    expected = _expected(base)
    lines = [f"missing {k}" for k in expected if k not in found]
    lines += [f"unexpected {k}" for k in found if k not in expected]
    lines += [
        f"{k} is {list(found[k])}, not {list(shape)}"
        for k, shape in expected.items()
        if k in found and found[k] != shape
    ]
    return lines


def _chosen(path: Path, contents: _Contents, name: str | None) -> ModelCard:
    """The named or detected card with the configuration that the file's own header asks for."""
    base = card(name or contents.base or _detect(path, contents.tensors))
    try:
        chosen = with_config(base, contents.overrides)
        _expected(chosen)
    except (UsageError, ValueError) as error:
        raise CheckpointError(
            f"{path} asks for a configuration that {base.name} cannot have.",
            _first_line(error),
            "Another version of edgedepth wrote it, or its header was changed.",
        ) from error
    return chosen


def _fitting(tensors: dict[str, torch.Tensor]) -> str | None:
    return next((name for name, known in cards().items() if not _difference(known, tensors)), None)


def _detect(path: Path, tensors: dict[str, torch.Tensor]) -> str:
    name = _fitting(tensors)
    if name:
        return name
    closest = min(cards().values(), key=lambda known: len(_difference(known, tensors)))
    differences = _difference(closest, tensors)
    raise CheckpointError(
        f"{path} fits no model that is known here; the closest is {closest.name}.",
        f"{len(differences)} differences: {'; '.join(differences[:_SHOWN])}",
        "`edgedepth models` lists what can be read.",
    )


def _require_fit(path: Path, chosen: ModelCard, contents: _Contents) -> None:
    differences = _difference(chosen, contents.tensors)
    if not differences:
        return
    wanted = chosen.name
    if contents.overrides:
        wanted += f" with the configuration of its header ({contents.extras['config']})"
    other = contents.base if contents.base != chosen.name else None
    other = other or _fitting(contents.tensors)
    if other == chosen.name:
        other = None
    raise CheckpointError(
        f"{path} does not fit {wanted}" + (f": this is {other}." if other else "."),
        f"{len(differences)} differences: {'; '.join(differences[:_SHOWN])}",
        f"Export {other} instead, or leave the name out." if other else "Check which network it was saved from.",
    )


def _require_sane(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Values no healthy checkpoint has: not finite, or other start positions than DySample's own."""
    for key, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise CheckpointError(
                f"{path} holds values that are not finite.",
                f"In {key}.",
                "Use an earlier checkpoint of the run.",
            )
        if key.endswith("init_pos") and not torch.equal(value.float(), start_positions(value.shape[1] // 8)):
            raise CheckpointError(
                f"{path} samples from other start positions than DySample x2 does.",
                f"{key} differs from -0.25, 0.25.",
                "Only upsampling by 2 is supported.",
            )
