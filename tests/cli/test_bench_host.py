"""`edgedepth bench host` from the command's side; no time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer
from ai_edge_litert import schema_py_generated as schema
from typer.testing import CliRunner

from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.cli.bench_host import bench_host
from edgedepth.errors import InputError, UsageError

app = typer.Typer()
app.command()(bench_host)


@pytest.fixture
def file(tmp_path):
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 8, 8, 4)), w.tensor("y", (1, 8, 8, 4))
    w.operator("ADD", [x, x], [y], schema.AddOptionsT())
    path = tmp_path / "net.tflite"
    path.write_bytes(w.finish([x], [y]))
    return path


def ask(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_json_is_one_object_with_raw_samples(file):
    report = json.loads(ask(file, file, "--rounds", 4, "--seed", 5, "--json").stdout)
    assert [len(row["samples_ms"]) for row in report["rows"]] == [4, 4]
    assert report["plan"]["seed"] == 5
    assert report["rows"][1]["to_first"]["low"] <= report["rows"][1]["to_first"]["high"]
    assert report["profiles"] == []


def test_table_with_floor_and_profile(file):
    result = ask(file, "--rounds", 2, "--floor", "--macs", "1e6", "--profile")
    said = " ".join(result.stdout.split())
    assert "2 interleaved rounds" in said
    assert "to floor" in said
    assert "G MACs/s" in said
    assert "1 ADD" in said
    assert "measuring" not in said


def test_bad_input(file, tmp_path):
    with pytest.raises(UsageError, match="--floor"):
        ask(file, "--macs", 5)
    with pytest.raises(InputError, match="no file"):
        ask(tmp_path / "absent.tflite")
    assert ask(file, "--threads", 0).exit_code == 2


def test_help_loads_nothing_heavy():
    program = (
        "import sys\nfrom edgedepth.cli import bench_host, doctor, inspect\n"
        "print([m for m in ('torch', 'onnx', 'onnxruntime', 'ai_edge_litert', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
