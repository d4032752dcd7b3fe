"""Quantized surround students: the same layers in both formats, metres and probabilities in float, accuracy kept."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from support import randomise

from edgedepth.artifact.flatbuffer import unpack
from edgedepth.artifact.manifest import Source
from edgedepth.artifact.tflite_graph import describe
from edgedepth.bench.litert import make_interpreter
from edgedepth.export import writing
from edgedepth.export.lowering import lower
from edgedepth.export.lowering.metric_bins import EXACT
from edgedepth.export.quantize import onnx as onnx_room
from edgedepth.export.quantize import tflite as tflite_room
from edgedepth.export.request import ExportRequest
from edgedepth.export.source import Network
from edgedepth.models import build, card, initialise
from edgedepth.scenes import street_frames

SIZE = (64, 96)


@pytest.fixture(scope="module")
def network():
    return randomise(initialise(build(card("surround-monodepth2")), 1), 2).eval()


def converted(network, target):
    chosen = card("surround-monodepth2")
    source = Source(kind="random", statement="", files={}, seed=1, notes={})
    request = ExportRequest(model=chosen.name, random_seed=1)
    lowered, _ = lower(network, target, {})
    return writing.convert(lowered, Network(network, chosen, source, SIZE), request, target, SIZE).content


@pytest.fixture(scope="module")
def onnx_graph(network):
    return converted(network, "onnx")


@pytest.fixture(scope="module")
def tflite_graph(network):
    return converted(network, "tflite")


@pytest.fixture(scope="module")
def pictures():
    return [frame.image[None].astype(np.float32) / np.float32(255) for frame in street_frames(7, 6, *SIZE)]


def run_onnx(model, picture):
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": picture.transpose(0, 3, 1, 2)})[0].squeeze()


def run_tflite(content, picture):
    interpreter = make_interpreter(content, 1)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).squeeze()


def test_layers_have_the_same_names_in_both_formats(onnx_graph, tflite_graph):
    of_onnx, of_tflite = (
        {g.name for g in room} for room in (onnx_room.groups(onnx_graph), tflite_room.groups(tflite_graph))
    )
    assert of_onnx - of_tflite == set()
    assert of_tflite - of_onnx <= {"head"}
    assert of_onnx >= EXACT
    assert {"core.encoder.layer1.0", "core.decoder.9", "metric.bins.7", "metric.bins.9"} <= of_onnx


@pytest.mark.parametrize("precision", ["w8", "w8a8"])
def test_metres_and_probabilities_stay_in_float(onnx_graph, tflite_graph, pictures, precision):
    batches = [p.transpose(0, 3, 1, 2) for p in pictures[:3]]
    made = onnx_room.quantize(onnx_graph, precision, batches, frozenset())
    names = {node.name: node for node in made.graph.node}
    constants = {tensor.name for tensor in made.graph.initializer}
    exact = [name for g in onnx_room.groups(onnx_graph) if g.name in EXACT for name in g.operators]
    assert any(names[name].op_type == "Conv" for name in exact)
    for name in exact:
        assert names[name].op_type != "Conv" or names[name].input[1] in constants
    assert any(tensor.data_type == onnx.TensorProto.INT8 for tensor in made.graph.initializer)
    graph = describe(unpack(tflite_room.quantize(tflite_graph, precision, pictures[:3], frozenset())))
    floats = [o for o in graph.operators if o.name in ("SOFTMAX", "EXP", "LOG", "DIV", "MEAN", "GELU")]
    assert floats
    assert all(graph.tensors[i].dtype == "float32" for o in floats for i in (*o.inputs[:1], *o.outputs))


@pytest.mark.parametrize("precision", ["w8", "dyn8", "w8a8"])
def test_integers_cost_little_of_the_metres(onnx_graph, tflite_graph, pictures, precision):
    batches = [p.transpose(0, 3, 1, 2) for p in pictures[:4]]
    for room, graph, calibrating, run in (
        (onnx_room, onnx_graph, batches, run_onnx),
        (tflite_room, tflite_graph, pictures[:4], run_tflite),
    ):
        made = room.quantize(graph, precision, calibrating, frozenset())
        for picture in pictures[4:]:
            expected, found = run(graph, picture), run(made, picture)
            assert float(np.mean(np.abs(found - expected) / expected)) <= 0.05
            assert float(found.min()) > 0


def test_the_last_layers_bias_is_not_corrected(onnx_graph, pictures):
    batches = [p.transpose(0, 3, 1, 2) for p in pictures[:3]]
    made = onnx_room.quantize(onnx_graph, "w8a8", batches, frozenset())
    last = [node for node in made.graph.node if node.op_type == "Conv"][-1]
    assert len(last.input) == 2
    onnx.checker.check_model(made)
