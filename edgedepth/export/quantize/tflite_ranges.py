"""Ranges of activations, from calibration pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.flatbuffer import unpack
from edgedepth.artifact.tflite_graph import TfliteGraph
from edgedepth.export.quantize.feeds import Feed, named
from edgedepth.export.quantize.tflite_edit import values

Range = tuple[float, float]

SILU_FLOOR = -6.0
"""Where the input of a SiLU may be cut off: below, SiLU lies between -0.015 and 0."""


def calibrate(content: bytes, graph: TfliteGraph, tensors: Iterable[int], batches: Sequence[Feed]) -> dict[int, Range]:
    """Least and greatest value of each tensor over all pictures.

    Args:
        content, graph: the float graph.
        tensors: which ones, constants among them.
        batches: inputs, pictures being (B, H, W, 3) in 0..1.
    """
    model = unpack(content)
    constant = [i for i in tensors if graph.tensors[i].constant]
    computed = [i for i in tensors if not graph.tensors[i].constant]
    ranges = {i: _ends(values(model, i)) for i in constant}
    interpreter = _recorder(content)
    entries = interpreter.get_input_details()
    for batch in batches:
        feeds = named(batch, entries[0]["name"])
        for entry in entries:
            interpreter.set_tensor(entry["index"], feeds[entry["name"]])
        interpreter.invoke()
        for i in computed:
            low, high = _ends(interpreter.get_tensor(i))
            ranges[i] = (min(low, ranges[i][0]), max(high, ranges[i][1])) if i in ranges else (low, high)
    return ranges


def without_flat_silu(graph: TfliteGraph, ranges: Mapping[int, Range]) -> dict[int, Range]:
    """Ranges of SiLU inputs without what lies below `SILU_FLOOR`, where 256 steps are too few to spend any on it."""
    return {
        i: (max(low, SILU_FLOOR), max(high, SILU_FLOOR)) if is_silu_input(graph, i) else (low, high)
        for i, (low, high) in ranges.items()
    }


def is_silu_input(graph: TfliteGraph, tensor: int) -> bool:
    """Whether all that reads the tensor is a LOGISTIC and its product with the tensor."""
    readers = [o for o in graph.operators if tensor in o.inputs]
    gates = {o.outputs[0] for o in readers if o.name == "LOGISTIC"}
    products = [o for o in readers if o.name == "MUL" and gates & set(o.inputs)]
    return bool(products) and len(gates) + len(products) == len(readers)


def _ends(data: NDArray[np.float32]) -> Range:
    return float(data.min()), float(data.max())


def _recorder(content: bytes) -> Any:
    """An interpreter that keeps every tensor: LiteRT's own kernels, since a delegate shows nothing of its inside."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415 - only when a graph is run

    interpreter = Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    return interpreter
