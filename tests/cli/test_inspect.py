"""`edgedepth inspect` on artifacts, on files of others, and on what is neither."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import typer
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper
from typer.testing import CliRunner

from edgedepth.artifact import sha256
from edgedepth.artifact.embed import embed_tflite
from edgedepth.artifact.manifest import (
    FILE_NAME,
    SCHEMA_VERSION,
    Essentials,
    FileEntry,
    InputContract,
    Lowering,
    Manifest,
    ModelFacts,
    OutputContract,
    Parity,
    Source,
    TensorSpec,
    encode,
)
from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.cli.inspect import inspect
from edgedepth.errors import EdgedepthError, InputError, UsageError
from edgedepth.preflight.vulkan import find_icd

app = typer.Typer()
app.command()(inspect)

INPUT = InputContract(
    TensorSpec("x", (1, 8, 8, 1), "NHWC", "float32"), "RGB", (0.0, 1.0), "lanczos", "divides by 0.225"
)
OUTPUT = OutputContract(
    TensorSpec("y", (1, 10, 10, 1), "NHWC", "float32"),
    "sigmoid-disparity",
    "1 / (a * y + b)",
    {"a": 9.99, "b": 0.01},
    metric=False,
    value_range=(0.0, 1.0),
)
SOURCE = Source("random", "seeded random weights, seed 7", {}, 7, {})
LOWERING = (Lowering("dysample", {"window": 3}),)


def network():
    """A mirror pad, a gather and a sigmoid."""
    w = TfliteWriter()
    x = w.tensor("x", (1, 8, 8, 1))
    padded, rows, y = (
        w.tensor("padded", (1, 10, 10, 1)),
        w.tensor("rows", (1, 10, 1)),
        w.tensor("y", (1, 10, 1)),
    )
    amounts = w.constant("amounts", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    places = w.constant("places", np.array([[0, 3]], np.int32))
    w.operator("MIRROR_PAD", [x, amounts], [padded], schema.MirrorPadOptionsT(mode=0))
    w.operator("GATHER_ND", [padded, places], [rows], schema.GatherNdOptionsT())
    w.operator("LOGISTIC", [rows], [y])
    return w.finish([x], [y])


@pytest.fixture
def foreign(tmp_path):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(network())
    return path


@pytest.fixture
def folder(tmp_path):
    """An artifact of one file with parity figures."""
    essentials = Essentials(SCHEMA_VERSION, "flex-tiny", SOURCE, "fp32", INPUT, OUTPUT, LOWERING)
    place = tmp_path / "artifact"
    place.mkdir()
    file = place / "net.tflite"
    file.write_bytes(embed_tflite(network(), essentials))
    entry = FileEntry(
        path="net.tflite",
        format="tflite",
        precision="fp32",
        size=(8, 8),
        sha256=sha256(file),
        bytes=file.stat().st_size,
        input=INPUT,
        output=OUTPUT,
        operators={},
        lowering=LOWERING,
        parity={"random": Parity(2e-6, 1e-7, 1.0, 3e-5, 0.21)},
        opset=None,
    )
    facts = ModelFacts("flex-tiny", "flexdepth", "FlexDepth", {}, 12, {}, "none")
    manifest = Manifest(SCHEMA_VERSION, "flex-tiny", facts, SOURCE, (entry,), (), {})
    (place / FILE_NAME).write_bytes(encode(manifest))
    return place


def ask(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_a_folder_says_what_it_is_and_what_is_refused(folder):
    lines = [line.split("│") for line in ask(folder).stdout.splitlines()]
    said = " ".join(cells[2].strip() for cells in lines if len(cells) == 4)
    for part in (
        "flex-tiny, fp32; seeded random weights, seed 7",
        "RGB 0..1",
        "sigmoid-disparity",
        "1 / (a * y + b) with a = 9.99, b = 0.01 (up to one unknown scale)",
        "max abs 2.0e-06 (at std 0.210)",
        "1 MIRROR_PAD, 1 GATHER_ND, 1 LOGISTIC",
        "fixed by reflection-pad",
        "fixed by dysample",
    ):
        assert part in said, part


def test_json_of_a_folder(folder):
    file = json.loads(ask(folder, "--json").stdout)["files"][0]
    assert file["statement"]["output"]["constants"] == {"a": 9.99, "b": 0.01}
    assert file["statement"]["parity"]["random"]["max_abs"] == 2e-6
    assert file["operators"] == {"MIRROR_PAD": 1, "GATHER_ND": 1, "LOGISTIC": 1}
    delegates = file["delegates"]
    assert delegates["xnnpack"] == {"sizes": [1], "outside": [0, 1], "operators": 3}
    assert [(f["kind"], f["lowering"]) for f in delegates["outside"]] == [
        ("MIRROR_PAD", "reflection-pad"),
        ("GATHER_ND", "dysample"),
    ]
    assert [f["kind"] for f in delegates["gpu_predicted"]] == ["GATHER_ND"]
    assert delegates["gpu_miscomputed"] == []
    assert delegates["gpu"] is None


def test_one_file_alone_speaks_through_what_it_carries(folder, tmp_path):
    lone = tmp_path / "moved.tflite"
    lone.write_bytes((folder / "net.tflite").read_bytes())
    statement = json.loads(ask(lone, "--json").stdout)["files"][0]["statement"]
    assert statement["model"] == "flex-tiny"
    assert statement["lowering"][0]["name"] == "dysample"
    assert statement["parity"] == {}


def test_a_file_of_others(foreign):
    assert "edgedepth did not write this file" in " ".join(ask(foreign).stdout.split())
    assert json.loads(ask(foreign, "--json").stdout)["files"][0]["statement"] is None


def test_onnx(tmp_path):
    graph = helper.make_graph(
        [
            helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
            helper.make_node("Sigmoid", ["t"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 8, 8, 3))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3, 8, 8))],
    )
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    file = json.loads(ask(path, "--json").stdout)["files"][0]
    assert (file["opset"], file["ranks"], file["delegates"]) == (18, {"4": 3}, None)
    assert (file["transposes"], file["input_transposes"]) == (1, 1)
    assert "fixed by nhwc-input" in ask(path).stdout


def test_gpu_runs_where_there_is_a_driver(foreign):
    try:
        find_icd()
    except EdgedepthError as error:
        pytest.skip(f"no GPU check: {error.cause}")
    gpu = json.loads(ask(foreign, "--gpu", "--json").stdout)["files"][0]["delegates"]["gpu"]
    assert gpu["accepted"] is False
    assert [refusal["kind"] for refusal in gpu["refusals"]] == ["GATHER_ND"]
    assert "refused on" in ask(foreign, "--gpu").stdout


def test_bad_input(tmp_path, foreign):
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(foreign.read_bytes()[:300])
    for path in (cut, tmp_path / "absent", tmp_path):
        with pytest.raises(InputError) as caught:
            ask(path)
        assert caught.value.remedy
    with pytest.raises(UsageError, match="--gpu"):
        ask(foreign, "--vulkan", tmp_path)
