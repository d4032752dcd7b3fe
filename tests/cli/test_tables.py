"""``edgedepth models`` and ``edgedepth formats``, and what every command shares."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import edgedepth as package
from edgedepth.export.formats import FORMATS
from edgedepth.models import cards

HEAVY = ("torch", "numpy", "onnx", "onnxruntime", "onnxsim", "litert_torch", "ai_edge_litert", "PIL", "safetensors")


def test_the_command_line_loads_no_heavy_library():
    code = f"import sys, edgedepth.cli; print(*set({HEAVY!r}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("command", [["models"], ["models", "--json"], ["formats"], ["formats", "--json"]])
def test_tables_load_no_heavy_library_either(command):
    code = f"""
import sys
sys.argv = ["edgedepth", *{command!r}]
from edgedepth.cli import main
try:
    main()
finally:
    print(*set({HEAVY!r}) & set(sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "\n"
    assert done.stdout


def test_models_lists_every_card_with_its_papers_figures(edgedepth):
    result = edgedepth("models")
    assert result.code == 0
    assert result.err == ""
    for name in cards():
        assert name in result.out
    assert "1.522" in result.out
    assert "24.563" in result.out


def test_models_as_one_json_object(edgedepth):
    found = json.loads(edgedepth("models", "--json").out)
    assert list(found) == sorted(cards())
    assert found["flex-medium"]["config"]["groups"] == 8
    assert found["flex-nano"]["paper"]["params_millions"] == 1.522
    assert found["flex-nano"]["input"]["multiple"] == 32


def test_models_counts_when_asked(edgedepth):
    found = json.loads(edgedepth("models", "--counts", "--json").out)
    assert found["flex-xlarge"]["counts"]["parameters"] == 32_269_444
    assert found["flex-small"]["counts"]["paper_gflops"] == 2.77613568
    assert "32,269,444" in edgedepth("models", "--counts").out


def test_formats_are_the_table_that_validation_reads(edgedepth):
    found = json.loads(edgedepth("formats", "--json").out)
    assert list(found) == sorted(FORMATS)
    assert found["tflite"]["opsets"] is None
    shown = edgedepth("formats").out
    for fmt in FORMATS.values():
        assert fmt.name in shown
        assert all(precision in shown for precision in fmt.precisions)


def test_version_and_help(edgedepth):
    assert edgedepth("--version").out == f"edgedepth {package.__version__}\n"
    shown = edgedepth("--help").out
    for command in ("models", "formats", "export", "check", "inspect", "run", "bench", "doctor"):
        assert command in shown
    assert edgedepth("export", "-h").code == 0


def test_an_unknown_command_is_a_usage_error(edgedepth):
    result = edgedepth("exprot")
    assert result.code == 2
    assert "exprot" in result.err
    assert result.out == ""


def test_colour_is_never_written_to_a_pipe(edgedepth):
    for arguments in (("models",), ("formats",), ("export", "flex-nan")):
        result = edgedepth(*arguments)
        assert "\x1b" not in result.out + result.err


def test_a_report_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    from typer.testing import CliRunner

    from edgedepth.cli import app
    from edgedepth.errors import UsageError

    missing = tmp_path / "nowhere" / "report.json"
    result = CliRunner().invoke(app, ["export", "flex-nano", "-o", str(tmp_path / "out"), "--report", str(missing)])
    assert isinstance(result.exception, UsageError)
    assert "folder does not exist" in str(result.exception)
    assert not (tmp_path / "out").exists()
