"""Pinhole geometry between two views: intrinsics, rigid motions, and warping one view into the other.

Pixel centres lie at whole coordinates, (0, 0) top left. Cameras look along z, x is right, y down. A pose named
``T_source_target`` takes points in the target camera's coordinates to the source camera's.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from edgedepth.training.selfsupervised.scales import at_least_single

_NEAREST = 1e-3
"""Points nearer to the source camera than this, or behind it, count as outside; in the unit of depth."""
_SMALL_ANGLE = 1e-6
"""Squared radians below which the series is exact in float64 and its gradient finite."""


def resized_intrinsics(K: torch.Tensor, old: tuple[int, int], new: tuple[int, int]) -> torch.Tensor:
    """The intrinsics of a resized picture, exact for pixel centres at whole coordinates.

    The picture spans -0.5..W-0.5, so ``c' = (c + 0.5) * scale - 0.5``; scaling ``c`` alone would shift the
    view by up to half a pixel.

    Args:
        K: (..., 3, 3).
        old: (height, width) that K belongs to.
        new: (height, width) of the resized picture.
    """
    scale = K.new_tensor([new[1] / old[1], new[0] / old[0]])
    out = K.clone()
    out[..., :2, :] = K[..., :2, :] * scale[:, None]
    out[..., :2, 2] = (K[..., :2, 2] + 0.5) * scale - 0.5
    return out


def flipped_intrinsics(K: torch.Tensor, width: int) -> torch.Tensor:
    """The intrinsics of a picture mirrored left to right: ``c_x' = W - 1 - c_x``; K is (..., 3, 3) without skew.

    The mirrored world's motions are mirrored too: a stereo pair's baseline changes its sign.
    """
    out = K.clone()
    out[..., 0, 2] = width - 1 - K[..., 0, 2]
    return out


def rigid_transform(axis_angle: torch.Tensor, translation: torch.Tensor, *, invert: bool = False) -> torch.Tensor:
    """A rigid motion from axis times angle and translation: ``p -> R p + t`` (Rodrigues' formula).

    Args:
        axis_angle: (B, 3) radians; zero is no rotation, and has a gradient.
        translation: (B, 3).
        invert: give the inverse motion.

    Returns:
        (B, 4, 4).
    """
    x, y, z = axis_angle.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3)
    square = (axis_angle**2).sum(1).view(-1, 1, 1)
    # The root's gradient at zero is infinite: the series takes over before.
    small = square < _SMALL_ANGLE
    angle = torch.where(small, torch.ones_like(square), square).sqrt()
    first = torch.where(small, 1 - square / 6, angle.sin() / angle)
    second = torch.where(small, 0.5 - square / 24, 2 * (angle / 2).sin() ** 2 / angle**2)
    squared = (cross[:, :, :, None] * cross[:, None, :, :]).sum(2)
    rotation = torch.eye(3).to(cross) + first * cross + second * squared
    pose = _homogeneous(rotation, translation)
    return inverse(pose) if invert else pose


def inverse(pose: torch.Tensor) -> torch.Tensor:
    """The inverse of rigid motions (B, 4, 4): ``p -> R^T (p - t)``."""
    rotation = pose[:, :3, :3].transpose(1, 2)
    return _homogeneous(rotation, -(rotation * pose[:, None, :3, 3]).sum(2))


def stereo_pose(baseline: torch.Tensor) -> torch.Tensor:
    """``T_source_target`` of a rectified pair.

    Args:
        baseline: (B,), the source camera's x in the target's coordinates: positive if the target is the left
            view and the source the right one, negative the other way round. Mirroring both pictures changes
            its sign.

    Returns:
        (B, 4, 4).
    """
    pose = torch.eye(4).to(baseline).repeat(len(baseline), 1, 1)
    pose[:, 0, 3] = -baseline
    return pose


def backproject(depth: torch.Tensor, K: torch.Tensor) -> torch.Tensor:
    """Points in the camera's coordinates.

    Args:
        depth: (B, 1, H, W) along the optical axis.
        K: (B, 3, 3).

    Returns:
        (B, 3, H, W).
    """
    height, width = depth.shape[2:]
    rows = torch.arange(height).to(depth).view(1, height, 1).expand(1, height, width)
    columns = torch.arange(width).to(depth).view(1, 1, width).expand(1, height, width)
    pixels = torch.stack([columns, rows, torch.ones_like(rows)], 1)
    return depth * _applied(torch.linalg.inv(K), pixels)


def project(points: torch.Tensor, K: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the camera sees points of its own coordinates.

    Args:
        points: (B, 3, H, W).
        K: (B, 3, 3).

    Returns:
        Column and row, (B, 2, H, W), and depth, (B, 1, H, W). Points that are not in front of the camera get
        meaningless, finite pixels: look at the depth.
    """
    seen = _applied(K, points)
    depth = seen[:, 2:]
    return seen[:, :2] / depth.clamp_min(_NEAREST), depth


def warp(
    source: torch.Tensor, depth: torch.Tensor, K: torch.Tensor, T_source_target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The target view, made from the source's pixels and the target's depth (bilinear, border replicated).

    The gradient reaches depth and pose. Half-precision depth is computed with in float32.

    Args:
        source: (B, C, H, W), at least 2 x 2 pixels.
        depth: (B, 1, H, W) of the target, positive.
        K: (B, 3, 3), of both views.
        T_source_target: (B, 4, 4).

    Returns:
        The warped picture, (B, C, H, W), and whether the source saw each pixel, (B, 1, H, W) bool: in front of
        the camera and within the picture's area, -0.5..W-0.5 by -0.5..H-0.5. Occlusion is not looked for.
    """
    height, width = source.shape[2:]
    points = backproject(at_least_single(depth), K)
    moved = _applied(T_source_target[:, :3, :3], points) + T_source_target[:, :3, 3, None, None]
    pixels, distance = project(moved, K)
    last = pixels.new_tensor([width - 1, height - 1]).view(1, 2, 1, 1)
    inside = (distance > _NEAREST) & ((pixels >= -0.5) & (pixels <= last + 0.5)).all(1, keepdim=True)
    grid = (2 * pixels / last - 1).permute(0, 2, 3, 1)
    return F.grid_sample(source.to(grid.dtype), grid, "bilinear", "border", align_corners=True), inside


def _applied(matrix: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """(B, 3, 3) times (B or 1, 3, H, W). Not as a matrix product: mixed precision and TF32 would round pixels."""
    columns = matrix[..., None, None].unbind(2)
    x, y, z = (vectors[:, i : i + 1] for i in range(3))
    return columns[0] * x + columns[1] * y + columns[2] * z


def _homogeneous(rotation: torch.Tensor, translation: torch.Tensor) -> torch.Tensor:
    top = torch.cat([rotation, translation[:, :, None]], 2)
    bottom = top.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(len(top), 1, 4)
    return torch.cat([top, bottom], 1)
