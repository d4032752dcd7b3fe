"""Which layer of the network each operator of a converted graph belongs to, kept in the names of its tensors.

litert-torch names a tensor after the modules that it was computed in, as in
``...Deployed/torch.nn.modules.conv.Conv2d_lowered_encoder_2_cv1_conv;2``. Of that the layer ``encoder.2`` is kept: the
path down to its first number. Functions and shared activations carry no path; they belong to the layer before them.
"""

from __future__ import annotations

import re

from edgedepth.artifact.tflite_graph import TfliteGraph

FIRST = "input"
"""The layer of what comes before the first one of the network."""

_MODULE = re.compile(r"\.[A-Za-z]\w*?_(?P<attribute>\w+)$|\._\w+?_(?P<private>\w+)$")


def tensor_names(graph: TfliteGraph) -> list[str]:
    """A short name for every tensor, ``layer/index``; constants, which belong to no layer, have their index alone."""
    names = [str(tensor.index) for tensor in graph.tensors]
    for operator, layer in zip(graph.operators, _traced_layers(graph), strict=True):
        for index in operator.outputs:
            names[index] = f"{layer}/{index}"
    return names


def layers(graph: TfliteGraph) -> list[str]:
    """The layer of every operator of a graph whose tensors are named by `tensor_names`.

    An operator whose output has another name, such as the graph's output, belongs to the layer before it.
    """
    found, layer = [], FIRST
    for operator in graph.operators:
        path, slash, _ = graph.tensors[operator.outputs[0]].name.rpartition("/")
        layer = path if slash else layer
        found.append(layer)
    return found


def _traced_layers(graph: TfliteGraph) -> list[str]:
    found, layer = [], FIRST
    for operator in graph.operators:
        candidates = graph.tensors[operator.outputs[0]].name.split(";;")
        layer = next((path for path in map(_path, candidates) if path), layer)
        found.append(layer)
    return found


def _path(name: str) -> str | None:
    """Down to the first number; None where there is none, or nothing before it: a part of some layer, but of which?"""
    steps: list[str] = []
    for module in name.partition(";")[0].split("/")[1:]:
        match = _MODULE.search(module)
        attribute = (match["attribute"] or match["private"]) if match else ""
        for step in attribute.removeprefix("lowered_").removeprefix("lowered").split("_"):
            if step:
                steps.append(step)
            if step.isdecimal():
                return ".".join(steps) if len(steps) > 1 else None
    return None
