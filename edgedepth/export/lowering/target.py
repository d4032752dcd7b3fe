"""The two file formats a graph is lowered for."""

from typing import Literal

Target = Literal["onnx", "tflite"]
