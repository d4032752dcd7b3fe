"""`edgedepth bench report`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import varied_records as varied

from edgedepth.bench.journal import Journal


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.jsonl"
    with Journal(path) as journal:
        for record in [*varied.host()[:2], varied.phones()[-1]]:
            journal.append(record)
    return path


def test_a_page_plots_and_the_table(edgedepth, results, tmp_path):
    done = edgedepth("bench", "report", results, "-o", tmp_path / "out")
    assert done.code == 0
    assert "flex-nano-192x640-fp32.tflite" in done.out
    assert "Again: edgedepth bench host" in done.err
    assert "report.html" in done.err
    text = (tmp_path / "out" / "report.html").read_text()
    assert "samsung" not in text
    assert "Google Pixel 6a" in text
    assert (tmp_path / "out" / "plots" / "device1-latency.png").is_file()


def test_one_json_object_about_what_was_written(edgedepth, results, tmp_path):
    done = edgedepth("bench", "report", results, results, "-o", tmp_path / "out", "--title", "Mine", "--json")
    told = json.loads(done.out)
    assert told["page"] == "report.html"
    assert (told["valid"], told["invalid"]) == (3, 0)
    assert set(told["plots"]) == {path.name for path in (tmp_path / "out" / "plots").iterdir()}
    assert "<title>Mine</title>" in (tmp_path / "out" / "report.html").read_text()


def test_what_is_no_result_is_refused(edgedepth, results, tmp_path):
    (tmp_path / "other.jsonl").write_text("{}\n")
    done = edgedepth("bench", "report", tmp_path / "other.jsonl", "-o", tmp_path / "out")
    assert done.code == 2
    assert "is not a result file" in done.err
    done = edgedepth("bench", "report", results, "-o", tmp_path / "out", "--accuracy", tmp_path / "other.jsonl")
    assert done.code == 2
    assert "is not an evaluation" in done.err
    assert not (tmp_path / "out").exists()
