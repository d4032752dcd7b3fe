"""Which layers stay in float: measured on depth, not on tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from edgedepth.artifact.manifest import ContractOutcome
from edgedepth.export.quantize.contract import Contract

T = TypeVar("T")


@dataclass(frozen=True)
class Trial(Generic[T]):
    """One quantized graph and what it does to depth.

    Attributes:
        content: the graph.
        kept: layers that were left in float.
        outcome: on the held-out pictures.
    """

    content: T
    kept: frozenset[str]
    outcome: ContractOutcome

    @property
    def harm(self) -> float:
        """The larger of what AbsRel grew by and what the share within a factor of 1.25 fell by."""
        return max(self.outcome.absrel - self.outcome.absrel_fp32, self.outcome.d1_fp32 - self.outcome.d1)


def sensitivities(layers: Sequence[str], attempt: Callable[[frozenset[str]], Trial[T]]) -> dict[str, float]:
    """The harm of each layer when it alone is quantized, worst first.

    Args:
        layers: names of all groups of the graph.
        attempt: quantizes all layers but those named, and measures.
    """
    alone = {name: attempt(frozenset(layers) - {name}).harm for name in layers}
    return dict(sorted(alone.items(), key=lambda item: (-item[1], item[0])))


def fewest_kept(
    full: Trial[T],
    harm: dict[str, float],
    contract: Contract,
    attempt: Callable[[frozenset[str]], Trial[T]],
) -> Trial[T] | None:
    """The trial that keeps the contract with the fewest of the worst layers in float; None if none does.

    Bisects over how many of the worst layers are kept, which takes it that keeping more never does harm; what it
    returns was measured itself.

    Args:
        full: with every layer quantized.
        harm: as `sensitivities` gives it, worst first.
        contract: what has to hold.
        attempt: as above.
    """
    if not contract.missed(full.outcome):
        return full
    order = list(harm)
    best: Trial[T] | None = None
    low, high = 1, len(order)
    while low <= high:
        count = (low + high) // 2
        trial = attempt(frozenset(order[:count]))
        if contract.missed(trial.outcome):
            low = count + 1
        else:
            best, high = trial, count - 1
    return best
