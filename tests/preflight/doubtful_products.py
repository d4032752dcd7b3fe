"""Small graphs that LiteRT's GPU accelerator takes; some it computes wrong."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.preflight.rules import GPU_LONGEST


def _pool(pad, between=False):
    """A 3x3 average pool behind a PAD, or behind one with another operator between the two."""
    border = np.int32([0, 0, 1, 1, 1, 1, 0, 0]).reshape(4, 2)

    def build():
        w = TfliteWriter()
        x, source = w.tensor("x", (1, 8, 8, 4)), w.tensor("p", (1, 10, 10, 4))
        if pad == "PADV2":
            held = [w.constant("border", border), w.constant("value", np.float32([0.5]))]
            w.operator("PADV2", [x, *held], [source], schema.PadV2OptionsT())
        else:
            w.operator("PAD", [x, w.constant("border", border)], [source], schema.PadOptionsT())
        if between:
            positive = w.tensor("m", (1, 10, 10, 4))
            w.operator("ABS", [source], [positive])
            source = positive
        y = w.tensor("y", (1, 8, 8, 4))
        options = schema.Pool2DOptionsT(strideW=1, strideH=1, filterWidth=3, filterHeight=3, padding=1)
        w.operator("AVERAGE_POOL_2D", [source], [y], options)
        return w.finish([x], [y])

    return build


def _alone():
    """A pool that pads by itself."""
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 8, 8, 4)), w.tensor("y", (1, 8, 8, 4))
    options = schema.Pool2DOptionsT(strideW=1, strideH=1, filterWidth=3, filterHeight=3, padding=0)
    w.operator("AVERAGE_POOL_2D", [x], [y], options)
    return w.finish([x], [y])


def _product(first, second, out, *, adjoint=False, constant=False):
    def build():
        w = TfliteWriter()
        x, y = w.tensor("x", first), w.tensor("y", out)
        values = np.random.default_rng(0).normal(size=second).astype(np.float32)
        z = w.constant("z", values) if constant else w.tensor("z", second)
        w.operator("BATCH_MATMUL", [x, z], [y], schema.BatchMatMulOptionsT(adjY=adjoint))
        return w.finish([x] if constant else [x, z], [y])

    return build


N = GPU_LONGEST

RIGHT = {
    "pool that pads": _alone,
    "pool after a pad and another": _pool("PAD", between=True),
    "many rows of the first factor": _product((1, N + 4, 4), (1, 4, 4), (1, N + 4, 4)),
    "columns": _product((1, 4, 4), (1, 4, N), (1, 4, N)),
    "rows": _product((1, 4, N), (1, N, 4), (1, 4, 4)),
    "rows of a batch": _product((2, 4, N // 2), (2, N // 2, 4), (2, 4, 4)),
    "columns, adjoint": _product((1, 4, 4), (1, N + 4, 4), (1, 4, N + 4), adjoint=True),
    "two ranks": _product((1, 1, 8, 12), (12, 8), (1, 1, 8, 8)),
    "constant for a batch": _product((1, 5, 8, 12), (12, 8), (1, 5, 8, 8), constant=True),
}
WRONG = {
    "pool after a pad": (_pool("PAD"), "average-pool"),
    "pool after another pad": (_pool("PADV2"), "average-pool"),
    "too many columns": (_product((1, 4, 4), (1, 4, N + 4), (1, 4, N + 4)), "cross-covariance"),
    "too many rows": (_product((1, 4, N + 4), (1, N + 4, 4), (1, 4, 4)), "cross-covariance"),
    "too many rows of a batch": (_product((2, 4, N // 2 + 4), (2, N // 2 + 4, 4), (2, 4, 4)), "cross-covariance"),
    "constant with too many columns": (
        _product((1, 4, 4), (1, 4, N + 4), (1, 4, N + 4), constant=True),
        "cross-covariance",
    ),
    "second factor for a batch": (_product((1, 5, 8, 12), (12, 8), (1, 5, 8, 8)), "factorized-attention"),
    "first factor for a batch": (_product((1, 1, 8, 12), (1, 5, 12, 8), (1, 5, 8, 8)), "factorized-attention"),
}
"""By name: the graph, and the lowering that avoids it."""
