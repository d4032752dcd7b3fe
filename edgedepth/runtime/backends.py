"""One backend per file format: the runtime that opens it, behind one small protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from edgedepth.artifact.manifest import FileEntry


class Backend(Protocol):
    """A graph, loaded and ready.

    Attributes:
        runtime: name and version of what runs it.
    """

    runtime: str

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """The output for a batch in the graph's own layout and dtype."""
        ...

    def run_named(self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Outputs by name, of a graph with several inputs or outputs."""
        ...


Opener = Callable[[Path, FileEntry, int], Backend]


def _onnx(path: Path, entry: FileEntry, threads: int) -> Backend:
    from edgedepth.runtime.onnx_backend import OnnxBackend  # noqa: PLC0415 - loads ONNX Runtime

    return OnnxBackend(path, entry, threads)


def _tflite(path: Path, entry: FileEntry, threads: int) -> Backend:
    from edgedepth.runtime.litert_backend import LiteRtBackend  # noqa: PLC0415 - loads LiteRT

    return LiteRtBackend(path, entry, threads)


OPENERS: dict[str, Opener] = {"onnx": _onnx, "tflite": _tflite}
