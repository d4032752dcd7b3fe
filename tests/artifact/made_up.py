"""A manifest of made-up figures, and a folder that fits it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from edgedepth.artifact import FileEntry, Manifest, sha256
from edgedepth.artifact.manifest import (
    FILE_NAME,
    SCHEMA_VERSION,
    Essentials,
    InputContract,
    Lowering,
    ModelFacts,
    OutputContract,
    Parity,
    Reference,
    Source,
    TensorSpec,
    encode,
)

TAKES = InputContract(
    TensorSpec("image", (1, 3, 32, 64), "NCHW", "float32"), "RGB", (0.0, 1.0), "lanczos", "inside the graph"
)
GIVES = OutputContract(
    TensorSpec("disparity", (1, 1, 32, 64), "NCHW", "float32"),
    "sigmoid-disparity",
    "depth = 1 / (min_disparity + disparity_range * output)",
    {"min_disparity": 0.01, "disparity_range": 9.99},
    metric=False,
    value_range=(0.0, 1.0),
)
SOURCE = Source("random", "seeded random weights", {}, 7, {"licence": "none"})
LOWERING = (Lowering("dysample", {"sites": {"up": {"taps": 3, "form": "SampledUp"}}}),)
ESSENTIALS = Essentials(SCHEMA_VERSION, "flex-nano", SOURCE, "fp32", TAKES, GIVES, LOWERING)


def entry(name: str, digest: str = "0" * 64, size: tuple[int, int] = (32, 64), precision: str = "fp32") -> FileEntry:
    """A file's entry; its format is that of the name."""
    return FileEntry(
        path=name,
        format="onnx" if name.endswith("onnx") else "tflite",
        precision=precision,
        size=size,
        sha256=digest,
        bytes=3,
        input=TAKES,
        output=GIVES,
        operators={"Conv": 2},
        lowering=LOWERING,
        parity={"street": Parity(1e-6, 1e-7, 1.0, 1e-8, 0.1)},
        opset=18 if name.endswith("onnx") else None,
    )


def manifest(*files: FileEntry, references: tuple[Reference, ...] = ()) -> Manifest:
    """A manifest of these files."""
    facts = ModelFacts("flex-nano", "flexdepth", "FlexDepth Nano", {"groups": 4}, 10, {"32x64": 20}, "mine")
    return Manifest(SCHEMA_VERSION, "flex-nano", facts, SOURCE, files, references, {"python": "3"})


def write_folder(folder: Path, *names: str) -> Manifest:
    """A folder of small files with a manifest that fits them."""
    (folder / "reference").mkdir(parents=True)
    stored = folder / "reference" / "street.npz"
    np.savez(stored, input=np.zeros((2, 2, 3), np.uint8))
    reference = Reference("street", "reference/street.npz", (32, 64), sha256(stored), "a street")
    for name in names:
        (folder / name).write_bytes(name.encode())
    whole = manifest(*(entry(name, sha256(folder / name)) for name in names), references=(reference,))
    (folder / FILE_NAME).write_bytes(encode(whole, indent=1))
    return whole


def change(folder: Path, **fields: object) -> None:
    """Overwrite fields of the folder's manifest."""
    file = folder / FILE_NAME
    file.write_bytes(msgspec.json.encode(msgspec.json.decode(file.read_bytes()) | fields))
