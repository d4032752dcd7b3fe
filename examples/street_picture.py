"""Write a picture of a rendered street, as a KITTI-like camera sees it.

python examples/street_picture.py street.png
python examples/street_picture.py street.png --seed 3 --distance 40 --size 192x640 --depth depth.npy
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from edgedepth.scenes import Camera, Scene


def main() -> None:
    """Render one frame and save it."""
    parser = argparse.ArgumentParser(description="Write a picture of a rendered street.")
    parser.add_argument("output", type=Path, help="a .png or .jpg")
    parser.add_argument("--seed", type=int, default=0, help="which street (default: 0)")
    parser.add_argument("--distance", type=float, default=0.0, help="metres down the street (default: 0)")
    parser.add_argument("--size", default="375x1242", metavar="HxW", help="pixels (default: 375x1242)")
    parser.add_argument("--depth", type=Path, help="also write its exact depth here, in metres, as .npy")
    asked = parser.parse_args()
    height, _, width = asked.size.partition("x")

    scene = Scene.street(asked.seed)
    camera = Camera.kitti_like(int(height), int(width))
    frame = scene.render(camera, scene.pose(asked.distance), supersample=2)

    asked.output.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame.image).save(asked.output)
    sys.stdout.write(f"{asked.output}: street {asked.seed}, {width}x{height} pixels\n")
    if asked.depth:
        np.save(asked.depth, frame.depth)
        visible = frame.depth[frame.depth > 0]
        sys.stdout.write(f"{asked.depth}: {visible.min():.1f} to {visible.max():.1f} m, 0 in the sky\n")


if __name__ == "__main__":
    main()
