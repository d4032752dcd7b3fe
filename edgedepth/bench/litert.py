"""Opening a TFLite graph in LiteRT's interpreter, its native log kept for the error message."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgedepth.errors import OperatorError


@contextmanager
def captured_native_log() -> Iterator[Callable[[], str]]:
    """Collect what native code writes to the process's stderr; the value returns the text so far."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:

        def text() -> str:
            file.seek(0)
            return file.read().decode(errors="replace")

        os.dup2(file.fileno(), 2)
        try:
            yield text
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def open_interpreter(model: Path | bytes, threads: int, *, delegate: bool = True) -> Any:
    """An interpreter with its tensors allocated.

    Args:
        model: the file or its content; already known to be a whole TFLite graph.
        threads: for XNNPACK and LiteRT's own kernels.
        delegate: False leaves XNNPACK out.

    Raises:
        OperatorError: LiteRT refuses the graph.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415 - only when a graph is run

    source = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
    resolver = OpResolverType.AUTO if delegate else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    with _refusals_explained("The graph" if isinstance(model, bytes) else str(model)):
        interpreter = Interpreter(**source, num_threads=threads, experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
    return interpreter


def run_once(interpreter: Any, name: str) -> None:
    """One inference, outside any measurement: some graphs are refused only when they run.

    Raises:
        OperatorError: LiteRT cannot run the graph.
    """
    with _refusals_explained(name):
        interpreter.invoke()


@contextmanager
def _refusals_explained(name: str) -> Iterator[None]:
    with captured_native_log() as log:
        try:
            yield
        except (ValueError, RuntimeError) as error:
            raise OperatorError(
                f"{name} does not run in LiteRT.",
                _reason(log(), str(error)),
                "Export it with built-in operators of this LiteRT version only.",
            ) from error


def _reason(log: str, error: str) -> str:
    lines = [line for line in log.splitlines() if line.startswith("ERROR")]
    return (lines[0] if lines else error.splitlines()[0] if error else "It gave no reason.")[:200]
