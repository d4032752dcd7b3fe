"""What is refused before anything heavy is loaded, with what would do instead."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support import SCALES

from edgedepth.errors import InputError, UsageError
from edgedepth.export.formats import FORMATS
from edgedepth.export.request import ExportRequest, require_size, validate
from edgedepth.models import card


def refusal(**fields):
    with pytest.raises(UsageError) as caught:
        validate(ExportRequest(**({"model": "flex-small", "random_seed": 0} | fields)))
    return caught.value


@pytest.mark.parametrize("name", SCALES)
def test_a_plain_request_is_fine(name):
    assert validate(ExportRequest(name, random_seed=0)) is None


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        ((190, 640), "160x640, 192x640"),
        ((192, 639), "192x608, 192x640"),
        ((100, 100), "96x96, 96x128, 128x96, 128x128"),
        ((1, 640), "32x640"),
    ],
)
def test_a_size_that_does_not_divide_gets_the_nearest_that_do(size, nearest):
    error = refusal(sizes=((64, 64), size))
    assert f"{size[0]}x{size[1]}" in error.cause
    assert "32" in error.evidence
    assert error.remedy == f"The nearest sizes: {nearest}."


@pytest.mark.parametrize("size", [(32, 32), (192, 640), (1024, 320)])
def test_sizes_that_divide_are_fine(size):
    assert require_size(card("flex-nano"), size) is None


def test_an_unknown_format_gets_the_nearest():
    assert "Did you mean tflite?" in refusal(formats=("tflit",)).remedy


@pytest.mark.parametrize("precision", ["fp61", "int4"])
def test_an_unknown_precision_is_refused_with_what_there_is(precision):
    error = refusal(precisions=("fp32", precision))
    assert precision in error.cause
    assert "fp16" in error.evidence


@pytest.mark.parametrize("opset", [-1, 0, 11, 17, 99])
def test_an_operator_set_out_of_range_is_refused(opset):
    low, high = FORMATS["onnx"].opsets
    assert f"{low} to {high}" in refusal(opset=opset).evidence


def test_the_operator_set_does_not_matter_to_tflite():
    assert validate(ExportRequest("flex-nano", random_seed=0, formats=("tflite",), opset=1)) is None


@pytest.mark.parametrize("batch", [0, -1])
def test_an_empty_batch_is_refused(batch):
    assert "empty" in refusal(batch=batch).cause


def test_both_kinds_of_weights_are_refused(tmp_path):
    assert "exclude each other" in refusal(weights=tmp_path).cause


def test_nothing_named_is_refused():
    assert "Nothing to export" in refusal(model=None).cause
    assert "Nothing to export" in refusal(model=None, random_seed=None).cause


def test_an_unknown_model_is_refused_with_the_nearest():
    assert "flex-small" in refusal(model="flex-smal").remedy


def test_a_model_without_weights_needs_them_named():
    error = refusal(random_seed=None)
    assert "flex-small" in error.cause
    assert "--random-weights" in error.remedy


@pytest.mark.parametrize("field", ["weights", "calibration", "reference"])
def test_paths_that_lead_nowhere_are_refused(field, tmp_path):
    fields = {field: tmp_path / "nowhere"} | ({"random_seed": None} if field == "weights" else {})
    error = refusal(**fields)
    assert isinstance(error, InputError)
    assert "nowhere" in error.cause


@pytest.mark.parametrize("kind", ["uint8", "int8"])
def test_integers_cannot_hold_depth(kind):
    error = refusal(output="depth", output_type=kind)
    assert f"cannot give depth as {kind}" in error.cause
    assert "255 steps from 0.1 to 100 are 0.39 each" in error.evidence
    metric = refusal(model="surround-monodepth2", output_type=kind)
    assert "near depth would be lost" in metric.evidence
    assert "--input int8" in metric.remedy


@pytest.mark.parametrize("precision", ["fp32", "fp16", "w8", "dyn8", "w8a8", "auto"])
@pytest.mark.parametrize("kind", ["uint8", "int8"])
def test_integer_ends_go_with_every_precision(precision, kind):
    assert (
        validate(ExportRequest("flex-nano", precisions=(precision,), random_seed=0, input=kind, output_type=kind))
        is None
    )


@pytest.mark.parametrize("changes", [{"input": "int8"}, {"output_type": "int8"}])
def test_pairs_take_and_give_floats(changes):
    error = refusal(model="prv2-nano", **changes)
    assert "float input, float disparity output" in error.cause


def test_refusing_imports_nothing_heavy():
    code = """
import sys
from edgedepth.errors import UsageError
from edgedepth.export.request import ExportRequest, validate
try:
    validate(ExportRequest("prv2-nano", random_seed=0, output_type="int8"))
except UsageError:
    pass
try:
    validate(ExportRequest("flex-nano", random_seed=0, sizes=((100, 100),)))
except UsageError:
    print(*{"torch", "numpy", "onnx", "onnxruntime", "ai_edge_litert"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize(("size", "nearest"), [((32, 640), "64x640"), ((60, 70), "64x64, 64x96")])
def test_a_size_below_the_smallest_is_refused(size, nearest):
    error = refusal(model="monodepth2", sizes=(size,))
    assert error.evidence == "Height and width must be divisible by 32 and at least 64."
    assert nearest in error.remedy
