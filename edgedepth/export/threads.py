"""PyTorch on one thread: its convolutions then add up in one order, on machines of any number of cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the block's PyTorch work on one thread, for equal bytes everywhere; it is also quicker on small maps."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
