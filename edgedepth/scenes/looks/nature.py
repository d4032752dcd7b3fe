"""Textures of what grows: crowns and hedges, bark, far hills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgedepth.scenes.arith import Array, mix, smooth
from edgedepth.scenes.looks.texture import grain2, grain3

if TYPE_CHECKING:
    from edgedepth.scenes.looks.surface import Surface


def leaves(s: Surface) -> Array:
    """Foliage: clumps catch the light, gaps between them are dark; the accent colours whole branches."""
    x, h, z = s.x + s.seed, s.h, s.z
    clumps = grain3(x, h, z, (0.09, 0.22, 0.55), s.footprint)
    branches = grain3(x, h, z + 9.0, (1.4,), s.footprint)
    colour = mix(s.colour, s.accent, smooth(0.5 + branches)[:, None])
    return colour * np.maximum(1.0 + 1.1 * clumps + 0.35 * branches, 0.12)[:, None]


def bark(s: Surface) -> Array:
    """Bark: furrows along the trunk."""
    furrows = grain2((s.x + s.z) * 3 + s.seed, s.h * 0.5, (0.12, 0.35), s.fu, s.fv)
    return s.colour * (1.0 + 0.5 * furrows)[:, None]


def hill(s: Surface) -> Array:
    """Paint a far hill: woods and fields."""
    woods = grain2(s.x + s.seed, s.z + s.h, (9.0, 27.0, 80.0), s.fu, s.fu)
    crowns = grain2(s.x - s.z, s.h * 1.6, (4.0, 9.0), s.fv, s.fv)
    colour = mix(s.colour, s.accent, smooth(woods * 4.0 - 0.4)[:, None])
    return colour * (1.0 + 0.5 * crowns)[:, None]
