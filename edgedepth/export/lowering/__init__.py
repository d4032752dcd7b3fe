"""Exact rewrites of a network into operators that mobile accelerators run, one per file."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgedepth.export.lowering.target import Target

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Applied", "Target", "lower"]


@dataclass(frozen=True)
class Applied:
    """A lowering that changed something, and what it says about it."""

    name: str
    detail: dict[str, Any]


def lower(network: nn.Module, target: Target, taps: dict[str, int]) -> tuple[nn.Module, list[Applied]]:
    """Rewrite a network for a file format; it computes the same function.

    Args:
        network: evaluation mode; not changed.
        target: the format.
        taps: sampling window of every DySample, by its name in the network.

    Returns:
        The rewritten network and what was applied, in order.
    """
    from edgedepth.export.lowering.attention import lower_attention  # noqa: PLC0415 - torch is heavy
    from edgedepth.export.lowering.average_pool import lower_average_pool  # noqa: PLC0415
    from edgedepth.export.lowering.batch_norm import fold_batch_norm  # noqa: PLC0415
    from edgedepth.export.lowering.chunks import join_chunks  # noqa: PLC0415
    from edgedepth.export.lowering.cross_covariance import lower_cross_covariance  # noqa: PLC0415
    from edgedepth.export.lowering.dysample import lower_dysample  # noqa: PLC0415
    from edgedepth.export.lowering.elu import lower_elu  # noqa: PLC0415
    from edgedepth.export.lowering.factorized_attention import lower_factorized_attention  # noqa: PLC0415
    from edgedepth.export.lowering.graph import trace  # noqa: PLC0415
    from edgedepth.export.lowering.max_pool import lower_max_pool  # noqa: PLC0415
    from edgedepth.export.lowering.metric_bins import lower_metric_bins  # noqa: PLC0415
    from edgedepth.export.lowering.nearest import lower_nearest  # noqa: PLC0415
    from edgedepth.export.lowering.pointwise import lower_dilated_blocks  # noqa: PLC0415
    from edgedepth.export.lowering.reflection import lower_reflection_pad  # noqa: PLC0415

    graph = trace(copy.deepcopy(network))
    applied = [Applied("batch-norm", {"folded": fold_batch_norm(graph)})]
    applied.append(Applied("chunks", {"joined": join_chunks(graph)}))
    forms = lower_dysample(graph, target, taps)
    applied.append(Applied("dysample", {"sites": {n: {"taps": taps[n], "form": f} for n, f in forms.items()}}))
    applied.append(Applied("pointwise", {"replaced": lower_dilated_blocks(graph)}))
    applied.append(Applied("cross-covariance", {"replaced": lower_cross_covariance(graph, target)}))
    applied.append(Applied("factorized-attention", {"replaced": lower_factorized_attention(graph, target)}))
    applied.append(Applied("metric-bins", {"replaced": lower_metric_bins(graph, target)}))
    if target == "tflite":
        applied.append(Applied("elu", {"replaced": lower_elu(graph)}))
        applied.append(Applied("attention", {"replaced": lower_attention(graph)}))
        applied.append(Applied("nearest", {"replaced": lower_nearest(graph)}))
        applied.append(Applied("average-pool", {"replaced": lower_average_pool(graph)}))
        applied.append(Applied("max-pool", {"replaced": lower_max_pool(graph)}))
        applied.append(Applied("reflection-pad", {"replaced": lower_reflection_pad(graph)}))
    return graph.eval(), [a for a in applied if any(a.detail.values())]
