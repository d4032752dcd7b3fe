"""Writing TFLite through litert-torch, and the edits that the flatbuffer needs afterwards."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from edgedepth.artifact.flatbuffer import pack, unpack
from edgedepth.artifact.manifest import TensorSpec
from edgedepth.artifact.tflite_graph import describe
from edgedepth.export.tflite_layers import tensor_names
from edgedepth.export.tflite_operators import register


def to_tflite(module: nn.Module, samples: Sequence[torch.Tensor]) -> bytes:
    """Convert through litert-torch.

    Args:
        module: evaluation mode, behind its NHWC interface.
        samples: float inputs of the graph's own shapes.
    """
    with quiet_native():
        import litert_torch  # noqa: PLC0415 - slow to import, and chatty
        from litert_torch._config import config  # noqa: PLC0415

        register()
        config.show_progress = False
        converted = litert_torch.convert(module.eval(), tuple(samples))
        return bytes(converted._exporter.to_bytes())  # noqa: SLF001 - the public way goes through a file


def finish(content: bytes, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> bytes:
    """Name interface and layers, and drop the converter's notes on itself."""
    model = unpack(content)
    graph = model.subgraphs[0]
    names = tensor_names(describe(model))
    given = dict(zip((*graph.inputs, *graph.outputs), (*inputs, *outputs), strict=True))
    for index, (tensor, name) in enumerate(zip(graph.tensors, names, strict=True)):
        tensor.name = (given[index].name if index in given else name).encode()
    signature = model.signatureDefs[0]
    for entries, places in ((signature.inputs, graph.inputs), (signature.outputs, graph.outputs)):
        for entry, place in zip(entries, places, strict=True):
            entry.name, entry.tensorIndex = given[place].name.encode(), place
    model.description = b"edgedepth"
    return pack(model, len(content))


def store_weights_as_fp16(content: bytes) -> bytes:
    """Weights in half precision behind DEQUANTIZE, which delegates fold when the model is loaded."""
    with quiet_native():
        from ai_edge_quantizer import quantizer, recipe_manager  # noqa: PLC0415 - slow to import
        from ai_edge_quantizer.qtyping import (  # noqa: PLC0415
            ComputePrecision,
            OpQuantizationConfig,
            TensorDataType,
            TensorQuantizationConfig,
            TFLOperationName,
        )

        casting = OpQuantizationConfig(
            weight_tensor_config=TensorQuantizationConfig(num_bits=16, dtype=TensorDataType.FLOAT),
            compute_precision=ComputePrecision.FLOAT,
            explicit_dequantize=True,
        )
        manager = recipe_manager.RecipeManager()
        for operation in (
            TFLOperationName.CONV_2D,
            TFLOperationName.DEPTHWISE_CONV_2D,
            TFLOperationName.FULLY_CONNECTED,
        ):
            manager.add_quantization_config(".*", operation, casting, "float_casting")
        result = quantizer.Quantizer(bytearray(content), manager.get_quantization_recipe()).quantize()
        return bytes(result.quantized_model)


@contextlib.contextmanager
def quiet_native() -> Iterator[None]:
    """Hold back what the converter and its native code print; what goes wrong comes as an exception."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    sys.stderr.flush()
    sys.stdout.flush()
    kept = [(fd, os.dup(fd)) for fd in (1, 2)]
    with Path(os.devnull).open("wb") as sink:
        for fd, _ in kept:
            os.dup2(sink.fileno(), fd)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for fd, saved in kept:
            os.dup2(saved, fd)
            os.close(saved)
        logger.setLevel(level)
