"""An artifact's file, opened in the runtime of its format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.folder import sha256
from edgedepth.artifact.manifest import FileEntry, TensorSpec
from edgedepth.errors import InputError
from edgedepth.runtime.backends import OPENERS
from edgedepth.runtime.decode import dequantized


class Session:
    """One exported graph, ready to run on the CPU.

    Args:
        path: the .onnx or .tflite file.
        entry: what the manifest says about it.
        threads: CPU threads of the runtime.

    Attributes:
        entry: as given.
        threads: as given.
        runtime: name and version of what runs it, such as ``LiteRT 2.3.0``.
        batch: pictures per run; the graph's shapes are fixed.

    Raises:
        InputError: the file is missing, damaged, or not the one that its entry describes.
        OperatorError: the runtime lacks an operator of it.
    """

    def __init__(self, path: Path, entry: FileEntry, threads: int = 1) -> None:
        _require_same_file(path, entry)
        self.entry, self.threads = entry, threads
        self._backend = OPENERS[entry.format](path, entry, threads)
        self.runtime = self._backend.runtime
        self.batch = entry.input.tensor.shape[0]

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """The graph's output as it comes.

        Args:
            batch: of exactly the shape, layout and dtype of the manifest's input.

        Raises:
            InputError: another shape or dtype.
        """
        tensor = self.entry.input.tensor
        if batch.shape != tensor.shape or batch.dtype != np.dtype(tensor.dtype):
            raise InputError(
                "The batch does not fit the graph.",
                f"It is {batch.dtype} {batch.shape}; {self.entry.path} takes {tensor.dtype} {tensor.shape} "
                f"({tensor.layout}).",
                "Prepare pictures with edgedepth.runtime.preprocess.to_batch.",
            )
        return self._backend.run(np.ascontiguousarray(batch))

    def run_named(self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[TensorSpec]) -> list[NDArray[np.float32]]:
        """Several outputs of a graph that may take several inputs.

        Args:
            feeds: by name, all of them, each of exactly its own shape, layout and dtype.
            outputs: which.

        Returns:
            (B, C, H, W) each, whatever the graph's own layout.
        """
        found = self._backend.run_named(
            {name: np.ascontiguousarray(values) for name, values in feeds.items()}, [spec.name for spec in outputs]
        )
        return [
            dequantized(values if spec.layout == "NCHW" else values.transpose(0, 3, 1, 2), spec)
            for values, spec in zip(found, outputs, strict=True)
        ]

    def maps(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """The output as one map per picture.

        Args:
            batch: as for `run`.

        Returns:
            (B, H, W) float32, in the output's own meaning: not decoded, but integers are what they stand for.
        """
        tensor = self.entry.output.tensor
        return dequantized(self.run(batch).squeeze(axis=1 if tensor.layout == "NCHW" else 3), tensor)


def _require_same_file(path: Path, entry: FileEntry) -> None:
    if not path.is_file():
        raise InputError(f"{path} is missing.", "The manifest lists it.", "Export the model again.")
    found = sha256(path)
    if found != entry.sha256:
        raise InputError(
            f"{path} is damaged, or is not the file that was exported.",
            f"sha256 {found[:12]}, the manifest says {entry.sha256[:12]}.",
            "Export the model again.",
        )
