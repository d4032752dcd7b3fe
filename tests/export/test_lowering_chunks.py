"""Concatenations of a map's own chunks read the map itself, and only those."""

from __future__ import annotations

import pytest
import torch
from torch import fx, nn

from edgedepth.export.lowering.chunks import join_chunks


class _Halves(nn.Module):
    def __init__(self, order: str) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x.chunk(2, 1)
        parts = {"a": a, "b": b, "c": torch.relu(b)}
        return torch.cat([parts[name] for name in self.order], 1)


@pytest.mark.parametrize(
    ("order", "changed", "parts"),
    [
        ("ab", 1, 0),
        ("abc", 1, 2),
        ("cab", 1, 2),
        ("abab", 1, 2),
        ("ba", 0, 2),
        ("acb", 0, 3),
        ("aab", 1, 2),
        ("ac", 0, 2),
    ],
)
def test_joins_whole_runs_only(order: str, changed: int, parts: int) -> None:
    x = torch.randn(2, 6, 3, 4)
    graph = fx.symbolic_trace(_Halves(order))
    expected = graph(x)
    assert join_chunks(graph) == changed
    assert torch.equal(graph(x), expected)
    cats = [node for node in graph.graph.nodes if node.target is torch.cat]
    assert [len(node.args[0]) for node in cats] == ([parts] if parts else [])


def test_chunks_along_another_axis_stay() -> None:
    class Rows(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b = x.chunk(2, 2)
            return torch.cat([a, b], 1)

    graph = fx.symbolic_trace(Rows())
    assert join_chunks(graph) == 0
    assert graph(torch.randn(1, 2, 4, 4)).shape == (1, 4, 2, 4)
