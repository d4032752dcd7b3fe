"""`edgedepth bench device` on the folder of a coarse model and its refiner: both are graphs of their own."""

from __future__ import annotations

import hashlib
import json

import pytest
from ai_edge_litert import schema_py_generated as schema
from test_bench_device import bench, left_on, phone  # noqa: F401 - fixtures

from edgedepth.artifact.manifest import (
    FILE_NAME,
    SCHEMA_VERSION,
    FileEntry,
    InputContract,
    Manifest,
    ModelFacts,
    OutputContract,
    RefinerEntry,
    Source,
    TensorSpec,
    encode,
)
from edgedepth.bench.tflite_writer import TfliteWriter

SIZE = (8, 8)


def graph(folder, name, inputs):
    """A graph that adds its inputs up, as a file, and its entry."""
    shape = (1, *SIZE, 1)
    w = TfliteWriter()
    tensors = [w.tensor(one, shape) for one in inputs]
    total = tensors[0]
    for i, one in enumerate(tensors[1:] or tensors):
        out = w.tensor(f"sum_{i}", shape)
        w.operator("ADD", [total, one], [out], schema.AddOptionsT())
        total = out
    content = w.finish(tensors, [total])
    (folder / name).write_bytes(content)
    spec = TensorSpec(inputs[0], shape, "NHWC", "float32")
    return FileEntry(
        path=name,
        format="tflite",
        precision="fp32",
        size=SIZE,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        input=InputContract(spec, "RGB", (0.0, 1.0), "lanczos", "none"),
        output=OutputContract(spec, "depth", "depth = output", {}, metric=True, value_range=(0.1, 80.0)),
        operators={},
        lowering=(),
        parity={},
        opset=None,
    )


@pytest.fixture
def pair(tmp_path):
    folder = tmp_path / "pair"
    folder.mkdir()
    coarse = graph(folder, "net-coarse.tflite", ["image"])
    view, feature = (TensorSpec(name, (1, *SIZE, 1), "NHWC", "float32") for name in ("coarse_depth", "feature_2"))
    refine = graph(folder, "net-refine.tflite", ["image", view.name, feature.name])
    refiner = RefinerEntry(refine, coarse.path, (4, 4), view, (feature,), (feature,), 11, 22, {}, "depth", 33)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        name="net",
        model=ModelFacts("net", "none", "net", {}, 1, {}, "none"),
        source=Source("random", "random weights", {}, 0, {}),
        files=(coarse,),
        references=(),
        tools={},
        refiners=(refiner,),
    )
    (folder / FILE_NAME).write_bytes(encode(manifest, indent=1))
    return folder


def test_both_graphs_are_measured_and_named(bench, phone, pair, tmp_path):  # noqa: F811
    done = bench(pair, "--threads", "1", "--accel", "cpu", "-o", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["records"]
    assert [one["subject"]["label"] for one in found] == ["net-coarse.tflite", "net-refine.tflite"]
    assert all(one["valid"] for one in found)
    assert [one["subject"]["parameters"] for one in found] == [1, 11]
    assert left_on(phone) == []
