"""A small procedural street renderer: pictures with exact depth, poses and intrinsics.

For the sample picture, tests, calibration examples and pretraining. Everything is computed with arithmetic
that IEEE 754 rounds exactly, so a seed gives the same bytes on every machine.
"""

from edgedepth.scenes.camera import Camera
from edgedepth.scenes.scene import Frame, Scene, street_frames

__all__ = ["Camera", "Frame", "Scene", "street_frames"]
