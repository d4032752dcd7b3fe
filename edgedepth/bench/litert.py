"""Opening a TFLite graph in LiteRT's interpreter, its exceptions turned into messages."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgedepth.errors import OperatorError


@contextmanager
def without_native_log() -> Iterator[None]:
    """Drop what native code writes to the process's stderr."""
    sys.stderr.flush()
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def open_interpreter(model: Path | bytes, threads: int, *, delegate: bool = True) -> Any:
    """An interpreter with its tensors allocated, quietly.

    Args:
        model: the file or its content; already known to be a whole TFLite graph.
        threads: for XNNPACK and LiteRT's own kernels.
        delegate: False leaves XNNPACK out.

    Raises:
        OperatorError: LiteRT refuses the graph.
    """
    with without_native_log(), refusals_explained("The graph" if isinstance(model, bytes) else str(model)):
        return make_interpreter(model, threads, delegate=delegate)


def make_interpreter(model: Path | bytes, threads: int, *, delegate: bool = True) -> Any:
    """As `open_interpreter`, with LiteRT's own log and exceptions."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415 - only when a graph is run

    source = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
    resolver = OpResolverType.AUTO if delegate else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(**source, num_threads=threads, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    return interpreter


@contextmanager
def refusals_explained(name: str) -> Iterator[None]:
    """Turn LiteRT's exceptions, which name the operator, into an `OperatorError`.

    Args:
        name: how the error calls the graph.
    """
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise OperatorError(
            f"{name} does not run in LiteRT.",
            next(iter(str(error).splitlines()), "It gave no reason.")[:200],
            "Export it with built-in operators of this LiteRT version only.",
        ) from error
