"""The static table against the runtimes it speaks of: each operator alone."""

from __future__ import annotations

import pytest
from single_operators import CASES

from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.preflight.gpu import check_gpu
from edgedepth.preflight.rules import (
    explained_xnnpack,
    input_transposes,
    lowering_for,
    predicted_gpu_refusals,
    xnnpack_reason,
)
from edgedepth.preflight.xnnpack import xnnpack_partitions

UNEXPLAINED = {"STRIDED_SLICE step 2"}
"""Outside XNNPACK for a value in the graph, which the table does not look at."""

ON_GPU = (
    "CONV_2D",
    "GATHER",
    "GATHER_ND",
    "SELECT",
    "BROADCAST_TO",
    "MIRROR_PAD",
    "RESIZE_NEAREST_NEIGHBOR",
    "FULLY_CONNECTED dynamic",
    "TRANSPOSE",
    "RESHAPE rank 5",
    "ADD rank 5",
    "CAST from uint8",
    "DEQUANTIZE from uint8",
    "EXPAND_DIMS",
)


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    path = tmp_path / "one.tflite"
    path.write_bytes(CASES[request.param]())
    return request.param, path


def test_table_agrees_with_xnnpack(case):
    name, path = case
    graph = read_tflite(path)
    explained = any(xnnpack_reason(graph, operator) for operator in graph.operators)
    assert explained == (not xnnpack_partitions(path).whole and name not in UNEXPLAINED)


@pytest.mark.parametrize("name", ON_GPU)
def test_table_agrees_with_the_gpu_accelerator(name, tmp_path, icd):
    path = tmp_path / "one.tflite"
    path.write_bytes(CASES[name]())
    verdict = check_gpu(path, icd)
    assert verdict.accepted == (not predicted_gpu_refusals(read_tflite(path)))
    if verdict.accepted:
        assert verdict.finite
        assert verdict.max_abs < 1e-5


@pytest.mark.parametrize(
    ("name", "lowering"),
    [
        ("GATHER_ND", "dysample"),
        ("BROADCAST_TO", "dysample"),
        ("MIRROR_PAD", "reflection-pad"),
        ("FULLY_CONNECTED dynamic", "attention"),
        ("CUMSUM", None),
    ],
)
def test_each_finding_names_its_lowering(name, lowering, tmp_path):
    path = tmp_path / "one.tflite"
    path.write_bytes(CASES[name]())
    graph = read_tflite(path)
    findings = explained_xnnpack(graph, xnnpack_partitions(path).outside)
    assert [(f.kind, f.lowering, f.operators) for f in findings] == [(name.split()[0], lowering, (0,))]
    assert findings[0].reason


def test_the_module_in_a_tensor_name_decides(tmp_path):
    path = tmp_path / "one.tflite"
    for name, lowering in (("ADD rank 5", None), ("ADD rank 5 of DySample", "dysample")):
        path.write_bytes(CASES[name]())
        graph = read_tflite(path)
        assert lowering_for(graph, graph.operators[0]) == lowering
        assert [f.lowering for f in predicted_gpu_refusals(graph)] == [lowering]


def test_a_transpose_of_the_input_is_told_from_others(tmp_path):
    path = tmp_path / "one.tflite"
    path.write_bytes(CASES["TRANSPOSE"]())
    assert input_transposes(read_tflite(path)) == (0,)
    path.write_bytes(CASES["RESHAPE"]())
    assert input_transposes(read_tflite(path)) == ()
