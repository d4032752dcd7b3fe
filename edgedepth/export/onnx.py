"""Writing ONNX: one file, simplified, nothing in it but the graph."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
import onnxsim
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgedepth.artifact.manifest import TensorSpec

_FP16_FROM = 64
"""Constants of fewer elements stay in float32: halving them saves nothing and may cost accuracy."""


def to_onnx(
    module: nn.Module,
    samples: Sequence[torch.Tensor],
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    opset: int,
) -> onnx.ModelProto:
    """Export through torch's exporter and simplify with onnxsim.

    Args:
        module: evaluation mode, behind its interface.
        samples: inputs of the graph's own shapes and dtypes.
        inputs, outputs: give the graph's inputs and outputs their names.
        opset: operator set of the file.
    """
    with _quiet():
        program = torch.onnx.export(
            module,
            tuple(samples),
            dynamo=True,
            opset_version=opset,
            input_names=[spec.name for spec in inputs],
            output_names=[spec.name for spec in outputs],
            verbose=False,
        )
    assert program is not None  # noqa: S101 - only None when a file is written instead
    model: onnx.ModelProto = program.model_proto
    model, same = onnxsim.simplify(model)
    if not same:
        raise RuntimeError("onnxsim changed what the graph computes")
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def store_weights_as_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Keep weights in half precision and cast them when the model is loaded; arithmetic stays in float32."""
    halved = copy(model)
    casts = []
    for tensor in halved.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _FP16_FROM:
            continue
        name, stored = tensor.name, f"{tensor.name}_fp16"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], name=f"{name}_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *halved.graph.node]
    del halved.graph.node[:]
    halved.graph.node.extend(nodes)
    return halved


def copy(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model that can be changed on its own."""
    twin = onnx.ModelProto()
    twin.CopyFrom(model)
    return twin


def _strip(model: onnx.ModelProto) -> None:
    """Remove what the exporter notes about the machine and the source: stack traces, scopes, doc strings."""
    model.doc_string = ""
    model.producer_name, model.producer_version = "edgedepth", ""
    del model.metadata_props[:]
    graph = model.graph
    graph.doc_string, graph.name = "", "edgedepth"
    del graph.metadata_props[:]
    items: list[Any] = [*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]
    for item in items:
        item.doc_string = ""
        del item.metadata_props[:]
    del graph.value_info[:]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks about itself from the user; errors still come as exceptions."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)


def write(model: onnx.ModelProto, path: os.PathLike[str]) -> None:
    """Write one self-contained file, with equal bytes for equal models."""
    with open(path, "wb") as file:  # noqa: PTH123 - PathLike
        file.write(model.SerializeToString(deterministic=True))
