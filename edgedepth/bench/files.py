"""From what a user names to the graph files it means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edgedepth.artifact import Artifact, open_artifact
from edgedepth.artifact.reading import require_listed
from edgedepth.errors import InputError

SUFFIXES = (".tflite", ".onnx")
RESULTS = "results.jsonl"
"""Name of the result file in a folder that a measurement writes."""


def graph_files(paths: Iterable[Path]) -> list[Path]:
    """Every graph file that is meant, in the order given; of a folder, those that its manifest lists.

    A pair's refiners come last, as graphs of their own.

    Raises:
        InputError: nothing there, a folder without a manifest or without a file that it lists, or neither a .tflite
            nor a .onnx file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += _listed(open_artifact(path))
        elif not path.is_file():
            raise InputError(f"There is no file at {path}.", "", "Name an artifact folder, a .tflite or a .onnx file.")
        elif path.suffix not in SUFFIXES:
            raise InputError(
                f"{path} is neither a .tflite nor a .onnx file.",
                f"Its name ends in {path.suffix!r}." if path.suffix else "Its name has no ending.",
                "Name an artifact folder, a .tflite or a .onnx file.",
            )
        else:
            found.append(path)
    return found


def _listed(artifact: Artifact) -> list[Path]:
    entries = artifact.manifest.graphs if artifact.manifest else artifact.files
    files = [artifact.path(entry) for entry in entries]
    for file in files:
        require_listed(file)
    return files


def result_file(path: Path) -> Path:
    """The result file that is meant: of a folder, the one that a measurement writes there."""
    return path / RESULTS if path.is_dir() else path
