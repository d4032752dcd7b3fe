"""Reading a checkpoint's files: tensors only, never code, and one clear refusal for what is damaged."""

from __future__ import annotations

import hashlib
import json
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from edgedepth.errors import CheckpointError
from edgedepth.models.registry import cards

FOLDER_FILES = ("encoder.pth", "depth.pth")
FILE_SUFFIXES = (".pth", ".pt")
STATE = "model_state_dict"
"""Under what a published file keeps its tensors, beside what training left there."""
_PROFILER_KEYS = ("total_ops", "total_params")


@dataclass(frozen=True)
class Contents:
    """What the files hold; a header is taken at its word only where it names a model that is known here."""

    tensors: dict[str, torch.Tensor]
    extras: dict[str, Any]
    files: dict[str, str]

    @property
    def base(self) -> str | None:
        """The model that the header names, if it is known here."""
        name = self.extras.get("model")
        return name if name in cards() else None

    @property
    def overrides(self) -> dict[str, Any]:
        """Fields of the model's configuration that the header replaces; ValueError if it is no table."""
        stored = json.loads(self.extras.get("config", "{}")) if self.base else {}
        if not isinstance(stored, dict):
            raise ValueError("its configuration is not a table")  # noqa: TRY004 - a bad value in a file
        return stored

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) that the network was trained at, where the files say so."""
        try:
            height, width = int(self.extras["height"]), int(self.extras["width"])
        except (KeyError, ValueError):
            return None
        return (height, width) if height > 0 and width > 0 else None


def read(path: Path) -> Contents:
    """Read a folder with encoder.pth and depth.pth, a .safetensors file, or a single file of tensors.

    Raises:
        CheckpointError: not such a thing, damaged, or holding code.
    """
    if path.is_dir():
        return _read_folder(path)
    whole = path.suffix in FILE_SUFFIXES and path.name not in FOLDER_FILES  # else half of a release
    return _read_file(path) if whole and path.is_file() else _read_safetensors(path)


def first_line(error: Exception) -> str:
    """What an exception says, as one line of reasonable length."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_folder(folder: Path) -> Contents:
    found = {name: _read_pickle(folder / name) for name in FOLDER_FILES if (folder / name).is_file()}
    missing = [name for name in FOLDER_FILES if name not in found]
    if missing and not _whole(found):
        raise CheckpointError(
            f"{folder} is not a checkpoint folder.",
            f"Missing in it: {', '.join(missing)}.",
            "Name the folder that holds encoder.pth and depth.pth, or a .safetensors file.",
        )
    tensors: dict[str, torch.Tensor] = {}
    extras: dict[str, Any] = {}
    for content in found.values():
        tensors |= _tensors(content)
        extras |= {k.removeprefix("module."): v for k, v in content.items() if not isinstance(v, torch.Tensor)}
    kept = {k: extras[k] for k in ("height", "width") if isinstance(extras.get(k), int)}
    return Contents(tensors, kept, {name: _digest(folder / name) for name in found})


def _read_file(path: Path) -> Contents:
    loaded = _read_pickle(path)
    state = loaded.get(STATE, loaded)
    tensors = _tensors(state) if isinstance(state, dict) else {}
    if not tensors:
        raise CheckpointError(
            f"{path} holds no tensors.",
            f"Its keys: {', '.join(list(loaded)[:4]) or 'none'}.",
            f"Tensors are looked for under {STATE}, or at the top.",
        )
    return Contents(tensors, {}, {path.name: _digest(path)})


def _tensors(state: dict[Any, Any]) -> dict[str, torch.Tensor]:
    """What of a state dict is the network's own."""
    named = ((str(key).removeprefix("module."), value) for key, value in state.items())
    return {
        key: value
        for key, value in named
        if isinstance(value, torch.Tensor) and key.rpartition(".")[2] not in _PROFILER_KEYS
    }


def _whole(found: dict[str, dict[str, Any]]) -> bool:
    """Whether depth.pth alone holds encoder and decoder, as MonoViT's releases for large pictures do."""
    roots = {key.removeprefix("module.").partition(".")[0] for key in found.get("depth.pth", {})}
    return roots >= {"encoder", "decoder"}


def _read_pickle(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it thinks about old pickles
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is not a plain file of tensors.",
            f"Reading tensors only was refused: {_refused(error)}",
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
        f"{size} bytes; {first_line(error)}",
        "The file is damaged or cut short: copy it again and compare its size with the original.",
    )


def _refused(error: pickle.UnpicklingError) -> str:
    """What torch found, without its advice to switch the protection off."""
    said = str(error)
    start = max(said.find("WeightsUnpickler error:"), said.find("unsupported GLOBAL"))
    return first_line(ValueError(said[max(start, 0) :].partition(". Please")[0]))


def _read_safetensors(path: Path) -> Contents:
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
    return Contents(tensors, extras, {path.name: _digest(path)})
