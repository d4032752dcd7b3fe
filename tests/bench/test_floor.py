"""The floor's graphs: that they hold what they claim."""

from __future__ import annotations

import numpy as np
import onnxruntime

from edgedepth.artifact.onnx_graph import read_onnx
from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.bench.floor import LAYERS, MACS, onnx_convolutions, tflite_convolutions
from edgedepth.bench.litert import open_interpreter
from edgedepth.preflight.xnnpack import xnnpack_partitions


def test_both_graphs_have_the_stated_work_and_nothing_else(tmp_path):
    (tmp_path / "f.tflite").write_bytes(tflite_convolutions())
    (tmp_path / "f.onnx").write_bytes(onnx_convolutions())
    tflite, onnx = read_tflite(tmp_path / "f.tflite"), read_onnx(tmp_path / "f.onnx")
    assert tflite.macs() == onnx.macs() == MACS
    assert tflite.histogram() == {"CONV_2D": LAYERS}
    assert onnx.histogram() == {"Conv": LAYERS}
    assert xnnpack_partitions(tmp_path / "f.tflite").whole


def test_both_compute_the_same_and_stay_in_range():
    rng = np.random.default_rng(0)
    interpreter = open_interpreter(tflite_convolutions(), 1)
    given = interpreter.get_input_details()[0]
    x = rng.random(tuple(given["shape"]), dtype=np.float32)
    interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    mine = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    session = onnxruntime.InferenceSession(onnx_convolutions(), providers=["CPUExecutionProvider"])
    theirs = session.run(None, {"x0": x.transpose(0, 3, 1, 2)})[0].transpose(0, 2, 3, 1)
    assert np.abs(mine - theirs).max() < 1e-4
    assert 0.05 < mine.std() < 20
