"""Memory of this process, against an allocation of known size."""

from __future__ import annotations

import numpy as np

from edgedepth.memory import peak_memory, resident_memory

SIZE = 64 * 2**20


def test_an_allocation_is_seen_while_it_is_held_and_in_the_peak_ever_after():
    before = resident_memory()
    held = np.ones(SIZE, np.uint8)
    during = resident_memory()
    assert SIZE * 0.9 < during - before < SIZE * 1.5
    assert held.sum() == SIZE
    del held
    assert peak_memory() >= during * 0.99
