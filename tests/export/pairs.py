"""What tests of exported pairs share."""

from __future__ import annotations

SIZE = (64, 64)
FORMATS = ("onnx", "tflite")
INTEGERS = ("w8a8", "w8", "dyn8")
PRECISIONS = ("fp32", "fp16", *INTEGERS)

TINY_REFINER = {
    "encoder": "test_efficientnet",
    "coarse": "flex-nano",
    "width": 16,
    "joined": (24, 16, 12, 8, 8, 8),
    "decoder": (16, 12, 8, 8, 8),
}
"""A published refiner's configuration with few channels, over a coarse model."""


def entries(pair, precision="fp32"):
    """An exported pair's refiners of one precision, by format."""
    return {one.graph.format: one for one in pair.artifact.manifest.refiners if one.graph.precision == precision}
