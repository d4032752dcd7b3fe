"""Choosing DySample's windows: small where that is exact enough, wide where offsets are large."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from edgedepth.errors import OperatorError
from edgedepth.export.lowering import lower
from edgedepth.export.lowering.displacement import SIDES, START
from edgedepth.export.lowering.window import reach, taps_for
from edgedepth.models.shared.dysample import DySample

MARGIN = 0.25
"""Share added to the largest offset that was seen, before a window is called wide enough for it."""
MOST_TAPS = 15
"""A window wider than this is thousands of operators; a network that needs it is exported as published."""
TOLERANCE = 2e-5
"""Largest change of the network's output, on the calibration pictures, for which a smaller window may clamp."""


@dataclass(frozen=True)
class Window:
    """The window of one DySample and why it is that wide.

    Attributes:
        taps: 2, or an odd width.
        exact_for: ``|offset|`` up to this is sampled exactly, in low-resolution pixels.
        bounded_by_definition: the network itself bounds the offsets within the window: exact for every input.
        largest_offset: seen on the calibration pictures.
        margin: share that was added to it.
        clamped_share: of the displacements on the calibration pictures, how many the window clamps.
        clamped_by: the largest amount by which it does, in low-resolution pixels.
    """

    taps: int
    exact_for: float
    bounded_by_definition: bool
    largest_offset: float
    margin: float
    clamped_share: float
    clamped_by: float

    def record(self) -> dict[str, Any]:
        """For the manifest, rounded so that the last bits of a platform's arithmetic do not show."""
        return {k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(self).items()}


@dataclass
class _Seen:
    """What one DySample did on the pictures; `elements` of its output tell how dear it is."""

    elements: int = 0
    largest: float = 0.0
    total: int = 0
    clamped: int = 0
    excess: float = 0.0


def choose_windows(network: nn.Module, pictures: Sequence[torch.Tensor]) -> dict[str, Window]:
    """A window for every DySample of the network.

    A bound in the definition decides where there is one. Elsewhere the window covers the largest offset seen on
    `pictures` plus `MARGIN`; then, dearest map first, smaller windows are tried and kept if the network's output
    on `pictures`, its offsets stretched by `MARGIN`, moves by no more than `TOLERANCE`.

    Args:
        network: evaluation mode.
        pictures: (1, 3, H, W) each.
    """
    samples = {name: m for name, m in network.named_modules() if isinstance(m, DySample)}
    seen = _measure(network, samples, pictures)
    _require_reasonable(seen)
    taps = {
        name: taps_for(entry.largest * (1 + MARGIN) if (limit := samples[name].offset_limit) is None else limit)
        for name, entry in seen.items()
    }
    wide = [name for name in seen if samples[name].offset_limit is None and taps[name] > 2]
    if wide:
        taps = _shrink(network, taps, sorted(wide, key=lambda n: -seen[n].elements), pictures)
    # Only what a window cannot hold needs a second look.
    clamping = {name: samples[name] for name in wide if seen[name].largest > reach(taps[name])}
    if clamping:
        seen |= _measure(network, clamping, pictures, taps)
    return {name: _window(samples[name], taps[name], entry) for name, entry in seen.items()}


def _require_reasonable(seen: dict[str, _Seen]) -> None:
    for name, entry in seen.items():
        if not entry.largest * (1 + MARGIN) <= reach(MOST_TAPS):
            raise OperatorError(
                f"{name} samples too far away for a window of shifted copies.",
                f"Offsets reach {entry.largest:.3g} low-resolution pixels; {MOST_TAPS} taps hold "
                f"{reach(MOST_TAPS):.4g}, margin included.",
                "Check the checkpoint, or export the definition as published with --lowering none.",
            )


def _window(module: DySample, taps: int, seen: _Seen) -> Window:
    limit = module.offset_limit
    return Window(
        taps=taps,
        exact_for=reach(taps),
        bounded_by_definition=limit is not None and limit <= reach(taps),
        largest_offset=seen.largest,
        margin=0.0 if limit is not None else MARGIN,
        clamped_share=seen.clamped / max(seen.total, 1),
        clamped_by=seen.excess,
    )


def _measure(
    network: nn.Module,
    samples: dict[str, DySample],
    pictures: Sequence[torch.Tensor],
    taps: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, _Seen]:
    """Offsets of every sampler that the network's forward runs, in the order in which it does."""
    seen: dict[str, _Seen] = {}

    def note(name: str, module: DySample, x: torch.Tensor) -> None:
        entry = seen.setdefault(name, _Seen())
        offsets = module.offsets(x)
        entry.elements = 4 * x.numel()
        entry.largest = max(entry.largest, float(offsets.abs().max()))
        entry.total += offsets.numel()
        if name in taps:
            beyond = _beyond(offsets, taps[name])
            entry.clamped += int((beyond > 0).sum())
            entry.excess = max(entry.excess, float(beyond.max()))

    hooks = [
        module.register_forward_pre_hook(lambda m, args, name=name: note(name, m, args[0]))
        for name, module in samples.items()
    ]
    with torch.no_grad():
        for picture in pictures:
            network(picture)
    for hook in hooks:
        hook.remove()
    return seen


def _beyond(offsets: torch.Tensor, taps: int) -> torch.Tensor:
    """By how much each displacement lies outside its window."""
    B, C, H, W = offsets.shape
    side = torch.tensor(SIDES).view(1, 2, 1, 4, 1, 1)
    towards = offsets.view(B, 2, C // 8, 4, H, W) * side + START
    low, high = (0.0, 1.0) if taps == 2 else (-(taps // 2), taps // 2)
    return torch.relu(torch.maximum(low - towards, towards - high))


def _shrink(
    network: nn.Module, taps: dict[str, int], order: list[str], pictures: Sequence[torch.Tensor]
) -> dict[str, int]:
    """Smaller windows where clamping moves the output little, judged on offsets stretched by the margin."""
    stretched = _stretched(network)
    with torch.no_grad():
        expected = [stretched(p) for p in pictures]

    def moved(candidate: dict[str, int]) -> float:
        lowered, _ = lower(stretched, "onnx", candidate)
        with torch.no_grad():
            return max(float((lowered(p) - e).abs().max()) for p, e in zip(pictures, expected, strict=True))

    for name in order:
        while taps[name] > 2:
            smaller = {**taps, name: 2 if taps[name] == 3 else taps[name] - 2}
            if moved(smaller) > TOLERANCE:
                break
            taps = smaller
    return taps


def _stretched(network: nn.Module) -> nn.Module:
    """The network with every unbounded offset larger by the margin."""
    twin = copy.deepcopy(network)
    with torch.no_grad():
        for module in twin.modules():
            if isinstance(module, DySample) and module.offset_limit is None:
                for parameter in module.offset.parameters():
                    parameter.mul_(1 + MARGIN)
    return twin
