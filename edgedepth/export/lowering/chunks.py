"""Halves of a map that are concatenated again: the map itself, without the copies."""

from __future__ import annotations

import operator
from typing import cast

import torch
from torch import fx

from edgedepth.export.lowering.graph import cat_parts, finish, is_channel_cat


def join_chunks(graph: fx.GraphModule) -> int:
    """Where a channel concatenation lists all chunks of one map in order, let it read the map.

    Returns:
        How many concatenations changed.
    """
    count = 0
    for node in list(graph.graph.nodes):
        if not is_channel_cat(node):
            continue
        parts = cat_parts(node)
        joined = _joined(parts)
        if len(joined) == len(parts):
            continue
        if len(joined) == 1:
            node.replace_all_uses_with(joined[0])
        else:
            node.args = (joined, 1)
            node.kwargs = {}
        count += 1
    finish(graph)
    return count


def _joined(parts: list[fx.Node]) -> list[fx.Node]:
    result: list[fx.Node] = []
    position = 0
    while position < len(parts):
        whole, chunks = _whole(parts[position])
        run = parts[position : position + chunks]
        if whole is not None and [_index(part, whole) for part in run] == list(range(chunks)):
            result.append(cast("fx.Node", whole.args[0]))
            position += chunks
        else:
            result.append(parts[position])
            position += 1
    return result


def _whole(part: fx.Node) -> tuple[fx.Node | None, int]:
    """The channel chunk() that `part` is an item of, and into how many it splits."""
    source = part.args[0] if part.op == "call_function" and part.target is operator.getitem else None
    if not isinstance(source, fx.Node) or source.target not in ("chunk", torch.chunk):
        return None, 1
    pieces = source.args[1] if len(source.args) > 1 else source.kwargs.get("chunks")
    dim = source.args[2] if len(source.args) > 2 else source.kwargs.get("dim", 0)
    return (source, cast("int", pieces)) if dim == 1 else (None, 1)


def _index(part: fx.Node, whole: fx.Node) -> int | None:
    is_item = part.op == "call_function" and part.target is operator.getitem and part.args[0] is whole
    return cast("int", part.args[1]) if is_item else None
