"""Memory of this process, against an allocation of known size."""

from __future__ import annotations

import mmap

from edgedepth.memory import peak_memory, resident_memory

SIZE = 64 * 2**20


def test_an_allocation_is_seen_while_it_is_held_and_in_the_peak_ever_after():
    before = resident_memory()
    # Pages of its own: the heap of a process that has run for long may hold as many that are free but resident.
    with mmap.mmap(-1, SIZE) as held:
        for page in range(0, SIZE, mmap.PAGESIZE):
            held[page] = 1
        during = resident_memory()
    assert SIZE * 0.9 < during - before < SIZE * 1.5
    assert peak_memory() >= during * 0.99
