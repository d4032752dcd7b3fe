"""LiteRT on the CPU: the classic interpreter with its XNNPACK delegate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgedepth.artifact.manifest import FileEntry
from edgedepth.errors import InputError, OperatorError
from edgedepth.runtime.interface import Interface, require_interface
from edgedepth.runtime.quiet import without_info_lines

NO_KERNEL = ("unresolved custom op", "Didn't find op for builtin opcode")


class LiteRtBackend:
    """A .tflite file in LiteRT's interpreter.

    Raises:
        InputError: the file is damaged, or is not what its entry says.
        OperatorError: an operator that this LiteRT has no kernel for.
    """

    def __init__(self, path: Path, entry: FileEntry, threads: int) -> None:
        try:
            with without_info_lines():
                self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            evidence = " ".join(str(error).split())[:200]
            if any(sign in evidence for sign in NO_KERNEL):
                raise OperatorError(
                    f"LiteRT cannot run {path}.", evidence, "Update ai-edge-litert, or use the ONNX file."
                ) from error
            raise InputError(f"{path} cannot be read as TFLite.", evidence, "Export the model again.") from error
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._input = self._index(path, "input", inputs, entry)
        self._output = self._index(path, "output", outputs, entry)
        self.runtime = f"LiteRT {version('ai-edge-litert')}"

    @staticmethod
    def _index(path: Path, role: str, details: list[dict[str, Any]], entry: FileEntry) -> int:
        found = [Interface(d["name"], tuple(int(n) for n in d["shape"]), np.dtype(d["dtype"]).name) for d in details]
        promised = entry.input.tensor if role == "input" else entry.output.tensor
        return int(details[found.index(require_interface(path, role, found, promised))]["index"])

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """The output for one batch."""
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output))

    def run_named(self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Outputs by name."""
        for detail in self._interpreter.get_input_details():
            self._interpreter.set_tensor(detail["index"], feeds[detail["name"]])
        self._interpreter.invoke()
        places = {detail["name"]: detail["index"] for detail in self._interpreter.get_output_details()}
        return [np.asarray(self._interpreter.get_tensor(places[name])) for name in outputs]
