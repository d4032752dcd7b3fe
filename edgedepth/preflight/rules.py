"""Which operators mobile delegates leave out, and which lowering removes each.

Every line was found by running a graph of that one operator: XNNPACK as LiteRT 2.3 applies it, and LiteRT's
GPU accelerator with full delegation required. `preflight.xnnpack` and `preflight.gpu` measure; this table
explains, and predicts the GPU's answer where there is no GPU to ask, what it takes but computes wrong included.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from edgedepth.artifact.tflite_graph import TfliteGraph, TfliteOperator

Delegate = Literal["xnnpack", "gpu"]

GPU_MAX_RANK = 4
GPU_LONGEST = 32768
"""Rows, a batch's together, or columns of a matrix product's second factor; one more, and other values come out."""
REACH = 3
"""Operators between two that belong to one module."""

_BOTH = "neither XNNPACK nor the GPU accelerator has this operator"
_CPU_ONLY = "outside XNNPACK; the GPU accelerator takes it"

REFUSED_BY_GPU = frozenset({"GATHER_ND", "BROADCAST_TO", "L2_NORMALIZATION", "EXPAND_DIMS", "SQUEEZE", "LOG_SOFTMAX"})
"""Operators without a GPU kernel."""

LEFT_BY_XNNPACK = {
    **dict.fromkeys(sorted(REFUSED_BY_GPU), _BOTH),
    "CAST": "outside XNNPACK; from uint8, DEQUANTIZE does the same and is inside",
    **dict.fromkeys(
        ("CUMSUM", "GATHER", "GREATER", "GREATER_EQUAL", "LESS", "MIRROR_PAD", "PACK", "PADV2", "POW"),
        _CPU_ONLY,
    ),
    **dict.fromkeys(("RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SELECT", "SELECT_V2", "SIGN", "TILE"), _CPU_ONLY),
}
"""Operators without an XNNPACK kernel, whatever their shapes."""

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")

_LOWERED = {
    **dict.fromkeys(("GATHER_ND", "GATHER", "BROADCAST_TO", "SELECT", "SELECT_V2"), "dysample"),
    "MIRROR_PAD": "reflection-pad",
    "RESIZE_NEAREST_NEIGHBOR": "nearest",
    "PADV2": "max-pool",
}


@dataclass(frozen=True)
class Finding:
    """Operators of one kind that a delegate leaves out for one reason.

    Attributes:
        operators: their indices in the graph.
        lowering: edgedepth's lowering that removes them; None where there is none.
    """

    delegate: Delegate
    kind: str
    reason: str
    lowering: str | None
    operators: tuple[int, ...]


def xnnpack_reason(graph: TfliteGraph, operator: TfliteOperator) -> str | None:
    """Why XNNPACK leaves an operator out; None where the table knows no reason."""
    if operator.name in LEFT_BY_XNNPACK:
        return LEFT_BY_XNNPACK[operator.name]
    if operator.name in _WEIGHTED and not graph.tensors[operator.inputs[1]].constant:
        return "outside XNNPACK where the weights are computed in the graph; BATCH_MATMUL is inside"
    kinds = {graph.tensors[i].dtype for i in operator.outputs}
    if kinds & {"int32", "int64", "bool"}:
        return f"outside XNNPACK on {', '.join(sorted(kinds))}"
    return None


def gpu_reason(graph: TfliteGraph, operator: TfliteOperator) -> str | None:
    """Why the GPU accelerator refuses an operator; None where it is expected to take it."""
    if operator.name in REFUSED_BY_GPU:
        return "the GPU accelerator does not have this operator"
    tensors = [graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
    rank = max((tensor.rank for tensor in tensors), default=0)
    if rank > GPU_MAX_RANK:
        return f"the GPU accelerator takes tensors up to rank {GPU_MAX_RANK}, this has rank {rank}"
    return None


def lowering_for(graph: TfliteGraph, operator: TfliteOperator) -> str | None:
    """The lowering of edgedepth that removes an operator which a delegate leaves out.

    The module that an operator came from is read off its output's name, where the exporter kept it; otherwise
    the operator itself decides.
    """
    name = graph.tensors[operator.outputs[0]].name.lower() if operator.outputs else ""
    if "dysample" in name:
        return "dysample"
    if "attention" in name or operator.name == "FULLY_CONNECTED":
        return "attention"
    return _LOWERED.get(operator.name)


def lowerings(graph: TfliteGraph, left_out: Iterable[int]) -> dict[int, str]:
    """The lowering that removes each of the operators that a delegate leaves out, where one is known.

    What stands around an operator with a known lowering was made by the same module and goes with it: operators that
    are left out as well, with at most `REACH` others between one and the next.

    Args:
        graph: the whole graph.
        left_out: indices of its operators.
    """
    out = set(left_out)
    by_tensor: dict[int, list[int]] = {}
    for operator in graph.operators:
        for tensor in (*operator.inputs, *operator.outputs):
            if tensor >= 0 and not graph.tensors[tensor].constant:
                by_tensor.setdefault(tensor, []).append(operator.index)
    own = {i: lowering_for(graph, graph.operators[i]) for i in sorted(out)}
    found = {i: name for i, name in own.items() if name is not None}
    nearest = dict.fromkeys(found, 0)
    pending = deque((i, name) for i, name in found.items())
    while pending:
        index, name = pending.popleft()
        operator = graph.operators[index]
        for near in {i for tensor in (*operator.inputs, *operator.outputs) for i in by_tensor.get(tensor, ())}:
            between = 0 if near in out else nearest[index] + 1
            if between > REACH or nearest.get(near, REACH + 1) <= between:
                continue
            nearest[near] = between
            if near in out:
                found.setdefault(near, name)
            pending.append((near, name))
    return found


def predicted_gpu_refusals(graph: TfliteGraph) -> tuple[Finding, ...]:
    """What the GPU accelerator is expected to refuse, by the table."""
    return _grouped("gpu", graph, ((o, gpu_reason(graph, o)) for o in graph.operators))


def miscomputed_by_gpu(graph: TfliteGraph) -> tuple[Finding, ...]:
    """What the GPU accelerator is known to take and compute wrong, without a word (seen with LiteRT 2.3)."""
    made_by = {tensor: operator.name for operator in graph.operators for tensor in operator.outputs}
    groups: dict[tuple[str, str, str], list[int]] = {}
    for operator in graph.operators:
        if operator.name == "AVERAGE_POOL_2D" and made_by.get(operator.inputs[0]) in ("PAD", "PADV2"):
            wrong = (
                "the GPU accelerator joins it with the PAD before it and does not count the padding",
                "average-pool",
            )
        elif operator.name == "BATCH_MATMUL" and (told := _wrong_product(graph, operator)) is not None:
            wrong = told
        else:
            continue
        groups.setdefault((operator.name, *wrong), []).append(operator.index)
    return tuple(Finding("gpu", *told, operators=tuple(indices)) for told, indices in groups.items())


def _wrong_product(graph: TfliteGraph, product: TfliteOperator) -> tuple[str, str] | None:
    """Why a matrix product comes out wrong, and the lowering that avoids it."""
    first, second = (graph.tensors[index] for index in product.inputs[:2])
    batch = graph.tensors[product.outputs[0]].shape[:-2]
    rows, columns = second.shape[-2:]
    if not product.options.get("adjY") and max(rows * math.prod(second.shape[:-2]), columns) > GPU_LONGEST:
        reason = f"the GPU accelerator computes it wrong: its second factor has more than {GPU_LONGEST} rows or columns"
        return reason, "cross-covariance"
    computed = not first.constant and not second.constant
    if computed and any(math.prod(factor.shape[:-2]) != math.prod(batch) for factor in (first, second)):
        return (
            "the GPU accelerator computes it wrong: one factor serves a whole batch of the other",
            "factorized-attention",
        )
    return None


def explained_xnnpack(graph: TfliteGraph, outside: Iterable[int]) -> tuple[Finding, ...]:
    """Why each operator that XNNPACK was seen to leave out is outside, as far as the table knows."""
    unknown = "outside XNNPACK for its types, shapes or options"
    operators = [graph.operators[index] for index in outside]
    return _grouped("xnnpack", graph, ((o, xnnpack_reason(graph, o) or unknown) for o in operators))


def input_transposes(graph: TfliteGraph) -> tuple[int, ...]:
    """Transposes that read a graph input, directly or through a cast: an NHWC input saves them."""
    near = set(graph.inputs)
    found = []
    for operator in graph.operators:
        if operator.inputs and operator.inputs[0] in near:
            if operator.name == "TRANSPOSE":
                found.append(operator.index)
            elif operator.name in ("CAST", "DEQUANTIZE", "QUANTIZE"):
                near.update(operator.outputs)
    return tuple(found)


def _grouped(
    delegate: Delegate, graph: TfliteGraph, reasons: Iterable[tuple[TfliteOperator, str | None]]
) -> tuple[Finding, ...]:
    groups: dict[tuple[str, str, str | None], list[int]] = {}
    left_out = [(operator, reason) for operator, reason in reasons if reason is not None]
    fixes = lowerings(graph, (operator.index for operator, _ in left_out))
    for operator, reason in left_out:
        groups.setdefault((operator.name, reason, fixes.get(operator.index)), []).append(operator.index)
    return tuple(
        Finding(delegate, kind, reason, lowering, tuple(indices))
        for (kind, reason, lowering), indices in groups.items()
    )
