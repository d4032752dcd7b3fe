"""How far a correction may go, against surroundings gathered pixel by pixel."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from edgedepth.models.patchrefiner.reach import CELL, WINDOWS, Reach, steps

SIZE = (64, 96)
seeds = st.integers(0, 2**32 - 1)


def depth(seed, batch=1):
    """Log depth with steps, slopes and noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = F.interpolate(torch.randn(batch, 1, 4, 6, generator=generator), SIZE, mode="nearest")
    return coarse + 0.05 * torch.randn(batch, 1, *SIZE, generator=generator)


def around(relative, window, choose):
    """The extreme cell of each pixel's window, enlarged as bilinear resizing does; NumPy."""
    rows, columns = (side // CELL for side in SIZE)
    cells = relative.double().numpy().reshape(rows, CELL, columns, CELL).mean((1, 3))
    half = window // 2
    found = np.empty_like(cells)
    for i in range(rows):
        for j in range(columns):
            found[i, j] = choose(cells[max(i - half, 0) : i + half + 1, max(j - half, 0) : j + half + 1])
    return F.interpolate(torch.from_numpy(found)[None, None], SIZE, mode="bilinear", align_corners=False)[0, 0].numpy()


@settings(deadline=None, max_examples=5)
@given(seeds)
def test_steps_lead_to_the_extremes_of_each_window(seed):
    relative = depth(seed)
    found = steps(relative)[0].double().numpy()
    plain = relative[0, 0].double().numpy()
    for choose, sign, part in ((np.max, 1, found[: len(WINDOWS)]), (np.min, -1, found[len(WINDOWS) :])):
        reached = plain
        for window, step in zip(WINDOWS, part, strict=True):
            expected = sign * np.maximum(sign * reached, sign * around(relative, window, choose))
            np.testing.assert_allclose(reached + sign * step, expected, atol=1e-5)
            reached = expected


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_corrected_depth_stays_within_its_surroundings(seed):
    relative = depth(seed, batch=2)
    gates = torch.rand(2, Reach.gates, *SIZE, generator=torch.Generator().manual_seed(seed))
    corrected = relative + Reach()(gates, relative)
    far, near = torch.split(steps(relative), len(WINDOWS), 1)
    assert float(steps(relative).min()) >= 0
    assert bool((corrected <= relative + far.sum(1, keepdim=True) + 1e-5).all())
    assert bool((corrected >= relative - near.sum(1, keepdim=True) - 1e-5).all())


def test_closed_gates_leave_depth_and_open_ones_reach_the_end():
    relative, reach = depth(1), Reach()
    assert float(reach(torch.zeros(1, Reach.gates, *SIZE), relative).abs().max()) == 0
    far, near = torch.split(steps(relative), len(WINDOWS), 1)
    one_way = torch.zeros(1, Reach.gates, *SIZE)
    one_way[:, : len(WINDOWS)] = 1
    torch.testing.assert_close(reach(one_way, relative), far.sum(1, keepdim=True))
    torch.testing.assert_close(reach(1 - one_way, relative), -near.sum(1, keepdim=True))


@settings(deadline=None, max_examples=10)
@given(seeds, st.floats(-3, 3))
def test_depth_of_another_scale_has_the_same_steps(seed, shift):
    relative = depth(seed)
    torch.testing.assert_close(steps(relative + shift), steps(relative), rtol=0, atol=1e-5)


def test_a_slope_costs_what_it_rises_and_a_flat_map_nothing():
    assert float(steps(torch.full((1, 1, *SIZE), 0.7)).abs().max()) <= 1e-6
    slope = (torch.arange(SIZE[1]) * 0.01).expand(1, 1, *SIZE)
    middle = steps(slope)[..., 32:-32].amax((0, 2, 3))
    for i, window in enumerate(WINDOWS):
        before = WINDOWS[i - 1] // 2 if i else 0
        expected = (window // 2 - before) * CELL * 0.01
        np.testing.assert_allclose(middle[[i, len(WINDOWS) + i]].numpy(), expected, atol=1e-5)
