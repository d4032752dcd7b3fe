"""Which layer of the network each operator of an ONNX graph belongs to, told by the names of its weights.

The exporter names a weight after its module, as in ``network.lowered_encoder_2_cv1_conv.weight``. Of that the layer
``encoder.2`` is kept: the path down to its first number. Operators without weights belong to the layer before them.
"""

from __future__ import annotations

import re

import onnx

from edgedepth.export.quantize.groups import Group

FIRST = "input"
"""The layer of what comes before the first one of the network."""

_PATH = re.compile(r"network\.(?:lowered_)?(?P<path>(?:[A-Za-z][A-Za-z0-9]*[._])+?\d+)(?=[._])")


def groups(model: onnx.ModelProto) -> tuple[Group, ...]:
    """The operators of every layer, both in order of execution; a layer's operators need not be neighbours."""
    constants = {tensor.name for tensor in model.graph.initializer}
    found: dict[str, list[str]] = {}
    layer = FIRST
    for node in model.graph.node:
        paths = (_PATH.match(name) for name in node.input if name in constants)
        layer = next((match["path"].replace("_", ".") for match in paths if match), layer)
        found.setdefault(layer, []).append(node.name)
    return tuple(Group(name, tuple(operators)) for name, operators in found.items())
