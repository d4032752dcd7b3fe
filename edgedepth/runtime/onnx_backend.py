"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edgedepth.artifact.manifest import FileEntry
from edgedepth.errors import EdgedepthError, InputError, OperatorError
from edgedepth.runtime.interface import Interface, require_interface

ERRORS_ONLY = 3
# Operator, overload and opset unknown: all arrive as different exceptions, told apart by their words alone.
NO_KERNEL = (
    "No Op registered",
    "not a registered function/op",
    "Could not find an implementation",
    "Current official support",
)
DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
}


class OnnxBackend:
    """A .onnx file in ONNX Runtime's CPU execution provider.

    Raises:
        InputError: the file is damaged, or is not what its entry says.
        OperatorError: an operator that this ONNX Runtime has no kernel for.
    """

    def __init__(self, path: Path, entry: FileEntry, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            raise _as_ours(path, error) from error
        inputs = [Interface(i.name, tuple(i.shape), DTYPES.get(i.type, i.type)) for i in self._session.get_inputs()]
        outputs = [Interface(o.name, tuple(o.shape), DTYPES.get(o.type, o.type)) for o in self._session.get_outputs()]
        self._input = require_interface(path, "input", inputs, entry.input.tensor).name
        self._output = require_interface(path, "output", outputs, entry.output.tensor).name
        self.runtime = f"ONNX Runtime {ort.__version__}"

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """The output for one batch."""
        return np.asarray(self._session.run([self._output], {self._input: batch})[0])

    def run_named(self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Outputs by name."""
        return [np.asarray(found) for found in self._session.run(list(outputs), dict(feeds))]


def _as_ours(path: Path, error: Exception) -> EdgedepthError:
    evidence = " ".join(str(error).rpartition(" failed:")[2].split())
    if any(sign in evidence for sign in NO_KERNEL):
        return OperatorError(
            f"ONNX Runtime cannot run {path}.", evidence[-200:], "Update onnxruntime, or use the TFLite file."
        )
    return InputError(f"{path} cannot be read as ONNX.", evidence[-200:], "Export the model again.")
