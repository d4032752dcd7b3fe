"""Depth from an exported .onnx file without edgedepth: the file itself says how to feed it and what it gives.

Needs onnxruntime, numpy and pillow only.

python examples/plain_onnx.py artifacts/flex-nano/flex-nano-192x640-fp32.onnx photo.jpg depth.npy
"""

from __future__ import annotations

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image


def main() -> None:
    """Run one picture."""
    if len(sys.argv) != 4:
        sys.exit("usage: plain_onnx.py MODEL.onnx PICTURE DEPTH.npy")
    model, picture, depth_file = sys.argv[1:]
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    contract = json.loads(session.get_modelmeta().custom_metadata_map["edgedepth"])
    fed, given = contract["input"], contract["output"]

    planar = fed["tensor"]["layout"] == "NCHW"
    height, width = fed["tensor"]["shape"][2:] if planar else fed["tensor"]["shape"][1:3]
    pixels = np.asarray(Image.open(picture).convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
    if fed["tensor"]["dtype"] == "float32":
        pixels = pixels.astype(np.float32) / np.float32(255)
    batch = np.broadcast_to(pixels.transpose(2, 0, 1) if planar else pixels, fed["tensor"]["shape"])

    (output,) = session.run(None, {fed["tensor"]["name"]: np.ascontiguousarray(batch)})
    values = output[0, 0] if given["tensor"]["layout"] == "NCHW" else output[0, :, :, 0]
    constants = given["constants"]
    if given["meaning"] == "sigmoid-disparity":
        values = 1 / (constants["min_disparity"] + constants["disparity_range"] * values)
    np.save(depth_file, values)
    scale = "metres" if given["metric"] else "depth up to one unknown scale"
    sys.stdout.write(f"{depth_file}: {height}x{width}, {values.min():.2f} to {values.max():.2f} ({scale})\n")


if __name__ == "__main__":
    main()
