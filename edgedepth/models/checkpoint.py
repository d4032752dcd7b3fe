"""Reading and writing checkpoints: the official folder or file and our single .safetensors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors
from torch import nn

from edgedepth.errors import CheckpointError, OutputError, UsageError
from edgedepth.files import replace_whole
from edgedepth.models.card import ModelCard
from edgedepth.models.checkpoint_files import Contents, first_line, read
from edgedepth.models.registry import build, card, cards, resolve, with_config
from edgedepth.models.shared.dysample import start_positions

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


def load(path: Path, name: str | None = None) -> LoadedModel:
    """Load a checkpoint into the model that it fits.

    Args:
        path: a folder with encoder.pth and depth.pth, a .safetensors file, or a .pth or .pt file of tensors.
        name: the model's name; None detects it from the tensors' shapes.

    Raises:
        CheckpointError: unreadable, holding code, or not fitting (the message lists the first keys that differ
            and names the model that the file does fit, if any).
        UsageError: `name` is unknown.
    """
    contents = read(path)
    chosen = _chosen(path, contents, name)
    _require_fit(path, chosen, contents)
    tensors = _named(chosen, contents)[0]
    _require_sane(path, tensors)
    model = build(chosen)
    model.load_state_dict(tensors, strict=False)  # only batch counters may be absent: checked above
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
    try:
        replace_whole(path, content)
    except OSError as error:
        raise OutputError(f"The checkpoint {path} could not be written.", str(error), "Free some space.") from error


def _with_sorted_header(content: bytes) -> bytes:
    """The same file with its header's keys in order: the library writes notes in an order that changes."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]


@cache
def _expected(base: ModelCard) -> dict[str, tuple[int, ...]]:
    """Shapes of every entry that a checkpoint must hold; batch counters are optional and left out."""
    with torch.device("meta"):
        state = build(base).state_dict()
    return {k: tuple(v.shape) for k, v in state.items() if not k.endswith("num_batches_tracked")}


def _named(base: ModelCard, contents: Contents) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    """The file's tensors as that model's network names them, and the configuration that its training size decides."""
    if base.official is None:
        return contents.tensors, {}
    tensors, overrides = resolve(base.official)(contents.tensors, contents.size)
    return tensors, {} if contents.base else overrides  # a header of ours says all itself


def _difference(base: ModelCard, contents: Contents) -> list[str]:
    tensors = _named(base, contents)[0]
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


def _chosen(path: Path, contents: Contents, name: str | None) -> ModelCard:
    """The named or detected card with the configuration that the file's own header asks for."""
    base = card(name or contents.base or _detect(path, contents))
    try:
        chosen = with_config(base, _named(base, contents)[1] | contents.overrides)
        _expected(chosen)
    except (UsageError, ValueError) as error:
        raise CheckpointError(
            f"{path} asks for a configuration that {base.name} cannot have.",
            first_line(error),
            "Another version of edgedepth wrote it, or its header was changed.",
        ) from error
    return chosen


def _fitting(contents: Contents) -> str | None:
    """The first model that fits as its card has it, else the first that fits with what the file decides of it.

    In one go a smaller model would take the file of a larger one, with as many blocks as that decides.
    """
    known = _candidates(contents)
    decided = (with_config(one, _named(one, contents)[1]) for one in known)
    return next((one.name for one in chain(known, decided) if not _difference(one, contents)), None)


def _candidates(contents: Contents) -> list[ModelCard]:
    """Models that a file may be of: refiners only where it holds one, since their encoders are slow to set up."""
    takes = "patches" if any("refiner" in key for key in contents.tensors) else "picture"
    return [known for known in cards().values() if known.takes == takes]


def _detect(path: Path, contents: Contents) -> str:
    name = _fitting(contents)
    if name:
        return name
    closest = min(_candidates(contents), key=lambda known: len(_difference(known, contents)))
    differences = _difference(closest, contents)
    raise CheckpointError(
        f"{path} fits no model that is known here; the closest is {closest.name}.",
        f"{len(differences)} differences: {'; '.join(differences[:_SHOWN])}",
        "`edgedepth models` lists what can be read.",
    )


def _require_fit(path: Path, chosen: ModelCard, contents: Contents) -> None:
    differences = _difference(chosen, contents)
    if not differences:
        return
    wanted = chosen.name
    if contents.overrides:
        wanted += f" with the configuration of its header ({contents.extras['config']})"
    other = contents.base if contents.base != chosen.name else None
    other = other or _fitting(contents)
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
