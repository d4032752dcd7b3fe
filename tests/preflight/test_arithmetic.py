"""What arithmetic a graph does, and cutting its integer part out."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import (
    SHAPE,
    dynamic_network,
    float_network,
    integer_network,
    mixed_network,
    without_signature,
)

from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.bench.litert import open_interpreter
from edgedepth.preflight.arithmetic import arithmetic, integer_part, tap, tapped, with_outputs

NETWORKS = {
    "float": float_network,
    "integer": integer_network,
    "mixed": mixed_network,
    "dynamic": dynamic_network,
}


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "net.tflite"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_graph_itself_tells_its_kind(kind, written):
    assert arithmetic(read_tflite(written(NETWORKS[kind]()))).kind == kind


def test_what_enters_and_leaves_the_integer_part(written):
    graph = read_tflite(written(mixed_network()))
    found = arithmetic(graph)
    assert [graph.operators[i].name for i in found.integer] == ["CONV_2D", "CONV_2D"]
    assert [graph.operators[i].name for i in found.floating] == ["ABS", "CONV_2D"]
    assert [graph.tensors[i].name for i in found.entries] == ["entry"]
    assert [graph.tensors[i].name for i in found.exits] == ["second"]
    whole = arithmetic(read_tflite(written(integer_network())))
    assert (len(whole.integer), whole.floating, whole.dynamic) == (3, (), ())


def _run(path, feed):
    interpreter = open_interpreter(path, threads=1)
    details = interpreter.get_input_details()
    for detail, value in zip(details, feed, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return {int(d["index"]): interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}


@pytest.mark.parametrize("signed", [True, False])
def test_the_integer_part_computes_what_the_whole_graph_does_there(written, tmp_path, signed):
    content = mixed_network()
    path = written(content if signed else without_signature(content))
    found = arithmetic(read_tflite(path))
    (entry,), (leaving,) = found.entries, found.exits
    picture = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    open_path = tmp_path / "open.tflite"
    open_path.write_bytes(with_outputs(path, [entry, leaving]))
    whole = _run(open_path, [picture])
    part_path = tmp_path / "part.tflite"
    part_path.write_bytes(integer_part(path))
    part = _run(part_path, [whole[entry]])
    assert set(part) == {leaving}
    assert np.array_equal(part[leaving], whole[leaving])
    assert whole[leaving].std() > 1
    part_path.write_bytes(integer_part(path, every=True))
    graph = read_tflite(part_path)
    assert len(graph.operators) == 2
    assert len(graph.outputs) == 2


def test_names_of_taps_lead_back():
    assert [tapped(tap(i)) for i in (0, 7, 123)] == [0, 7, 123]
