"""Random changes of a batch that keep picture and depth aligned. One generator decides everything."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from edgedepth.training.recipe import Augmentation

_GREY = (0.299, 0.587, 0.114)
_MAX_BOXES = 3


@dataclass(frozen=True)
class Batch:
    """What one step trains on.

    Attributes:
        images: (B, 3, H, W) float32 in 0..1.
        depths: (B, 1, H, W) float32, positive.
        weights: (B, 1, H, W) float32, 0 where the depth is unknown.
    """

    images: torch.Tensor
    depths: torch.Tensor
    weights: torch.Tensor


def augment(batch: Batch, size: tuple[int, int], settings: Augmentation, rng: np.random.Generator) -> Batch:
    """Geometry, seams, colours and blanked boxes, in that order.

    Args:
        batch: at the frames' own size.
        size: (height, width) of the result.
        settings: the recipe's strengths.
        rng: decides everything; the same state gives the same batch.
    """
    warped = warp(batch, size, random_geometry(len(batch.images), settings, rng, batch.images.shape[2:]))
    seamed = add_seams(warped, settings.seam, rng)
    images = recolour(seamed.images, settings, rng)
    images = erase_boxes(images, settings.erase, rng)
    return Batch(images.clamp(0, 1), seamed.depths, seamed.weights)


@dataclass(frozen=True)
class Geometry:
    """One affine map per picture.

    Attributes:
        theta: (B, 2, 3), from output to input coordinates, both -1..1 over the picture's edges.
        zoom: (B,), by how much the content is enlarged (geometric mean of both axes).
    """

    theta: torch.Tensor
    zoom: torch.Tensor


def random_geometry(count: int, settings: Augmentation, rng: np.random.Generator, shape: tuple[int, ...]) -> Geometry:
    """Flip, enlarged crop and small rotation for each of `count` pictures of `shape` (H, W)."""
    # Squared, so that most pictures stay near the view that the network will meet.
    zoom = 1 + (settings.zoom - 1) * rng.random(count) ** 2
    aspect = 1 + rng.uniform(-settings.aspect, settings.aspect, count)
    zoom_x, zoom_y = np.maximum(zoom * aspect, 1), np.maximum(zoom / aspect, 1)
    sign = np.where(rng.random(count) < settings.flip, -1.0, 1.0)
    angle = np.radians(rng.uniform(-settings.rotation, settings.rotation, count))
    ratio = shape[0] / shape[1]
    cos, sin = np.cos(angle), np.sin(angle)
    theta = np.zeros((count, 2, 3))
    theta[:, 0, 0], theta[:, 0, 1] = sign * cos / zoom_x, -sin * ratio / zoom_y
    theta[:, 1, 0], theta[:, 1, 1] = sign * sin / ratio / zoom_x, cos / zoom_y
    theta[:, 0, 2] = rng.uniform(-1, 1, count) * (1 - 1 / zoom_x)
    theta[:, 1, 2] = rng.uniform(-1, 1, count) * (1 - 1 / zoom_y)
    return Geometry(torch.from_numpy(theta).float(), torch.from_numpy(np.sqrt(zoom_x * zoom_y)).float())


def warp(batch: Batch, size: tuple[int, int], geometry: Geometry) -> Batch:
    """Resample pictures bilinearly and depths by the nearest pixel, and divide depth by the zoom.

    An enlarged object looks nearer by the same factor, so depth stays consistent with one focal length.
    """
    count = len(batch.images)
    grid = F.affine_grid(geometry.theta, [count, 1, *size], align_corners=False)
    images = F.grid_sample(batch.images, grid, "bilinear", "reflection", align_corners=False)
    maps = torch.cat([batch.depths, batch.weights], 1)
    depths, weights = F.grid_sample(maps, grid, "nearest", "zeros", align_corners=False).chunk(2, 1)
    depths = torch.where(weights > 0, depths / geometry.zoom.view(-1, 1, 1, 1), torch.ones_like(depths))
    return Batch(images, depths, weights)


def add_seams(batch: Batch, chance: float, rng: np.random.Generator) -> Batch:
    """Right of a random column, continue with the next picture of the batch, depth included."""
    count, width = len(batch.images), batch.images.shape[3]
    column = rng.uniform(0.2, 0.8, count) * width
    column = np.where(rng.random(count) < chance, column, width)
    keep = torch.from_numpy(np.arange(width)[None] < column[:, None]).view(count, 1, 1, width)
    parts = (batch.images, batch.depths, batch.weights)
    return Batch(*(torch.where(keep, part, part.roll(1, 0)) for part in parts))


def recolour(images: torch.Tensor, settings: Augmentation, rng: np.random.Generator) -> torch.Tensor:
    """Brightness, contrast, saturation, gamma, white balance, grey, blur and noise; (B, 3, H, W) in 0..1."""
    count, strength = len(images), settings.colour

    def factor(spread: float, channels: int = 1) -> torch.Tensor:
        values = np.exp(rng.uniform(-spread, spread, (count, channels)))
        return torch.from_numpy(values).float().view(count, channels, 1, 1)

    def chosen(chance: float) -> torch.Tensor:
        return torch.from_numpy(rng.random(count) < chance).view(count, 1, 1, 1)

    out = images * (factor(strength) * factor(strength / 4, 3))
    centre = out.mean((1, 2, 3), keepdim=True)
    out = centre + (out - centre) * factor(strength)
    grey = (out * out.new_tensor(_GREY).view(1, 3, 1, 1)).sum(1, keepdim=True)
    saturation = torch.where(chosen(settings.grey), torch.zeros(count, 1, 1, 1), factor(strength))
    out = grey + (out - grey) * saturation
    out = out.clamp(1e-4, 1) ** factor(strength / 2)
    blurred = F.avg_pool2d(F.pad(out, (1, 1, 1, 1), mode="replicate"), 3, 1)
    out = torch.where(chosen(settings.blur), blurred, out)
    # One noise field serves the batch, each picture at its own strength: fresh noise for all is dear.
    field = torch.from_numpy(rng.standard_normal(out.shape[1:], dtype=np.float32))
    level = torch.from_numpy(rng.uniform(0, settings.noise, count)).float().view(count, 1, 1, 1)
    return out + field * level


def erase_boxes(images: torch.Tensor, chance: float, rng: np.random.Generator) -> torch.Tensor:
    """Fill up to three boxes with one colour; their depth must then come from the surroundings."""
    height, width = images.shape[2:]
    out = images.clone()
    for index in range(len(images)):
        if rng.random() >= chance:
            continue
        for _ in range(int(rng.integers(1, _MAX_BOXES + 1))):
            area, shape = rng.uniform(0.005, 0.04) * height * width, math.exp(rng.uniform(-0.7, 0.7))
            box_h = min(int(math.sqrt(area * shape)) + 1, height)
            box_w = min(int(math.sqrt(area / shape)) + 1, width)
            top, left = rng.integers(0, height - box_h + 1), rng.integers(0, width - box_w + 1)
            colour = torch.from_numpy(rng.random((3, 1, 1))).float()
            out[index, :, top : top + box_h, left : left + box_w] = colour
    return out
