"""Whether a loaded graph's tensors are those that the manifest promises."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from edgedepth.artifact.manifest import TensorSpec
from edgedepth.errors import InputError


class Interface(NamedTuple):
    """A graph's input or output as its runtime reports it."""

    name: str
    shape: tuple[int | str | None, ...]
    dtype: str


def require_interface(path: Path, role: str, found: Sequence[Interface], promised: TensorSpec) -> Interface:
    """The tensor that the manifest means: the only one, or the one of that name.

    Raises:
        InputError: it is not there, or its shape or dtype is another.
    """
    meant = found[0] if len(found) == 1 else next((t for t in found if t.name == promised.name), None)
    if meant is None:
        raise InputError(
            f"{path} has no {role} named {promised.name}.",
            f"It has: {', '.join(t.name for t in found) or 'none'}.",
            "Export the model again.",
        )
    if meant.shape != promised.shape or meant.dtype != promised.dtype:
        raise InputError(
            f"{path} does not fit its manifest.",
            f"Its {role} is {meant.dtype} {_sizes(meant.shape)}; "
            f"the manifest says {promised.dtype} {_sizes(promised.shape)}.",
            "Export the model again.",
        )
    return meant


def _sizes(shape: tuple[int | str | None, ...]) -> str:
    return "x".join(str(size) for size in shape)
