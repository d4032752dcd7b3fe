"""ONNX Runtime on the CPU, and on NVIDIA GPUs through its CUDA and TensorRT providers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedepth.bench.backends import Delegation, Placement
from edgedepth.bench.backends.inputs import require_fixed
from edgedepth.bench.picture import seeded_picture
from edgedepth.errors import InputError, MissingDependencyError, OperatorError

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}

TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(uint16)": "uint16",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


class OnnxRuntime:
    """An ONNX graph with one execution provider and no other behind it.

    Args:
        model: the file or its content.
        name: how errors call it.
        accelerator: ``cpu``, ``cuda`` or ``tensorrt``.
        threads: within an operator on the CPU; None leaves it to the runtime.
        seed: of the input.

    Raises:
        MissingDependencyError: this ONNX Runtime has no such provider.
    """

    def __init__(self, model: Path | bytes, name: str, accelerator: str, threads: int | None, seed: int = 0) -> None:
        import onnxruntime  # noqa: PLC0415 - only when a graph is run

        self.version: str = onnxruntime.__version__
        self._provider = PROVIDERS[accelerator]
        require_provider(self._provider, onnxruntime.get_available_providers())
        self._model, self._name, self._threads, self._seed = model, name, threads, seed

    def explained(self) -> AbstractContextManager[None]:
        """Damage and refusals, told apart."""
        return refusals_explained(self._name)

    def open(self) -> None:
        """A session whose every node the provider runs.

        Raises:
            OperatorError: the session fell back to another provider.
        """
        self._session = onnx_session(self._model, self._name, self._threads, provider=self._provider)
        require_first(self._name, self._provider, self._session.get_providers())

    def feed(self) -> None:
        """Make the inputs; for a GPU, put them there once."""
        self._feed = onnx_feed(self._session, self._name, self._seed)
        if self._provider != PROVIDERS["cpu"]:
            self._binding = _bound(self._session, self._feed)

    def run(self) -> object:
        """One inference; a GPU's outputs are copied to this machine's memory."""
        if self._provider == PROVIDERS["cpu"]:
            return self._session.run(None, self._feed)
        return self._session.run_with_iobinding(self._binding)

    def placement(self) -> Placement:
        """One provider and no other: a graph that it does not take whole is refused when opened."""
        if self._provider == PROVIDERS["cpu"]:
            return Placement()
        return Placement(gpu=_gpu_name(), fully_accelerated=True)

    def delegation(self) -> Delegation | None:
        """The Python interface does not tell."""
        return None


def require_provider(wanted: str, available: list[str]) -> None:
    """Check that ONNX Runtime was built with a provider.

    Raises:
        MissingDependencyError: it was not.
    """
    if wanted not in available:
        raise MissingDependencyError(
            f"ONNX Runtime has no {wanted} here.",
            f"It has: {', '.join(available)}.",
            "Install onnxruntime-gpu in place of onnxruntime, with the CUDA libraries that it names.",
        )


def require_first(name: str, wanted: str, got: list[str]) -> None:
    """Check that a session runs on what was asked for: it falls back without an error.

    Raises:
        OperatorError: it does not.
    """
    if not got or got[0] != wanted:
        raise OperatorError(
            f"{name} does not run with {wanted}.",
            f"The session has: {', '.join(got) or 'no provider'}.",
            "ONNX Runtime's log says which library or driver it missed.",
        )


def onnx_session(
    model: Path | bytes,
    name: str,
    threads: int | None,
    options: Any | None = None,
    provider: str = PROVIDERS["cpu"],
) -> Any:
    """An ONNX Runtime session with one provider.

    Args:
        model: the file or its content.
        name: how errors call it.
        threads: within an operator; None leaves it to the runtime.
        options: session options to start from, such as one with profiling on.
        provider: the only one; nodes that it does not take make the session fail.

    Raises:
        InputError: ONNX Runtime cannot read the file.
        OperatorError: ONNX Runtime refuses an operator.
    """
    import onnxruntime  # noqa: PLC0415 - only when a graph is run

    settings = options or onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads or 0, 1
    settings.log_severity_level = 3
    # Idle worker threads spin for a while, which would slow down whoever is measured next.
    settings.add_session_config_entry("session.force_spinning_stop", "1")
    if provider != PROVIDERS["cpu"]:
        settings.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    with refusals_explained(name):
        return onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), settings, providers=[provider]
        )


def onnx_feed(session: Any, name: str, seed: int = 0) -> dict[str, npt.NDArray[np.generic]]:
    """The fixed picture for each of a session's inputs.

    Raises:
        InputError: an input's size is not fixed, or it does not hold numbers.
    """
    feed = {}
    for number, node in enumerate(session.get_inputs()):
        shape = tuple(n if isinstance(n, int) else -1 for n in node.shape)
        require_fixed(name, node.name, shape)
        if node.type not in TYPES:
            raise InputError(
                f"{name} cannot be fed.",
                f"Input {node.name} is a {node.type}.",
                "Measure a graph of numbers.",
            )
        feed[node.name] = seeded_picture(shape, TYPES[node.type], seed + number)
    return feed


@contextmanager
def refusals_explained(name: str) -> Iterator[None]:
    """Turn ONNX Runtime's exceptions into an `InputError` or an `OperatorError`."""
    import onnxruntime  # noqa: PLC0415 - only when a graph is run

    state = onnxruntime.capi.onnxruntime_pybind11_state
    try:
        yield
    except (state.InvalidProtobuf, state.InvalidGraph, state.NoSuchFile) as error:
        raise InputError(
            f"{name} is damaged or not an ONNX model.", str(error)[:200], "Copy or export the file again."
        ) from error
    except (state.Fail, state.NotImplemented, state.InvalidArgument, RuntimeError) as error:
        raise OperatorError(
            f"{name} does not run in ONNX Runtime.", str(error)[:200], "Export it with another --opset."
        ) from error


def _bound(session: Any, feed: dict[str, npt.NDArray[np.generic]]) -> Any:
    """Inputs that stay on the GPU, outputs that come back: a run is neither without its result nor with an upload."""
    import onnxruntime  # noqa: PLC0415 - only when a graph is run

    binding = session.io_binding()
    for name, value in feed.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value, "cuda", 0))
    for output in session.get_outputs():
        binding.bind_output(output.name, "cpu")
    return binding


def _gpu_name() -> str:
    """As the driver's own tool says it; ONNX Runtime does not name the GPU."""
    import shutil  # noqa: PLC0415 - on a GPU only
    import subprocess  # noqa: PLC0415 - the same

    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "NVIDIA GPU"
    query = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader", "--id=0"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False, timeout=30).stdout.strip()
    return answer.splitlines()[0].replace(", ", ", driver ") if answer else "NVIDIA GPU"
