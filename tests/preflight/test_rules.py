"""The static table against the runtimes it speaks of: each operator alone."""

from __future__ import annotations

import pytest
from doubtful_products import RIGHT, WRONG
from rich.console import Console
from single_operators import CASES

from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.preflight.gpu import check_gpu
from edgedepth.preflight.inspection import inspect_file
from edgedepth.preflight.on_accelerators import GPU_FLOAT_GATE, on_gpu
from edgedepth.preflight.report import as_table
from edgedepth.preflight.rules import (
    explained_xnnpack,
    input_transposes,
    lowering_for,
    miscomputed_by_gpu,
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


@pytest.mark.parametrize("name", [*RIGHT, *WRONG])
def test_what_the_gpu_computes_wrong_is_known_by_its_shapes(name, tmp_path):
    build, lowering = WRONG[name] if name in WRONG else (RIGHT[name], None)
    path = tmp_path / "one.tflite"
    path.write_bytes(build())
    found = miscomputed_by_gpu(read_tflite(path))
    assert [one.lowering for one in found] == ([lowering] if lowering else [])
    assert all(one.delegate == "gpu" and one.reason and one.operators for one in found)


@pytest.mark.parametrize("name", [*RIGHT, *WRONG])
def test_the_gpu_computes_wrong_what_is_known_and_nothing_else(name, tmp_path, icd):
    path = tmp_path / "one.tflite"
    path.write_bytes(WRONG[name][0]() if name in WRONG else RIGHT[name]())
    found = check_gpu(path, icd)
    assert found.accepted
    assert (found.max_abs > 1e3 * GPU_FLOAT_GATE * found.output_std) == (name in WRONG)


def test_the_gpu_check_names_the_known_cause_and_its_lowering(tmp_path, icd):
    path = tmp_path / "one.tflite"
    path.write_bytes(WRONG["pool after a pad"][0]())
    verdict = on_gpu(path, icd)
    assert (verdict.outcome, verdict.exit_code) == ("failed", 3)
    assert "known to be computed wrong: 1 AVERAGE_POOL_2D" in verdict.evidence
    assert verdict.remedy.endswith("avoid this: average-pool.")


@pytest.mark.parametrize(("name", "told"), [("pool after a pad", True), ("pool that pads", False)])
def test_an_inspection_tells_what_the_gpu_computes_wrong(name, told, tmp_path):
    path = tmp_path / "one.tflite"
    path.write_bytes((WRONG[name][0] if told else RIGHT[name])())
    found = inspect_file(path)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(as_table(found))
    assert ("computed wrong:" in capture.get()) == ("fixed by average-pool" in capture.get()) == told
