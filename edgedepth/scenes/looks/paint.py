"""The one table from material to texture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgedepth.scenes.looks import buildings, nature, vehicles
from edgedepth.scenes.solid import Material

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgedepth.scenes.arith import Array
    from edgedepth.scenes.looks.surface import Surface

_TEXTURES: dict[Material, Callable[[Surface], Array]] = {
    Material.PLAIN: buildings.plain,
    Material.FACADE: buildings.facade,
    Material.ROOF: buildings.roof,
    Material.BRICK: buildings.brick_wall,
    Material.SIGN: buildings.sign,
    Material.CLOTH: buildings.cloth,
    Material.BODY: vehicles.body,
    Material.CABIN: vehicles.cabin,
    Material.WHEEL: vehicles.wheel,
    Material.CARGO: vehicles.cargo,
    Material.LEAVES: nature.leaves,
    Material.BARK: nature.bark,
    Material.HILL: nature.hill,
}


def solid_colour(material: Material, surface: Surface) -> Array:
    """Albedo of points of one material, n x 3, linear."""
    return _TEXTURES[material](surface)
