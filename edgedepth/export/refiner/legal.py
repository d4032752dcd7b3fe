"""What a pair of graphs can be, checked before anything heavy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgedepth.errors import UsageError
from edgedepth.models import ModelCard

if TYPE_CHECKING:
    from edgedepth.export.request import ExportRequest

PRECISIONS = ("fp32", "fp16", "w8", "dyn8", "w8a8")


def require_pair(model: ModelCard, request: ExportRequest) -> None:
    """Refuse what a pair cannot be.

    Raises:
        UsageError: naming what was asked and what is legal.
    """
    if not getattr(model.config, "coarse", None):
        raise UsageError(
            f"{model.name} has no coarse model to be exported with.",
            "It refines what another network gives; by itself it is half of an artifact.",
            "Export prv2-nano, which has one.",
        )
    asked = [precision for precision in request.precisions if precision not in PRECISIONS]
    if asked:
        raise UsageError(
            f"{model.name} cannot be exported as {asked[0]}.",
            f"Pairs of graphs have: {', '.join(PRECISIONS)}.",
            "Choose among these.",
        )
    if request.input == "uint8" or request.output == "depth" or request.lowering == "none":
        raise UsageError(
            f"{model.name} is exported with float input, disparity output and lowering only.",
            f"Asked: --input {request.input} --output {request.output} --lowering {request.lowering}.",
            "Leave these options out.",
        )
