"""How often each operator occurs in a file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


def operator_histogram(path: Path) -> dict[str, int]:
    """Operators of a .onnx or .tflite file, most frequent first."""
    if path.suffix == ".onnx":
        from edgedepth.artifact.onnx_graph import read_onnx  # noqa: PLC0415 - slow to import

        counted = Counter(operator.kind for operator in read_onnx(path).operators)
    else:
        from edgedepth.artifact.tflite_graph import read_tflite  # noqa: PLC0415

        counted = Counter(operator.name for operator in read_tflite(path).operators)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
