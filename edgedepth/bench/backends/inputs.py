"""What every runtime asks of a graph's inputs before it is measured."""

from __future__ import annotations

from edgedepth.errors import InputError


def require_fixed(name: str, tensor: str, shape: tuple[int, ...]) -> None:
    """Check that an input has one size only.

    Args:
        name: how errors call the graph.
        tensor: the input.
        shape: sizes; one that is not fixed is below 1.

    Raises:
        InputError: a size is not fixed.
    """
    if any(size < 1 for size in shape):
        raise InputError(
            f"{name} cannot be measured: its input has no fixed size.",
            f"Input {tensor} is {'x'.join('?' if n < 1 else str(n) for n in shape)}.",
            "Export it with fixed sizes, for example --size 192x640 --batch 1.",
        )
