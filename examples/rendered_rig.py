"""Write a rig.toml and the pictures of six cameras around a car in a rendered street, with their exact depth.

python examples/rendered_rig.py around
python examples/rendered_rig.py around --seed 7 --distance 60 --size 384x640
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from edgedepth.scenes import Camera, Scene

# Heading in degrees, positive to the left, and place in metres: forward and left of the rear axle, above the road.
CAMERAS = {
    "front": (0, (1.6, 0.0, 1.6)),
    "front_right": (-55, (1.5, -0.45, 1.6)),
    "rear_right": (-115, (1.0, -0.45, 1.6)),
    "rear": (180, (0.1, 0.0, 1.6)),
    "rear_left": (115, (1.0, 0.45, 1.6)),
    "front_left": (55, (1.5, 0.45, 1.6)),
}
FIELD_OF_VIEW = 85.0


def camera_to_vehicle(heading: float, place: tuple[float, float, float]) -> np.ndarray:
    """The pose of a level camera: its x is right, y down, z forward; the vehicle's x is forward, y left, z up."""
    cos, sin = math.cos(math.radians(heading)), math.sin(math.radians(heading))
    pose = np.eye(4)
    pose[:3, :3] = np.array([[sin, 0, cos], [-cos, 0, sin], [0, -1, 0]])
    pose[:3, 3] = place
    return pose


def main() -> None:
    """Render the six pictures."""
    parser = argparse.ArgumentParser(description="Write a rig.toml and rendered pictures of six cameras.")
    parser.add_argument("folder", type=Path, help="where rig.toml and the pictures go")
    parser.add_argument("--seed", type=int, default=3, help="which street (default: 3)")
    parser.add_argument("--distance", type=float, default=30.0, help="metres down the street (default: 30)")
    parser.add_argument("--size", default="608x960", metavar="HxW", help="pixels (default: 608x960)")
    asked = parser.parse_args()
    height, width = (int(side) for side in asked.size.split("x"))

    camera = Camera.with_field_of_view(FIELD_OF_VIEW, height, width)
    (focal, _, cx), (_, _, cy), _ = camera.K.tolist()
    scene = Scene.street(asked.seed)
    # The street's own camera looks along the lane from 1.65 m above it; the car's rear axle is put below that.
    vehicle_to_world = scene.pose(asked.distance) @ np.linalg.inv(camera_to_vehicle(0, (0, 0, 1.65)))

    asked.folder.mkdir(parents=True, exist_ok=True)
    tables = []
    for name, (heading, place) in CAMERAS.items():
        pose = camera_to_vehicle(heading, place)
        frame = scene.render(camera, vehicle_to_world @ pose, supersample=2)
        Image.fromarray(frame.image).save(asked.folder / f"{name}.png")
        np.save(asked.folder / f"{name}_depth.npy", frame.depth)
        rows = ",\n".join(f"    {[round(x, 9) + 0.0 for x in row]}" for row in pose.tolist())
        intrinsics = [round(x, 6) for x in (focal, focal, cx, cy)]
        tables.append(
            f'[[cameras]]\nname = "{name}"\nimage = "{name}.png"\nintrinsics = {intrinsics}\npose = [\n{rows},\n]\n'
        )
    (asked.folder / "rig.toml").write_text("\n".join(tables), encoding="utf-8")
    sys.stdout.write(f"{asked.folder / 'rig.toml'}: six cameras in street {asked.seed}, {width}x{height} pixels each\n")


if __name__ == "__main__":
    main()
