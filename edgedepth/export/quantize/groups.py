"""Operator groups: what a person would call a layer, as the unit that precision is chosen for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Operators that change precision together.

    Attributes:
        name: the layer's, such as ``encoder.2``; unique in its graph, the same in every format.
        operators: in order of execution: indices in a TFLite graph, node names in an ONNX graph.
    """

    name: str
    operators: tuple[int | str, ...]
