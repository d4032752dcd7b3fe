"""ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel

from edgedepth.artifact.manifest import FileEntry
from edgedepth.errors import InputError, OperatorError
from edgedepth.runtime.interface import Interface, require_interface

ERRORS_ONLY = 3
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
        except NoKernel as error:
            raise OperatorError(
                f"ONNX Runtime cannot run {path}.",
                _first_line(error),
                "Update onnxruntime, or use the TFLite file.",
            ) from error
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            raise InputError(
                f"{path} cannot be read as ONNX.", _first_line(error), "Export the model again."
            ) from error
        inputs = [
            Interface(i.name, tuple(i.shape), DTYPES.get(i.type, i.type)) for i in self._session.get_inputs()
        ]
        outputs = [
            Interface(o.name, tuple(o.shape), DTYPES.get(o.type, o.type)) for o in self._session.get_outputs()
        ]
        self._input = require_interface(path, "input", inputs, entry.input.tensor).name
        self._output = require_interface(path, "output", outputs, entry.output.tensor).name
        self.runtime = f"ONNX Runtime {ort.__version__}"

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """The output for one batch."""
        return np.asarray(self._session.run([self._output], {self._input: batch})[0])


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
