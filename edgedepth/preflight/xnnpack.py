"""How LiteRT's XNNPACK delegate partitions a graph: measured, not guessed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.bench.litert import open_interpreter


@dataclass(frozen=True)
class Partitions:
    """What XNNPACK took.

    Attributes:
        sizes: operators per partition, in order.
        outside: indices of the operators that stay with LiteRT's own kernels.
        operators: of the whole graph.
    """

    sizes: tuple[int, ...]
    outside: tuple[int, ...]
    operators: int

    @property
    def whole(self) -> bool:
        """One partition that holds every operator."""
        return len(self.sizes) == 1 and not self.outside


def xnnpack_partitions(path: Path) -> Partitions:
    """Load a .tflite file as an application would, and see what the delegate took.

    The interpreter lists the original operators and, behind them, one DELEGATE per partition with the tensors
    that enter and leave it. A partition's operators are those between the two; an operator whose result
    nobody reads counts as outside.

    Raises:
        InputError: damaged, or not a TFLite file.
        OperatorError: LiteRT refuses the graph.
    """
    graph = read_tflite(path)
    interpreter = open_interpreter(path, threads=1)
    # No public call tells what was delegated; without the delegate the same call lists the graph alone.
    nodes = interpreter._get_ops_details()  # noqa: SLF001
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    producer = {index: operator for operator in graph.operators for index in operator.outputs}
    taken: list[set[int]] = []
    for delegate in delegates:
        entering = {int(i) for i in delegate["inputs"]}
        pending = [int(i) for i in delegate["outputs"]]
        inside: set[int] = set()
        while pending:
            tensor = pending.pop()
            operator = producer.get(tensor)
            if tensor in entering or operator is None or operator.index in inside:
                continue
            inside.add(operator.index)
            pending += operator.inputs
        taken.append(inside)
    everything = set().union(*taken)
    outside = tuple(o.index for o in graph.operators if o.index not in everything)
    return Partitions(tuple(len(inside) for inside in taken), outside, len(graph.operators))
