"""Lowering a network, and what the manifest says of it."""

from __future__ import annotations

from typing import Any

from torch import nn

from edgedepth.artifact.manifest import Lowering
from edgedepth.export.lowering import Target, lower
from edgedepth.export.windows import MARGIN, TOLERANCE, Window


def lower_with_record(
    network: nn.Module, target: Target, windows: dict[str, Window], calibration: dict[str, str]
) -> tuple[nn.Module, tuple[Lowering, ...]]:
    """Lower for a target.

    Args:
        network: in evaluation mode.
        target: whose operators may be used.
        windows: of each DySample, by its name in the network.
        calibration: on what the windows were chosen, for the manifest.

    Returns:
        the lowered network, and the lowerings that changed it with what they were told.
    """
    lowered, applied = lower(network, target, {name: window.taps for name, window in windows.items()})
    entries = []
    for step in applied:
        detail: dict[str, Any] = dict(step.detail)
        if step.name == "dysample":
            detail["windows"] = {name: window.record() for name, window in windows.items()}
            detail |= {"calibration": calibration, "margin": MARGIN, "tolerance": TOLERANCE}
        entries.append(Lowering(name=step.name, detail=detail))
    return lowered, tuple(entries)
