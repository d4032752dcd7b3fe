"""A box of a coarse map, sampled at a patch's resolution: RoI alignment as two small matrix products.

Where a box is no larger than the cells that it is sampled into, RoI alignment takes one bilinear sample in the middle
of every cell, and the sample is separable: a matrix for the rows, one for the columns. No gather and no RoiAlign
operator is left in an export.
"""

from __future__ import annotations

import torch


def sample_boxes(maps: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Sample boxes of one map bilinearly, one sample in the middle of every cell; borders are repeated.

    Equal to ``roi_align(..., aligned=True)`` as long as a box spans at most as many of the map's pixels as it is
    sampled into, per side; a larger box would be sampled too sparsely.

    Args:
        maps: (1, C, H, W).
        boxes: (N, 4): left, top, right and bottom as fractions of the map, 0..1; places are computed at their
            precision.
        size: (h, w), the cells of every box.

    Returns:
        (N, C, h, w).
    """
    rows = sampling_matrices(boxes[:, 1], boxes[:, 3], maps.shape[2], size[0])
    columns = sampling_matrices(boxes[:, 0], boxes[:, 2], maps.shape[3], size[1])
    return rows[:, None].to(maps) @ maps @ columns[:, None].transpose(2, 3).to(maps)


def sampling_matrices(start: torch.Tensor, stop: torch.Tensor, length: int, cells: int) -> torch.Tensor:
    """Bilinear weights that bring `length` values to `cells` equal cells between two places.

    Args:
        start, stop: (N,), fractions of the length.
        length: values that there are.
        cells: samples that are wanted.

    Returns:
        (N, cells, length); every row sums to 1.
    """
    middle = torch.arange(cells, dtype=start.dtype, device=start.device) + 0.5
    place = start[:, None] * length + middle * ((stop - start)[:, None] * length / cells) - 0.5
    place = place.clamp(0, length - 1)
    values = torch.arange(length, dtype=start.dtype, device=start.device)
    return torch.relu(1 - (place[:, :, None] - values).abs())
