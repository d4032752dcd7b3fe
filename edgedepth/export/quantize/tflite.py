"""TFLite graphs with integer weights (w8, dyn8), or integer weights and activations (w8a8, w8a16).

Two groups always stay in float, since they are cheap there and everything depends on them:

- ``input``: what comes before the first convolution, the normalization;
- ``head``: the last convolution before the last SiLU with the concatenation that it reads, and all that follows.
  Disparity is a sigmoid, and far depth lies where it is nearly 0: there a step of 1/256 would be most of the value,
  and a step in what the head reads moves depth by percents.

So do the layers of a metric head that compute metres and probabilities (`EXACT`): an 8-bit step of a centre at 100 m
is 0.4 m, and a softmax at a low temperature turns a step of its logits into another bin.

So does softmax attention: its matrix products and the softmax have no place in int8, and cost little.

w8a16 runs in LiteRT's own kernels, not in XNNPACK, which has no 16-bit arithmetic: it is for accelerators that have,
and much slower on a CPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.flatbuffer import unpack
from edgedepth.artifact.tflite_graph import TfliteGraph, TfliteOperator, describe
from edgedepth.errors import InputError
from edgedepth.export.lowering.metric_bins import EXACT
from edgedepth.export.quantize.feeds import Feed
from edgedepth.export.quantize.groups import Group
from edgedepth.export.quantize.tflite_ranges import calibrate, is_silu_input, without_flat_silu
from edgedepth.export.quantize.tflite_static import INT8, INT16, Activation, quantize_static, scale_groups
from edgedepth.export.quantize.tflite_weights import WEIGHTED, quantize_weights
from edgedepth.export.tflite_layers import FIRST, layers

ALWAYS_FLOAT = frozenset({FIRST, "head"}) | EXACT
"""Groups that no precision touches."""


def groups(content: bytes) -> tuple[Group, ...]:
    """The graph's operators by layer of the network, in order of execution."""
    return _groups(describe(unpack(content)))


def quantize(content: bytes, precision: str, batches: Sequence[Feed], keep: frozenset[str]) -> bytes:
    """A float graph in another precision; the same input always gives the same bytes.

    Args:
        content: the float32 flatbuffer, its tensors named after layers.
        precision: ``w8``, ``dyn8``, ``w8a8`` or ``w8a16``.
        batches: calibration inputs of the graph's shapes. Pictures alone are (B, H, W, 3) in 0..1, and a batch of
            seeded noise joins them; of a graph with several inputs, whoever makes those has to think of noise. w8 and
            dyn8 need none.
        keep: names of groups that stay in float, besides `ALWAYS_FLOAT`.

    Raises:
        InputError: there are no calibration inputs.
    """
    graph = describe(unpack(content))
    kept = keep | ALWAYS_FLOAT
    floats = frozenset(int(i) for group in _groups(graph) if group.name in kept for i in group.operators)
    if precision in ("w8", "dyn8"):
        return quantize_weights(content, floats, dynamic=precision == "dyn8")
    if not batches:
        raise InputError(
            f"{precision} needs calibration pictures.",
            "The ranges of its activations come from running some.",
            "Name a folder of pictures with --calib.",
        )
    kind = INT8 if precision == "w8a8" else INT16
    inside = _integer_operators(graph, floats, kind)
    noise = [_noise(first)] if isinstance(first := batches[0], np.ndarray) else []
    ranges = calibrate(content, graph, scale_groups(graph, inside), [*batches, *noise])
    if kind is INT8:
        ranges = without_flat_silu(graph, ranges)
    return quantize_static(content, inside, ranges, kind)


def _noise(like: NDArray[np.float32]) -> NDArray[np.float32]:
    """Seeded noise, bytes in 0..1, of a picture's shape.

    It reaches values that few or smooth pictures do not, and that other pictures would be clipped at.
    """
    return np.random.default_rng(0).integers(0, 256, like.shape).astype(np.float32) / np.float32(255)


def _groups(graph: TfliteGraph) -> tuple[Group, ...]:
    names = layers(graph)
    for index in _head(graph):
        names[index] = "head"
    members: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        members.setdefault(name, []).append(index)
    return tuple(Group(name, tuple(operators)) for name, operators in members.items())


def _head(graph: TfliteGraph) -> list[int]:
    """From the convolution before the last SiLU on, or the last convolution where there is no SiLU."""
    weighted = [o.index for o in graph.operators if o.name in WEIGHTED]
    gates = [o for o in graph.operators if o.name == "LOGISTIC" and is_silu_input(graph, o.inputs[0])]
    last = gates[-1].index if gates else len(graph.operators)
    start = max((i for i in weighted if i < last), default=last)
    before = {o.outputs[0]: o for o in graph.operators}.get(graph.operators[start].inputs[0])
    if before is not None and before.name == "CONCATENATION":
        start = before.index
    return list(range(start, len(graph.operators)))


def _integer_operators(graph: TfliteGraph, floats: frozenset[int], kind: Activation) -> frozenset[int]:
    """Operators for integers: those that have kernels, without those that would only go there and back.

    Cheap operators whose neighbours are all in float gain nothing and would lose precision.
    """
    inside = {o.index for o in graph.operators if o.name in kind.operators and o.index not in floats}
    producer = {i: o.index for o in graph.operators for i in o.outputs}
    readers: dict[int, set[int]] = {}
    for operator in graph.operators:
        for i in operator.inputs:
            readers.setdefault(i, set()).add(operator.index)

    def isolated(operator: TfliteOperator) -> bool:
        near = {producer[i] for i in operator.inputs if i in producer}
        near |= {r for i in operator.outputs for r in readers.get(i, ())}
        return operator.name not in WEIGHTED and not near & inside

    lonely = {i for i in inside if isolated(graph.operators[i])}
    return frozenset(inside - lonely)
