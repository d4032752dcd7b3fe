"""Write large rendered pictures with exact depth, one street each, as a data set that `edgedepth eval` reads.

python examples/rendered_large.py large
python examples/rendered_large.py large --count 4 --first-street 100 --size 768x1024
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from edgedepth.scenes import Camera, Scene

FIELD_OF_VIEW = 70.0
DESCRIPTION = """\
title = "rendered streets"
licence = "Rendered: nobody's."
images = "pictures/*.png"
intrinsics = [{focal:.6f}, {focal:.6f}, {cx}, {cy}]

[depth]
files = "depth/{{name}}.npy"
format = "npy"
dense = true
"""


def main() -> None:
    """Render the pictures."""
    parser = argparse.ArgumentParser(description="Write large rendered pictures with exact depth.")
    parser.add_argument("folder", type=Path, help="where dataset.toml, pictures and depth go")
    parser.add_argument("--count", type=int, default=8, help="pictures (default: 8)")
    parser.add_argument("--first-street", type=int, default=9000, help="the streets are this and the next ones")
    parser.add_argument("--size", default="1536x2048", metavar="HxW", help="pixels (default: 1536x2048)")
    asked = parser.parse_args()
    height, width = (int(side) for side in asked.size.split("x"))

    camera = Camera.with_field_of_view(FIELD_OF_VIEW, height, width)
    (focal, _, cx), (_, _, cy), _ = camera.K.tolist()
    for folder in ("pictures", "depth"):
        (asked.folder / folder).mkdir(parents=True, exist_ok=True)
    for street in range(asked.first_street, asked.first_street + asked.count):
        rng = np.random.default_rng(street)
        scene = Scene.street(street, moving=street % 2 == 1)
        pose = scene.pose(rng.uniform(0, 250))
        angle = rng.uniform(-0.5, 0.5)
        turn = np.eye(4)
        turn[0, 0] = turn[2, 2] = math.cos(angle)
        turn[0, 2], turn[2, 0] = math.sin(angle), -math.sin(angle)
        frame = scene.render(camera, pose @ turn, supersample=2, noise=0.008)
        Image.fromarray(frame.image).save(asked.folder / "pictures" / f"{street}.png")
        np.save(asked.folder / "depth" / f"{street}.npy", frame.depth)
    (asked.folder / "dataset.toml").write_text(DESCRIPTION.format(focal=focal, cx=cx, cy=cy), encoding="utf-8")
    sys.stdout.write(f"{asked.folder}: {asked.count} streets from {asked.first_street}, {width}x{height} pixels each\n")


if __name__ == "__main__":
    main()
