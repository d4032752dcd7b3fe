"""ELU as TFLite's own operator, which every delegate takes; litert-torch writes a comparison, an EXP and a SELECT."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from edgedepth.export.lowering.graph import finish, module_of


@torch.library.custom_op("edgedepth::elu", mutates_args=())
def elu(x: torch.Tensor) -> torch.Tensor:
    """TFLite's ELU: ``x`` above zero, ``exp(x) - 1`` below; keeps the shape."""
    return F.elu(x)


@elu.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


def lower_elu(graph: fx.GraphModule) -> int:
    """Replace every ELU of alpha 1, the only one that TFLite has.

    Returns:
        How many were replaced.
    """
    count = 0
    for node in list(graph.graph.nodes):
        if not _is_plain_elu(graph, node):
            continue
        with graph.graph.inserting_before(node):
            new = graph.graph.call_function(torch.ops.edgedepth.elu.default, (node.args[0],))
        node.replace_all_uses_with(new)
        count += 1
    finish(graph)
    return count


def _is_plain_elu(graph: fx.GraphModule, node: fx.Node) -> bool:
    layer = module_of(graph, node, nn.ELU)
    if layer is not None:
        return float(layer.alpha) == 1.0
    if node.op != "call_function" or node.target is not F.elu:
        return False
    alpha: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("alpha", 1.0)
    return float(alpha) == 1.0
