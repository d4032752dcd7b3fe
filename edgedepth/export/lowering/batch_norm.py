"""Batch norm folded into the convolution before it: the same affine map, one operator less."""

from __future__ import annotations

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgedepth.export.lowering.graph import calls, finish, insert_call, module_of, only_user


def fold_batch_norm(graph: fx.GraphModule) -> int:
    """Fold every batch norm that alone reads a convolution.

    Precondition: evaluation mode (running statistics are constants).

    Returns:
        How many were folded.
    """
    count = 0
    for node, norm in calls(graph, nn.BatchNorm2d):
        source = node.args[0]
        conv = module_of(graph, source, nn.Conv2d)
        if conv is None or not isinstance(source, fx.Node) or only_user(source) is not node:
            continue
        fused = insert_call(graph, node, str(source.target), fuse_conv_bn_eval(conv, norm), source.args)  # type: ignore[arg-type]
        node.replace_all_uses_with(fused)
        graph.graph.erase_node(node)
        count += 1
    finish(graph)
    return count
