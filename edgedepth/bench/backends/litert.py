"""LiteRT: XNNPACK on the CPU through the interpreter, the GPU accelerator through the compiled model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.bench.backends import Delegation, Placement
from edgedepth.bench.backends.inputs import require_fixed
from edgedepth.bench.litert import make_interpreter, refusals_explained
from edgedepth.bench.picture import seeded_picture
from edgedepth.errors import OperatorError


class LitertCpu:
    """A TFLite graph on LiteRT's CPU path, XNNPACK included.

    Args:
        model: the file or its content.
        name: how errors call it.
        threads: for XNNPACK and LiteRT's own kernels.
        seed: of the input.

    Raises:
        InputError: the file is damaged, or an input's size is not fixed.
    """

    def __init__(self, model: Path | bytes, name: str, threads: int, seed: int = 0) -> None:
        import ai_edge_litert.interpreter  # noqa: F401, PLC0415 - not part of opening

        self.version = version("ai-edge-litert")
        self._model, self._name, self._threads, self._seed = model, name, threads, seed
        _require_sound(model, name)

    def explained(self) -> AbstractContextManager[None]:
        """Refusals, which name the operator."""
        return refusals_explained(self._name)

    def open(self) -> None:
        """Load, delegate, allocate."""
        self._interpreter = make_interpreter(self._model, self._threads)

    def feed(self) -> None:
        """Fill every input."""
        for number, detail in enumerate(self._interpreter.get_input_details()):
            shape, dtype = tuple(int(n) for n in detail["shape"]), detail["dtype"].__name__
            self._interpreter.set_tensor(detail["index"], seeded_picture(shape, dtype, self._seed + number))

    def run(self) -> object:
        """One inference; outputs lie in the interpreter's own memory."""
        return self._interpreter.invoke()

    def placement(self) -> Placement:
        """The CPU."""
        return Placement()

    def delegation(self) -> Delegation | None:
        """What XNNPACK took of a file."""
        if isinstance(self._model, bytes):
            return None
        from edgedepth.preflight.xnnpack import xnnpack_partitions  # noqa: PLC0415 - opens the graph once more

        found = xnnpack_partitions(self._model)
        return Delegation(found.operators - len(found.outside), found.operators, len(found.sizes))


class LitertGpu:
    """A TFLite graph on LiteRT's GPU accelerator, all of it or none.

    Args:
        model: the file or its content.
        name: how errors call it.
        seed: of the input.

    Raises:
        InputError: the file is damaged, or an input's size is not fixed.
    """

    def __init__(self, model: Path | bytes, name: str, seed: int = 0) -> None:
        import ai_edge_litert.compiled_model  # noqa: F401, PLC0415 - not part of opening

        self.version = version("ai-edge-litert")
        self._model, self._name, self._seed = model, name, seed
        _require_sound(model, name)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Refusals; LiteRT's log, which the parent keeps, lists the operators and names the adapter."""
        try:
            yield
        except RuntimeError as error:
            raise OperatorError(
                f"The GPU accelerator does not run all of {self._name}.",
                next(iter(str(error).splitlines()), "It gave no reason.")[:200],
                "`edgedepth inspect --gpu` names the operators, and the lowering that removes each.",
            ) from error

    def open(self) -> None:
        """Compile for the GPU alone.

        Raises:
            OperatorError: some operators would stay on the CPU.
        """
        from ai_edge_litert.compiled_model import CompiledModel  # noqa: PLC0415 - loads the accelerators
        from ai_edge_litert.hardware_accelerator import HardwareAccelerator  # noqa: PLC0415

        accelerator = HardwareAccelerator.GPU
        if isinstance(self._model, bytes):
            self._compiled = CompiledModel.from_buffer(self._model, hardware_accel=accelerator)
        else:
            self._compiled = CompiledModel.from_file(str(self._model), hardware_accel=accelerator)
        if not self._compiled.is_fully_accelerated():
            raise OperatorError(
                f"The GPU accelerator does not take all of {self._name}.",
                "LiteRT reports that it is not fully accelerated.",
                "`edgedepth inspect --gpu` names the operators, and the lowering that removes each.",
            )

    def feed(self) -> None:
        """Fill every input, and make room for every output."""
        compiled: Any = self._compiled
        self._signature, names = next(iter(compiled.get_signature_list().items()))
        given = compiled.get_input_tensor_details(self._signature)
        made = compiled.get_output_tensor_details(self._signature)
        self._inputs = {n: compiled.create_input_buffer_by_name(self._signature, n) for n in names["inputs"]}
        self._outputs = {n: compiled.create_output_buffer_by_name(self._signature, n) for n in names["outputs"]}
        for number, (name, buffer) in enumerate(self._inputs.items()):
            detail = given[name]
            buffer.write(seeded_picture(tuple(detail["shape"]), detail["dtype"], self._seed + number))
        self._reads = [(buffer, *_room(made[name])) for name, buffer in self._outputs.items()]

    def run(self) -> object:
        """One inference and reading its outputs: ``run`` alone returns before the GPU has finished."""
        self._compiled.run_by_name(self._signature, self._inputs, self._outputs)
        return [buffer.read(size, dtype) for buffer, size, dtype in self._reads]

    def placement(self) -> Placement:
        """Whole, or `open` would have refused; the adapter's name is in LiteRT's log only."""
        return Placement(fully_accelerated=True)

    def delegation(self) -> Delegation | None:
        """The compiled model does not tell."""
        return None


def _require_sound(model: Path | bytes, name: str) -> None:
    # LiteRT maps the file as it is; a damaged one has to be found before native code reads it.
    if isinstance(model, bytes):
        return
    graph = read_tflite(model)
    for index in graph.inputs:
        require_fixed(name, graph.tensors[index].name, graph.tensors[index].shape)


def _room(detail: dict[str, Any]) -> tuple[int, Any]:
    import numpy as np  # noqa: PLC0415 - already there by now

    return int(np.prod(detail["shape"])), np.dtype(detail["dtype"]).type
