"""A coarse graph and a refiner's of known formulas, as real .onnx files in a real artifact.

The coarse graph gives disparity ``sigmoid(WEIGHTS . rgb + BIAS)`` and, as its feature, the mean of red over 2x2 pixels;
the refiner's correction is ``0.2 * green + 0.3 * view + 0.1 * feature``, the feature enlarged by repetition. It is
added to log depth, and the view is log depth less its mean; or, of an offset, to depth, which is the view.
"""

from __future__ import annotations

import numpy as np
import onnx
from msgspec import structs
from onnx import TensorProto, helper, numpy_helper
from tiny_graphs import BIAS, CONSTANTS, WEIGHTS, entry, weights

from edgedepth.artifact.folder import sha256
from edgedepth.artifact.manifest import (
    FILE_NAME,
    SCHEMA_VERSION,
    Manifest,
    ModelFacts,
    OutputContract,
    RefinerEntry,
    TensorSpec,
    encode,
)

PATCH = (32, 64)
CELLS = 8


def _float(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _save(path, nodes, inputs, outputs, constants):
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _coarse(path, *, metric):
    h, w = PATCH
    nodes = [
        helper.make_node("Conv", ["image", "mix", "bias"], ["logit"]),
        helper.make_node("Exp" if metric else "Sigmoid", ["logit"], ["disparity"]),
        helper.make_node("Conv", ["image", "red"], ["only_red"]),
        helper.make_node("AveragePool", ["only_red"], ["feature_2"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    outputs = [_float("disparity", (1, 1, h, w)), _float("feature_2", (1, 1, h // 2, w // 2))]
    constants = {"mix": WEIGHTS.reshape(1, 3, 1, 1), "bias": [BIAS], "red": np.reshape([1, 0, 0], (1, 3, 1, 1))}
    _save(path, nodes, [_float("image", (1, 3, h, w))], outputs, constants)


def _refiner(path, batch):
    h, w = PATCH
    nodes = [
        helper.make_node("Conv", ["image", "green"], ["of_picture"]),
        helper.make_node("Mul", ["relative", "share"], ["of_depth"]),
        helper.make_node("Resize", ["feature_2", "", "larger"], ["enlarged"], mode="nearest"),
        helper.make_node("Mul", ["enlarged", "little"], ["of_feature"]),
        helper.make_node("Sum", ["of_picture", "of_depth", "of_feature"], ["correction"]),
    ]
    inputs = [
        _float("image", (batch, 3, h, w)),
        _float("relative", (batch, 1, h, w)),
        _float("feature_2", (batch, 1, h // CELLS, w // CELLS)),
    ]
    constants = {
        "green": np.reshape([0, 0.2, 0], (1, 3, 1, 1)),
        "share": [0.3],
        "little": [0.1],
        "larger": [1, 1, CELLS, CELLS],
    }
    _save(path, nodes, inputs, [_float("correction", (batch, 1, h, w))], constants)


def correction(patch, view, feature):
    """The refiner's formula, for (h, w, 3) in 0..1, (h, w) and (h/8, w/8)."""
    return 0.2 * patch[..., 1] + 0.3 * view + 0.1 * np.kron(feature, np.ones((CELLS, CELLS)))


def coarse(picture, *, metric=False):
    """The coarse graph's log depth and feature, for (h, w, 3) in 0..1."""
    logit = picture @ WEIGHTS.astype(np.float64) + BIAS
    disparity = 1 / (1 + np.exp(-logit))
    depth = np.exp(logit) if metric else 1 / (CONSTANTS["min_disparity"] + CONSTANTS["disparity_range"] * disparity)
    h, w = picture.shape[:2]
    return np.log(depth), picture[..., 0].reshape(h // 2, 2, w // 2, 2).mean((1, 3))


OFFSET = {"meaning": "depth-correction", "decode": "depth = max(coarse depth + output, least_depth)"}
FACTOR = {"meaning": "log-depth-correction", "decode": "depth = coarse depth * exp(output)"}
DEPTH = {"meaning": "metric-depth", "decode": "depth = output", "constants": {}, "metric": True}


def artifact(folder, *, grid=(4, 4), batch=1, least=None, metric=False, **stated):
    """Write the pair; the folder.

    Args:
        folder: where it goes.
        grid, batch: of the refiner.
        least: the least depth of an offset; None makes a factor.
        metric: whether the coarse graph gives depth, ``exp`` of what it else gives the sigmoid of.
        stated: what the manifest says of the refiner instead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _coarse(folder / "coarse.onnx", metric=metric)
    _refiner(folder / "refine.onnx", batch)
    h, w = PATCH
    first = entry("coarse.onnx", size=PATCH, digest=sha256(folder / "coarse.onnx"))
    if metric:
        first = structs.replace(first, output=structs.replace(first.output, value_range=(0.001, 80.0), **DEPTH))
    second = entry("refine.onnx", size=PATCH, batch=batch, digest=sha256(folder / "refine.onnx"))
    second = structs.replace(
        second,
        output=OutputContract(
            TensorSpec("correction", (batch, 1, h, w), "NCHW", "float32"),
            constants={} if least is None else {"least_depth": least},
            metric=metric,
            value_range=(-7.0, 7.0),
            **(FACTOR if least is None else OFFSET),
        ),
    )
    refiner = RefinerEntry(
        graph=second,
        coarse="coarse.onnx",
        grid=grid,
        relative=TensorSpec("relative", (batch, 1, h, w), "NCHW", "float32"),
        features=(TensorSpec("feature_2", (batch, 1, h // CELLS, w // CELLS), "NCHW", "float32"),),
        given=(TensorSpec("feature_2", (1, 1, h // 2, w // 2), "NCHW", "float32"),),
        parameters=0,
        macs=0,
        pair={},
        view="relative-log-depth" if least is None else "depth",
    )
    refiner = structs.replace(refiner, **stated)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        name="tiny",
        model=ModelFacts("tiny", "tiny", "tiny", {}, 1, {}, "none"),
        source=weights(),
        files=(first,),
        references=(),
        tools={},
        refiners=(refiner,),
    )
    (folder / FILE_NAME).write_bytes(encode(manifest, indent=1))
    return folder
