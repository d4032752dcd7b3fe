"""Profiles: what they cover, and that a prefix of a graph computes what the graph does."""

from __future__ import annotations

import numpy as np
import pytest

from edgedepth.artifact.tflite_graph import describe, read_model
from edgedepth.bench.litert import open_interpreter
from edgedepth.bench.profile import prefix, profile
from edgedepth.bench.table import profile_table


def outputs_of(content, x):
    interpreter = open_interpreter(content, 1, delegate=False)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return {d["name"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}


def test_prefixes_keep_what_the_rest_reads_and_compute_the_same(tflite_file):
    model = read_model(tflite_file)
    graph = describe(model)
    x = np.random.default_rng(1).random((1, 8, 8, 4), dtype=np.float32)
    alive = [set(outputs_of(prefix(model, n), x)) for n in range(1, 5)]
    assert alive == [{"padded"}, {"padded", "sigmoid"}, {"sigmoid", "conv"}, {"total"}]
    last_but_one = outputs_of(prefix(model, 3), x)
    whole = outputs_of(tflite_file.read_bytes(), x)
    assert np.allclose(last_but_one["conv"] + last_but_one["sigmoid"], whole["total"], atol=1e-6)
    assert len(graph.operators) == len(model.subgraphs[0].operators)


def test_tflite_profile_sums_to_its_last_prefix(tflite_file):
    seen = []
    result = profile(tflite_file, 1, runs=1, progress=lambda done, planned: seen.append((done, planned)))
    assert [o.kind for o in result.operators] == ["PAD", "LOGISTIC", "CONV_2D", "ADD"]
    assert result.method == "prefixes"
    assert sum(o.ms for o in result.operators) == pytest.approx(result.total_ms)
    assert seen == [(n, 4) for n in range(1, 5)]
    assert [len(part) for part in result.ranges(3)] == [2, 2]
    assert "ranges" in profile_table(result).caption


def test_onnx_profile_names_its_operators(onnx_file, tmp_path):
    result = profile(onnx_file, 1, runs=2)
    assert result.method == "profiler"
    assert any("Conv" in kind for kind in result.by_kind())
    assert all(o.ms >= 0 for o in result.operators)
    assert profile_table(result).row_count >= len(result.by_kind())
    assert {p.name for p in tmp_path.iterdir()} == {"net.onnx"}
