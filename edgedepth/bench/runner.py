"""A graph file ready to be run again and again on one fixed input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedepth.bench.litert import open_interpreter, run_once
from edgedepth.bench.picture import seeded_picture
from edgedepth.errors import InputError, OperatorError

ORT_TYPES = {
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


@dataclass(frozen=True)
class Runner:
    """One file in one runtime.

    Attributes:
        name: how reports call it.
        family: ``litert`` or ``onnxruntime``.
        runtime: with version and delegate or provider.
        run: one inference; returns when its outputs are in memory.
    """

    name: str
    family: str
    runtime: str
    threads: int
    run: Callable[[], object]


def open_runner(path: Path, threads: int, seed: int = 0) -> Runner:
    """Open a file in the runtime of its kind.

    Raises:
        InputError: damaged, not such a file, or with an input whose size is not fixed.
        OperatorError: the runtime refuses an operator.
    """
    if path.suffix == ".onnx":
        return onnx_runner(path, str(path), threads, seed)
    from edgedepth.artifact.tflite_graph import read_tflite  # noqa: PLC0415 - the schema takes 0.2 s

    # LiteRT maps the file as it is; a damaged one has to be found before native code reads it.
    graph = read_tflite(path)
    for index in graph.inputs:
        _require_fixed(path, graph.tensors[index].name, graph.tensors[index].shape)
    return litert_runner(path, str(path), threads, seed)


def litert_runner(model: Path | bytes, name: str, threads: int, seed: int = 0) -> Runner:
    """A TFLite graph on LiteRT's CPU path, XNNPACK included.

    Raises:
        OperatorError: LiteRT cannot load or run the graph.
    """
    interpreter = open_interpreter(model, threads)
    for number, detail in enumerate(interpreter.get_input_details()):
        shape, dtype = tuple(int(n) for n in detail["shape"]), detail["dtype"].__name__
        interpreter.set_tensor(detail["index"], seeded_picture(shape, dtype, seed + number))
    run_once(interpreter, name)
    return Runner(name, "litert", f"LiteRT {version('ai-edge-litert')} XNNPACK", threads, interpreter.invoke)


def onnx_runner(model: Path | bytes, name: str, threads: int, seed: int = 0) -> Runner:
    """An ONNX graph in ONNX Runtime on the CPU.

    Raises:
        InputError: ONNX Runtime cannot read it, or an input's size is not fixed.
        OperatorError: ONNX Runtime refuses an operator.
    """
    session = onnx_session(model, name, threads)
    feed = onnx_feed(session, name, seed)
    runtime = f"ONNX Runtime {version('onnxruntime')} CPU"
    return Runner(name, "onnxruntime", runtime, threads, lambda: session.run(None, feed))


def onnx_feed(session: Any, name: str, seed: int = 0) -> dict[str, npt.NDArray[np.generic]]:
    """The fixed picture for each of a session's inputs.

    Raises:
        InputError: an input's size is not fixed, or it does not hold numbers.
    """
    feed = {}
    for number, node in enumerate(session.get_inputs()):
        shape = tuple(n if isinstance(n, int) else -1 for n in node.shape)
        _require_fixed(Path(name), node.name, shape)
        if node.type not in ORT_TYPES:
            raise InputError(
                f"{name} cannot be fed.",
                f"Input {node.name} is a {node.type}.",
                "Measure a graph of numbers.",
            )
        feed[node.name] = seeded_picture(shape, ORT_TYPES[node.type], seed + number)
    return feed


def onnx_session(model: Path | bytes, name: str, threads: int, options: Any | None = None) -> Any:
    """An ONNX Runtime session on the CPU.

    Args:
        model: the file or its content.
        name: how errors call it.
        threads: within an operator.
        options: session options to start from, such as one with profiling on.

    Raises:
        InputError: ONNX Runtime cannot read the file.
        OperatorError: ONNX Runtime refuses an operator.
    """
    import onnxruntime  # noqa: PLC0415 - only when a graph is run

    settings = options or onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    settings.log_severity_level = 3
    # Idle worker threads spin for a while, which would slow down whoever is measured next.
    settings.add_session_config_entry("session.force_spinning_stop", "1")
    state = onnxruntime.capi.onnxruntime_pybind11_state
    try:
        return onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), settings, providers=["CPUExecutionProvider"]
        )
    except (state.InvalidProtobuf, state.InvalidGraph, state.NoSuchFile) as error:
        raise InputError(
            f"{name} is damaged or not an ONNX model.", str(error)[:200], "Copy or export the file again."
        ) from error
    except (state.Fail, state.NotImplemented, state.InvalidArgument, RuntimeError) as error:
        raise OperatorError(
            f"{name} does not run in ONNX Runtime.", str(error)[:200], "Export it with another --opset."
        ) from error


def _require_fixed(path: Path, tensor: str, shape: tuple[int, ...]) -> None:
    if any(size < 1 for size in shape):
        raise InputError(
            f"{path} cannot be measured: its input has no fixed size.",
            f"Input {tensor} is {'x'.join('?' if n < 1 else str(n) for n in shape)}.",
            "Export it with fixed sizes, for example --size 192x640 --batch 1.",
        )
