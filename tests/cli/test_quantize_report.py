"""`edgedepth quantize-report` on tiny artifacts, in the real runtimes; no time is asserted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from edgedepth.artifact.manifest import CalibrationFacts, Parity, Quantization
from edgedepth.bench.precisions import PrecisionRow
from edgedepth.bench.precisions_page import HEADINGS, PrecisionReport, markdown, warnings
from edgedepth.bench.statistics import summarize
from edgedepth.evaluation.datasets import open_dataset
from edgedepth.evaluation.opening import open_predictors
from edgedepth.evaluation.protocol import evaluate
from edgedepth.preflight.xnnpack import Partitions

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runtime"))
from tiny_graphs import CONSTANTS, entry, write_artifact

PARITY = {"noise": Parity(1e-3, 1e-4, 0.9, 0.01, 0.2), "street": Parity(2e-2, 1e-3, 0.999, 0.02, 0.2)}
CALIBRATION = CalibrationFacts("4 rendered street scenes", 4, "0" * 64, synthetic=True)
QUANTIZED = Quantization("w8a8", ("decoder.0", "decoder.2"), CALIBRATION, None, ())
TIMES = ("ms", "ms / fp32")


def w8a8(path, **options):
    """The same graph under another name, decoded with other constants: its depth differs."""
    told = entry(path, constants=CONSTANTS | {"min_disparity": 2.0}, **options)
    return replace(told, precision="w8a8", parity=PARITY, quantization=QUANTIZED)


@pytest.fixture
def artifact(tmp_path):
    """Both formats, fp32 and another precision, and one size without fp32."""
    entries = [
        entry("a.onnx"),
        w8a8("b.onnx"),
        entry("a.tflite"),
        w8a8("b.tflite"),
        w8a8("large.tflite", size=(64, 96)),
    ]
    return write_artifact(tmp_path / "tiny", entries)


@pytest.fixture
def frames(tmp_path):
    """Two frames with LiDAR depth."""
    root = tmp_path / "frames"
    for folder in ("left", "lidar_depth"):
        (root / folder).mkdir(parents=True)
    for number, farthest in enumerate((30, 60)):
        depth = np.linspace(farthest, 4, 32)[:, None].repeat(64, 1)
        Image.effect_noise((64, 32), 50).convert("RGB").save(root / "left" / f"{number}.jpg")
        np.savez(root / "lidar_depth" / f"{number}.npz", depth=depth.astype(np.float16))
    np.save(root / "K.npy", np.array([[60.0, 0, 31.5], [0, 60.0, 15.5], [0, 0, 1]]))
    return root


def page_of(path):
    """Rows by heading, and the paragraphs under them."""
    head, *paragraphs = path.read_text().rstrip("\n").split("\n\n")
    headings, rule, *lines = ([cell.strip() for cell in line.strip("|").split("|")] for line in head.splitlines())
    assert all(set(cell) <= set("-:") for cell in rule)
    return [dict(zip(headings, line, strict=True)) for line in lines], paragraphs


def test_json_has_every_file_against_its_fp32_file(edgedepth, artifact, frames):
    result = edgedepth("quantize-report", artifact, "--data", frames, "--rounds", 5, "--json")
    assert result.code == 0, result.err
    content = json.loads(result.out)
    rows = {row["file"]: row for row in content["rows"]}
    assert list(rows) == ["a.onnx", "b.onnx", "a.tflite", "b.tflite", "large.tflite"]
    for name, full in (("a.onnx", "a.onnx"), ("b.onnx", "a.onnx"), ("a.tflite", "a.tflite"), ("b.tflite", "a.tflite")):
        row, other = rows[name], rows[full]
        ratio = row["to_fp32"]
        assert ratio["file"] == full
        assert len(row["samples_ms"]) == 5
        assert ratio["bytes"] == (artifact / name).stat().st_size / (artifact / full).stat().st_size
        assert ratio["time"]["value"] == pytest.approx(np.median(row["samples_ms"]) / np.median(other["samples_ms"]))
        assert ratio["time"]["low"] <= ratio["time"]["high"]
        for metric in ("abs_rel", "delta1"):
            assert ratio[metric] == pytest.approx(row["depth"][metric] - other["depth"][metric])
    assert abs(rows["b.onnx"]["to_fp32"]["abs_rel"]) > 1e-6
    assert rows["large.tflite"]["to_fp32"] is None
    assert rows["b.onnx"]["parity"] == {"max_abs": 2e-2, "correlation": 0.9}
    assert rows["a.onnx"]["parity"] is None
    assert rows["b.onnx"]["quantization"]["kept"] == ["decoder.0", "decoder.2"]
    assert rows["a.tflite"]["xnnpack"] == {"sizes": [2], "outside": [], "operators": 2}
    assert rows["a.onnx"]["xnnpack"] is None
    assert content["rounds"] == 5


def test_depth_is_what_the_evaluation_measures(edgedepth, artifact, frames):
    asked = ("quantize-report", artifact, "--data", frames, "--protocol", "least-squares", "--rounds", 1, "--json")
    content = json.loads(edgedepth(*asked).out)
    from edgedepth.evaluation.named_protocols import PROTOCOLS

    for row in content["rows"]:
        (predictor,) = open_predictors([str(artifact / row["file"])])
        mean = evaluate(predictor, open_dataset(frames), PROTOCOLS["least-squares"]).mean
        assert row["depth"] == pytest.approx(mean.as_dict())
    assert "protocol least-squares: alignment least-squares" in content["data"]


def test_the_page_and_the_terminal_say_the_same(edgedepth, artifact, frames, tmp_path):
    page = tmp_path / "report.md"
    result = edgedepth("quantize-report", artifact, "--data", frames, "--rounds", 3, "-o", page)
    assert result.code == 0, result.err
    rows, paragraphs = page_of(page)
    assert tuple(rows[0]) == HEADINGS
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    for row in rows:
        assert " ".join(row.values()) in lines
    for paragraph in paragraphs:
        assert paragraph in (result.out if not paragraph.startswith("Noisy") else result.err)
    by_name = {(row["format"], row["size"], row["precision"]): row for row in rows}
    quantized = by_name["tflite", "32x64", "w8a8"]
    assert quantized["in float"] == "2"
    assert quantized["XNNPACK"] == "whole"
    assert quantized["max abs"] == "2.0e-02"
    assert quantized["correlation"] == "0.900000"
    assert "(" in quantized["AbsRel"]
    assert by_name["onnx", "32x64", "fp32"]["MB / fp32"] == "1"
    alone = by_name["tflite", "64x96", "w8a8"]
    assert (alone["MB / fp32"], alone["ms / fp32"]) == ("-", "-")
    assert "(" not in alone["AbsRel"]
    assert paragraphs[0].startswith(
        "Made by `edgedepth quantize-report tiny --data frames --protocol kitti2015 --rounds 3 --threads 1` with "
    )
    for words in ("ONNX Runtime", "LiteRT", "1 thread, 3 interleaved rounds"):
        assert words in paragraphs[0]
    told = "\n".join(paragraphs)
    assert "No fp32 file to compare with, so no ratios and changes: tiny (tflite 64x96)." in told
    assert "Exported unchecked, so no parity: tiny/a.onnx, tiny/a.tflite." in told
    calibrated = "Calibrated on 4 rendered street scenes; rendered pictures prove arithmetic only"
    assert f"{calibrated}: tiny/b.onnx, tiny/b.tflite, tiny/large.tflite." in told
    assert str(tmp_path) not in page.read_text()


def test_only_times_differ_between_two_pages(edgedepth, frames, tmp_path):
    artifact = write_artifact(tmp_path / "pair", [entry("a.onnx"), w8a8("b.onnx")])
    pages = []
    for name in ("one.md", "two.md"):
        edgedepth("quantize-report", artifact, "--data", frames, "--rounds", 2, "-o", tmp_path / name)
        rows, paragraphs = page_of(tmp_path / name)
        steady = [{heading: cell for heading, cell in row.items() if heading not in TIMES} for row in rows]
        pages.append((steady, [paragraph for paragraph in paragraphs if not paragraph.startswith("Noisy")]))
    assert pages[0] == pages[1]


def report_of(samples, partitions):
    """A made-up file that took these times."""
    size, digest, sums = (32, 64), "0" * 64, summarize(samples)
    row = PrecisionRow(
        *("tiny", "a.tflite", "tiny", "shipped", size, "tflite", "w8a8", digest, 1000),
        *(None, None, None, "LiteRT 2.3.0 XNNPACK", samples, sums, partitions, None),
    )
    return PrecisionReport("edgedepth quantize-report tiny", ["LiteRT"], "a processor", 2, 4, None, [row])


def test_a_graph_that_is_partly_delegated_says_how_much():
    page = markdown(report_of([1.0] * 4, Partitions((3, 2), (4,), 6)))
    assert "| 5 of 6 operators in 2 |" in page
    assert "a processor: 2 threads" in page


def test_noisy_times_are_told():
    whole = Partitions((6,), (), 6)
    noisy, steady = report_of([1.0, 1.0, 2.0, 2.0], whole), report_of([1.0, 1.01, 1.0, 1.01], whole)
    (said,) = warnings(noisy)
    assert "tiny/a.tflite" in said
    assert said in markdown(noisy)
    assert warnings(steady) == []


def test_random_weights_have_no_depth_quality(edgedepth, artifact, frames, tmp_path):
    random = write_artifact(tmp_path / "random", [entry("a.onnx")], kind="random")
    page = tmp_path / "report.md"
    result = edgedepth("quantize-report", random, artifact, "--data", frames, "--rounds", 1, "-o", page)
    assert result.code == 0, result.err
    rows, _ = page_of(page)
    assert rows[0]["model"] == "tiny (random)"
    assert rows[1]["model"] == "tiny (tiny)"
    assert (rows[0]["AbsRel"], rows[0]["d<1.25"]) == ("-", "-")
    assert rows[1]["AbsRel"] != "-"
    assert "Random weights have no depth quality, so none is measured: random." in page.read_text()


def test_without_data_depth_is_not_measured(edgedepth, artifact, tmp_path):
    page = tmp_path / "report.md"
    assert edgedepth("quantize-report", artifact, "--rounds", 1, "-o", page).code == 0
    rows, paragraphs = page_of(page)
    assert {row["AbsRel"] for row in rows} == {"-"}
    assert "AbsRel, d<1.25: not measured; --data names frames with ground truth." in paragraphs


def test_what_cannot_be_is_refused(edgedepth, artifact, tmp_path):
    def said(*arguments):
        result = edgedepth("quantize-report", *arguments)
        assert result.code == 2
        assert result.out == ""
        return result.err

    assert "--protocol has no effect without --data" in said(artifact, "--protocol", "eigen")
    assert "did you mean kitti2015" in said(artifact, "--data", tmp_path, "--protocol", "kiti2015").lower()
    assert "Its folder does not exist" in said(artifact, "-o", tmp_path / "nowhere" / "report.md")
    assert "It is a folder" in said(artifact, "-o", tmp_path)
    assert "is one file" in said(artifact / "a.onnx")
    assert "There is no artifact" in said(tmp_path / "absent")
    assert "both be called tiny" in said(artifact, artifact)
    assert str(tmp_path / "absent") in said(artifact, "--data", tmp_path / "absent")
    (artifact / "a.onnx").write_bytes((artifact / "b.onnx").read_bytes())
    assert "not the file that was exported" in said(artifact)


def test_a_failed_write_leaves_what_was_there(edgedepth, artifact, tmp_path, monkeypatch):
    page = tmp_path / "report.md"
    page.write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    result = edgedepth("quantize-report", artifact, "--rounds", 1, "-o", page)
    assert result.code == 1
    assert "No space left" in result.err
    assert page.read_text() == "before"
    assert not list(tmp_path.glob(".*.partial"))
