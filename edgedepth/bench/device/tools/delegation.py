"""Which part of the graph ran where, as the runtime's log tells it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgedepth.bench.device.tools.text import Line, MalformedError, shortened, whole_number
from edgedepth.bench.schema import Accelerator

_REPLACED = re.compile(
    r"Replacing (?P<taken>\S+) out of (?P<of>\S+) node\(s\) with delegate \((?P<name>[^()]*)\) node, "
    r"yielding (?P<partitions>\S+) partitions(?: for subgraph (?P<graph>[0-9]+)(?: \(.*\))?)?\."
)
_EXPLICIT = re.compile(
    r"(?:Explicitly applied (?P<applied>.{1,64}?) delegate, and the model graph will be (?P<how>completely|partially)"
    r"|Though (?P<idle>.{1,64}?) delegate is explicitly applied, the model graph will not be) executed by the delegate"
)
_SPLIT = re.compile(
    r"(?:First )?(?P<gpu>\S+) operations will run on the GPU, and the remaining (?P<cpu>\S+)(?: operations will run)? "
    r"on the CPU\.?"
)
_REFUSED = re.compile(r"(?:Following|Next) operations are not supported by GPU delegate:")
_REASON = re.compile(r"(?P<operator>[A-Z][A-Z0-9_]{1,63}|CUSTOM [^\s:]{1,63}):(?: (?P<why>.*))?")
_FAMILIES: tuple[tuple[Accelerator, re.Pattern[str]], ...] = (
    ("cpu", re.compile("xnnpack", re.IGNORECASE)),
    ("npu", re.compile("dispatch|qnn|hexagon|nnapi|neuron|tpu|npu|external|stable", re.IGNORECASE)),
    ("gpu", re.compile("gpu|litert_|opencl|opengl|vulkan|metal", re.IGNORECASE)),
)


@dataclass(frozen=True)
class Delegation:
    """See `ToolResult`; `refused` are the operators that the GPU does not take, each with its reason."""

    delegated: int | None = None
    nodes: int | None = None
    partitions: int | None = None
    whole: bool | None = None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Taken:
    nodes: int
    of: int
    partitions: int


def read_delegation(lines: Sequence[Line], accelerator: Accelerator) -> Delegation:
    """What the accelerator's delegate took.

    A graph has nodes once: of several lines about one subgraph, the first tells how many it had before anything was
    replaced. Of several about one delegate and subgraph, the last counts.

    Raises:
        MalformedError: a line is damaged or impossible.
    """
    taken: dict[tuple[str, int], _Taken] = {}
    sizes: dict[int, int] = {}
    told: list[bool] = []
    for line in lines:
        if line.text.startswith("Replacing ") and "delegate" in line.text:
            name, graph, piece = _replaced(line.text)
            taken[name, graph] = piece
            sizes.setdefault(graph, piece.of)
        elif (found := _EXPLICIT.match(line.text)) is not None and _is(found["applied"] or found["idle"], accelerator):
            told.append(found["how"] == "completely")
        elif accelerator == "gpu" and (found := _SPLIT.fullmatch(line.text)) is not None:
            told.append(whole_number(found["cpu"], line.text) == 0)
    refused = refused_operators(lines)
    own = [piece for (name, _), piece in taken.items() if _is(name, accelerator)]
    if not own:
        # Others replaced nodes and it did not: it took nothing.
        idle = False if taken and accelerator != "cpu" else None
        return Delegation(whole=all(told) if told else idle, refused=refused)
    delegated, nodes = sum(piece.nodes for piece in own), sum(sizes.values())
    if delegated > nodes:
        raise MalformedError("More nodes were replaced than there are", f"{delegated} of {nodes}")
    whole = delegated == nodes and all(piece.partitions == 1 for piece in own) and all(told)
    return Delegation(delegated, nodes, sum(piece.partitions for piece in own), whole, refused)


def refused_operators(lines: Sequence[Line]) -> tuple[str, ...]:
    """``GATHER_ND: Operation is not supported.`` and so on, each once, in the order in which they are told."""
    refused: dict[str, None] = {}
    listing = False
    for line in lines:
        if _REFUSED.match(line.text):
            listing = True
        elif listing and (found := _REASON.fullmatch(line.text)) is not None:
            refused[shortened(f"{found['operator']}: {found['why']}" if found["why"] else found["operator"], 120)] = (
                None
            )
        elif "will run on the" in line.text:
            listing = False
    return tuple(refused)


def _replaced(text: str) -> tuple[str, int, _Taken]:
    found = _REPLACED.fullmatch(text)
    if found is None:
        raise MalformedError("This line is damaged", text)
    piece = _Taken(*(whole_number(found[group], text) for group in ("taken", "of", "partitions")))
    if piece.nodes > piece.of or piece.partitions > piece.nodes:
        raise MalformedError("These numbers contradict each other", text)
    return found["name"], whole_number(found["graph"] or "0", text), piece


def _is(delegate: str, accelerator: Accelerator) -> bool:
    for family, names in _FAMILIES:
        if names.search(delegate):
            return family == accelerator
    # A vendor's own library may call itself anything; it is only loaded where an NPU was asked for.
    return accelerator == "npu"
