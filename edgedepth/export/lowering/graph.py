"""Tracing a network to a flat graph, and the few edits that lowerings share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import torch
from torch import fx, nn

from edgedepth.models.flexdepth.blocks import Attention
from edgedepth.models.litemono.blocks import DilatedBlock, LocalGlobalBlock
from edgedepth.models.monovit.mpvit import PathEncoder
from edgedepth.models.patchrefiner.blocks import resized
from edgedepth.models.shared.dysample import DySample
from edgedepth.models.surround.metric_bins import MetricBins

LEAVES = (DySample, Attention, DilatedBlock, LocalGlobalBlock, PathEncoder, MetricBins)
"""Modules that lowerings replace as a whole, so tracing must not look inside."""

WHOLE_FUNCTIONS: tuple[Callable[..., object], ...] = (resized,)
"""Functions that decide by the shapes of their arguments, which a trace does not know."""

M = TypeVar("M", bound=nn.Module)


class _Tracer(fx.Tracer):
    def __init__(self) -> None:
        super().__init__(autowrap_functions=WHOLE_FUNCTIONS)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Stop at what a lowering replaces; torch's own layers are leaves anyway."""
        return isinstance(m, LEAVES) or super().is_leaf_module(m, module_qualified_name)


def trace(model: nn.Module) -> fx.GraphModule:
    """The network's forward as a flat graph of torch layers, functions and `LEAVES`."""
    return fx.GraphModule(model, _Tracer().trace(model))


def module_of(graph: fx.GraphModule, node: object, kind: type[M]) -> M | None:
    """The module that `node` calls, if it is of that kind."""
    if not isinstance(node, fx.Node) or node.op != "call_module":
        return None
    found = graph.get_submodule(str(node.target))
    return found if isinstance(found, kind) else None


def calls(graph: fx.GraphModule, kind: type[M]) -> list[tuple[fx.Node, M]]:
    """Every call of a module of that kind, in order, as the graph is now."""
    found = ((node, module_of(graph, node, kind)) for node in graph.graph.nodes)
    return [(node, module) for node, module in found if module is not None]


def only_user(node: fx.Node) -> fx.Node | None:
    """The single node that reads `node`, or None when there are none or several."""
    return next(iter(node.users)) if len(node.users) == 1 else None


def is_channel_cat(node: fx.Node | None) -> bool:
    """Whether the node concatenates tensors along channels."""
    if node is None or node.op != "call_function" or node.target is not torch.cat:
        return False
    dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    return bool(dim == 1)


def cat_parts(node: fx.Node) -> list[fx.Node]:
    """The tensors that a concatenation joins."""
    return list(cast("list[fx.Node]", node.args[0]))


def insert_call(
    graph: fx.GraphModule, before: fx.Node, name: str, module: nn.Module, args: tuple[fx.Node, ...]
) -> fx.Node:
    """Add `module` and a call of it in front of `before`.

    Args:
        name: of the layer that it stands for, as in ``encoder.2.cv1.conv``; exported graphs carry it, so that their
            operators can be told apart by layer.
    """
    base = f"lowered_{name.replace('.', '_')}"
    unique, n = base, 0
    while hasattr(graph, unique):
        n += 1
        unique = f"{base}_again{n}"
    graph.add_module(unique, module)
    with graph.graph.inserting_before(before):
        return graph.graph.call_module(unique, args)


def replace_calls(graph: fx.GraphModule, kind: type[M], make: Callable[[M], nn.Module | None]) -> int:
    """Replace calls of modules of that kind with calls of what `make` gives; where it gives None they stay.

    Returns:
        How many were replaced.
    """
    count = 0
    for node, module in calls(graph, kind):
        made = make(module)
        if made is not None:
            node.replace_all_uses_with(insert_call(graph, node, str(node.target), made, node.args))  # type: ignore[arg-type]
            count += 1
    finish(graph)
    return count


def finish(graph: fx.GraphModule) -> fx.GraphModule:
    """Drop what is no longer read and recompile."""
    graph.graph.eliminate_dead_code()
    graph.delete_all_unused_submodules()
    graph.graph.lint()
    graph.recompile()
    return graph
