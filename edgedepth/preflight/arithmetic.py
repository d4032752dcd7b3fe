"""What arithmetic a graph does, read from the graph: it decides how closely two machines must agree.

Integer arithmetic is exact, so two machines that run the same integer operators on the same integers must give the
same bytes. Float arithmetic agrees up to the order of additions. A dynamically quantized operator rounds its
activations by their own range, and a float that is rounded to an integer may fall on either side: there, a
difference in the last bit becomes one of a whole step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgedepth.artifact.flatbuffer import pack, unpack
from edgedepth.artifact.tflite_graph import TfliteGraph, TfliteOperator, describe

Kind = Literal["float", "dynamic", "integer", "mixed"]

QUANTIZED = frozenset({"int8", "uint8", "int16"})
_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL"})


@dataclass(frozen=True)
class Arithmetic:
    """The operators of a graph by what they compute on.

    Attributes:
        integer: operators that take and give quantized integers.
        dynamic: operators that take floats and constant integer weights, and round the floats themselves.
        floating: operators that give floats computed from floats.
        entries: quantized tensors that are made from floats, or are inputs that an integer operator reads.
        exits: quantized tensors that integer operators make and something else reads, or that are outputs.
    """

    integer: tuple[int, ...]
    dynamic: tuple[int, ...]
    floating: tuple[int, ...]
    entries: tuple[int, ...]
    exits: tuple[int, ...]

    @property
    def kind(self) -> Kind:
        """``integer`` and ``float`` hold one kind of operator; ``dynamic`` floats and dynamic ones; else ``mixed``."""
        if not self.integer:
            return "dynamic" if self.dynamic else "float"
        return "mixed" if self.dynamic or self.floating else "integer"


def arithmetic(graph: TfliteGraph) -> Arithmetic:
    """Sort a graph's operators."""
    integer = tuple(o.index for o in graph.operators if _is_integer(graph, o))
    inside = set(integer)
    made = {i for o in graph.operators if o.index in inside for i in o.outputs}
    entries = _unique(i for o in graph.operators if o.index in inside for i in _activations(graph, o) if i not in made)
    read_outside = {i for o in graph.operators if o.index not in inside for i in o.inputs} | set(graph.outputs)
    return Arithmetic(
        integer,
        tuple(o.index for o in graph.operators if _is_dynamic(graph, o)),
        tuple(o.index for o in graph.operators if _is_floating(graph, o)),
        entries,
        _unique(i for o in graph.operators if o.index in inside for i in o.outputs if i in read_outside),
    )


def with_outputs(path: Path, tensors: Sequence[int]) -> bytes:
    """The file with tensors of its main graph as further outputs, named by `tap`."""
    content = path.read_bytes()
    model = unpack(content)
    _set_interface(model, None, [*model.subgraphs[0].outputs, *tensors], keep=len(model.subgraphs[0].outputs))
    return pack(model, len(content))


def integer_part(path: Path, *, every: bool = False) -> bytes:
    """The file with nothing but its integer operators: its inputs are the entries, its outputs the exits.

    Args:
        path: of a graph that has integer operators.
        every: all quantized tensors as outputs, to find where a difference begins.
    """
    content = path.read_bytes()
    model = unpack(content)
    graph = describe(model)
    found = arithmetic(graph)
    main = model.subgraphs[0]
    inside = set(found.integer)
    main.operators = [operator for i, operator in enumerate(main.operators) if i in inside]
    made = _unique(i for o in graph.operators if o.index in inside for i in o.outputs)
    _set_interface(model, found.entries, made if every else found.exits)
    return pack(model, len(content))


def tap(tensor: int) -> str:
    """Name of a tensor that was made an input or output here."""
    return f"tensor {tensor}"


def tapped(name: str) -> int:
    """The tensor that `tap` gave this name."""
    return int(name.removeprefix("tensor "))


def _set_interface(model: Any, inputs: Sequence[int] | None, outputs: Sequence[int], keep: int = 0) -> None:
    """Give the main graph other inputs and outputs, the first `keep` outputs under the name that they have."""
    main = model.subgraphs[0]
    if inputs is not None:
        main.inputs = np.array(inputs, np.int32)
    main.outputs = np.array(outputs, np.int32)
    if not model.signatureDefs:
        # Without a signature, tensors are known by their own names.
        for index in [*(inputs or ()), *outputs[keep:]]:
            main.tensors[index].name = tap(index).encode()
        return
    del model.signatureDefs[1:]
    signature = model.signatureDefs[0]
    if inputs is not None:
        signature.inputs = [schema.TensorMapT(tap(i).encode(), i) for i in inputs]
    known = [] if keep == 0 else list(signature.outputs)
    signature.outputs = known + [schema.TensorMapT(tap(i).encode(), i) for i in outputs[keep:]]


def _activations(graph: TfliteGraph, operator: TfliteOperator) -> list[int]:
    return [i for i in operator.inputs if i >= 0 and not graph.tensors[i].constant]


def _kinds(graph: TfliteGraph, tensors: Sequence[int]) -> set[str]:
    return {graph.tensors[i].dtype for i in tensors}


def _is_integer(graph: TfliteGraph, operator: TfliteOperator) -> bool:
    taken = _kinds(graph, _activations(graph, operator))
    return (
        bool(taken) and taken <= QUANTIZED and bool(operator.outputs) and _kinds(graph, operator.outputs) <= QUANTIZED
    )


def _is_dynamic(graph: TfliteGraph, operator: TfliteOperator) -> bool:
    if operator.name not in _WEIGHTED or "float32" not in _kinds(graph, operator.outputs):
        return False
    weights = [graph.tensors[i] for i in operator.inputs if i >= 0 and graph.tensors[i].constant]
    return any(tensor.dtype in ("int8", "int4", "int2", "uint8") for tensor in weights)


def _is_floating(graph: TfliteGraph, operator: TfliteOperator) -> bool:
    """Moving data about counts as well: it is harmless, and no table of names decides."""
    taken = _kinds(graph, _activations(graph, operator))
    return not _is_dynamic(graph, operator) and "float32" in taken and "float32" in _kinds(graph, operator.outputs)


def _unique(indices: Any) -> tuple[int, ...]:
    return tuple(dict.fromkeys(int(i) for i in indices))
