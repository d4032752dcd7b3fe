"""How many numbers a refiner holds at once: what a run of it takes in memory follows from that."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn


class _Sizes(fx.Interpreter):
    """Runs shapes only, and notes how many elements every node gives."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.elements: dict[fx.Node, int] = {}

    def run_node(self, n: fx.Node) -> Any:
        """As ever; constants take no part."""
        result = super().run_node(n)
        counts = isinstance(result, torch.Tensor) and n.op != "get_attr"
        self.elements[n] = result.numel() if counts else 0
        return result


def most_at_once(graph: nn.Module, inputs: Sequence[torch.Tensor]) -> int:
    """Elements of all tensors that some step of a graph needs or still keeps for later, at most.

    Args:
        graph: lowered.
        inputs: of its shapes; their values do not matter.
    """
    if not isinstance(graph, fx.GraphModule):
        raise TypeError("it is not lowered")
    sizes = _Sizes(copy.deepcopy(graph).to("meta"))
    with torch.device("meta"), torch.no_grad():
        sizes.run(*(torch.empty(x.shape) for x in inputs))
    nodes = list(sizes.elements)
    last = {node: max((nodes.index(user) for user in node.users), default=i) for i, node in enumerate(nodes)}
    held = most = 0
    ends: dict[int, int] = {}
    for i, node in enumerate(nodes):
        held += sizes.elements[node]
        most = max(most, held)
        ends[last[node]] = ends.get(last[node], 0) + sizes.elements[node]
        held -= ends.pop(i, 0)
    return most
