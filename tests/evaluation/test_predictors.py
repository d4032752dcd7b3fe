"""One pre-processing and one decoding: PyTorch and exported files see and give the same."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tiny_graphs
import torch
from frames_in_memory import EXPORT_SIZE, Frames, ramp, sample
from torch import nn

from edgedepth.evaluation.artifact_predictor import ArtifactPredictor
from edgedepth.evaluation.opening import Choice, open_predictors
from edgedepth.evaluation.protocol import evaluate
from edgedepth.evaluation.torch_predictor import TorchPredictor, contracts_of
from edgedepth.models import card
from edgedepth.runtime.predictor import open_predictor


def tiny_network():
    """The tiny graphs' formula in PyTorch."""
    conv = nn.Conv2d(3, 1, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(tiny_graphs.WEIGHTS).reshape(1, 3, 1, 1))
        conv.bias.fill_(tiny_graphs.BIAS)
    return nn.Sequential(conv, nn.Sigmoid()).eval()


def metrics_of(predictor):
    report = evaluate(predictor, Frames(sample(ramp(45, 70), "a"), sample(ramp(30, 50), "b")))
    return np.array([list(metrics.as_dict().values()) for metrics in report.frames.values()])


@pytest.mark.parametrize("name", ["tiny.onnx", "tiny.tflite"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_the_same_formula_gives_the_same_metrics_everywhere(name, dtype, tmp_path):
    layout = "NHWC" if dtype == "uint8" else None
    tiny_graphs.write_artifact(tmp_path / "tiny", [tiny_graphs.entry(name, dtype=dtype, layout=layout)])
    exported = ArtifactPredictor(open_predictor(tmp_path / "tiny" / name), "tiny")
    network = TorchPredictor(tiny_network(), card("flex-nano"), tiny_graphs.SIZE)
    assert exported.meaning == network.meaning
    np.testing.assert_allclose(metrics_of(exported), metrics_of(network), rtol=1e-5)


def test_depth_decoded_in_the_graph_is_taken_as_it_is(tmp_path):
    entry = tiny_graphs.entry("tiny.onnx", meaning="metric-depth", metric=True, constants={})
    tiny_graphs.write_artifact(tmp_path / "tiny", [entry])
    exported = ArtifactPredictor(open_predictor(tmp_path / "tiny"), "tiny")
    assert exported.meaning.unit == "metres"
    image = np.full((*tiny_graphs.SIZE, 3), 100, np.uint8)
    expected = tiny_graphs.expected(np.full((*tiny_graphs.SIZE, 3), 100 / 255))
    np.testing.assert_allclose(exported.depth(image, tiny_graphs.SIZE), expected, rtol=1e-5)


def test_disparity_with_an_unknown_shift_comes_as_its_reciprocal(tmp_path):
    entry = tiny_graphs.entry("tiny.onnx", meaning="affine-invariant-disparity", constants={})
    tiny_graphs.write_artifact(tmp_path / "tiny", [entry])
    exported = ArtifactPredictor(open_predictor(tmp_path / "tiny"), "tiny")
    image = np.full((*tiny_graphs.SIZE, 3), 100, np.uint8)
    expected = tiny_graphs.expected(np.full((*tiny_graphs.SIZE, 3), 100 / 255))
    np.testing.assert_allclose(exported.depth(image, tiny_graphs.SIZE), 1 / expected, rtol=1e-5)


@pytest.fixture
def pair(exported):
    """The exported network in PyTorch, and its ONNX file."""
    named = [str(exported / "random.safetensors"), str(exported / "artifact")]
    return open_predictors(named, Choice(size=EXPORT_SIZE))


def test_an_export_has_the_metrics_of_its_network(pair):
    network, onnx = pair
    np.testing.assert_allclose(metrics_of(onnx), metrics_of(network), rtol=1e-5)
    assert network.facts["runtime"].startswith("PyTorch")
    assert onnx.facts["runtime"].startswith("ONNX Runtime")
    assert network.facts["input"] == onnx.facts["input"] == "64x96"


def test_both_see_the_same_input_and_decode_alike(pair):
    network, onnx = pair
    seen = []
    network.model.register_forward_pre_hook(lambda _, given: seen.append(given[0].numpy().copy()))
    image = sample(ramp(45, 70)).image
    network.depth(image, (45, 70))
    np.testing.assert_array_equal(seen[0], onnx.predictor.prepare([image]))
    entry = onnx.predictor.session.entry
    given, taken = contracts_of(network.card, EXPORT_SIZE)[::-1]
    assert given.meaning == entry.output.meaning
    assert given.constants == entry.output.constants
    assert given.metric == entry.output.metric
    assert taken.value_range == entry.input.value_range
    assert taken.resize == entry.input.resize


def test_measuring_a_file_does_not_load_torch(tmp_path):
    tiny_graphs.write_artifact(tmp_path / "tiny", [tiny_graphs.entry("tiny.onnx")])
    script = (
        "import sys; from edgedepth.evaluation.opening import open_predictors; import edgedepth.evaluation.report;"
        "open_predictors([sys.argv[1]]); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script, tmp_path / "tiny"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
