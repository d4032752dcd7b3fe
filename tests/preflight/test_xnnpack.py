"""Partitions as the delegate makes them."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from single_operators import CASES

from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.errors import InputError
from edgedepth.preflight.xnnpack import Partitions, xnnpack_partitions


def chain(names, path):
    """Elementwise operators one behind the other."""
    w = TfliteWriter()
    first = last = w.tensor("x", (1, 8, 8, 4))
    for i, name in enumerate(names):
        out = w.tensor(f"t{i}", (1, 8, 8, 4))
        w.operator(name, [last], [out], schema.SignOptionsT() if name == "SIGN" else None)
        last = out
    path.write_bytes(w.finish([first], [last]))
    return path


def test_one_partition_with_everything(tmp_path):
    found = xnnpack_partitions(chain(["LOGISTIC", "TANH", "FLOOR"], tmp_path / "a.tflite"))
    assert found == Partitions((3,), (), 3)
    assert found.whole


def test_an_operator_in_the_middle_splits_the_graph(tmp_path):
    found = xnnpack_partitions(chain(["TANH", "FLOOR", "SIGN", "TANH"], tmp_path / "a.tflite"))
    assert found == Partitions((2, 1), (2,), 4)
    assert not found.whole


def test_an_operator_at_the_end_leaves_one_partition_that_is_not_whole(tmp_path):
    found = xnnpack_partitions(chain(["TANH", "SIGN"], tmp_path / "a.tflite"))
    assert found == Partitions((1,), (1,), 2)
    assert not found.whole


def test_nothing_taken(tmp_path):
    found = xnnpack_partitions(chain(["SIGN", "SIGN"], tmp_path / "a.tflite"))
    assert found == Partitions((), (0, 1), 2)


def test_half_precision_weights_are_unpacked_inside(tmp_path):
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 8, 8, 4)), w.tensor("y", (1, 8, 8, 4))
    half = w.constant("half", np.ones((4, 1, 1, 4), np.float16))
    full = w.tensor("full", (4, 1, 1, 4))
    w.operator("DEQUANTIZE", [half], [full], schema.DequantizeOptionsT())
    bias = w.constant("bias", np.zeros(4, np.float32))
    w.operator("CONV_2D", [x, full, bias], [y], schema.Conv2DOptionsT(strideW=1, strideH=1))
    (tmp_path / "half.tflite").write_bytes(w.finish([x], [y]))
    assert xnnpack_partitions(tmp_path / "half.tflite").whole


def test_mirror_pad_is_seen_outside(tmp_path):
    (tmp_path / "pad.tflite").write_bytes(CASES["MIRROR_PAD"]())
    assert xnnpack_partitions(tmp_path / "pad.tflite").outside == (0,)


def test_not_a_graph(tmp_path):
    (tmp_path / "x.tflite").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError):
        xnnpack_partitions(tmp_path / "x.tflite")
