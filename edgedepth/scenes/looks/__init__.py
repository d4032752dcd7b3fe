"""What surfaces look like: band-limited procedural textures for the ground and each material of a solid."""

from edgedepth.scenes.looks.ground import ground_colour
from edgedepth.scenes.looks.paint import solid_colour
from edgedepth.scenes.looks.surface import measure

__all__ = ["ground_colour", "measure", "solid_colour"]
