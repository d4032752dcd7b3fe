"""`edgedepth doctor`: what it finds, and what it says when something is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest
import typer
from typer.testing import CliRunner

from edgedepth.cli.doctor import doctor
from edgedepth.errors import MissingDependencyError
from edgedepth.preflight import doctor as room

app = typer.Typer()
app.command()(doctor)


def test_every_required_package_is_here():
    result = CliRunner().invoke(app, ["--json"], catch_exceptions=False)
    assert result.exit_code == 0
    found = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    for name in (
        "python",
        "edgedepth",
        "torch",
        "onnx",
        "onnxruntime",
        "onnxsim",
        "litert-torch",
        "ai-edge-litert",
    ):
        assert found[name]["status"] == "ok"
        assert found[name]["found"]
    for name in ("av", "adb", "vulkan", "disk"):
        assert not found[name]["required"]
    assert all(check["remedy"] for check in found.values() if check["status"] != "ok")


def test_a_missing_package_is_named_with_its_requirement(monkeypatch):
    def version(name):
        if name in ("onnxsim", "av"):
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(room, "version", version)
    with pytest.raises(MissingDependencyError) as caught:
        CliRunner().invoke(app, [], catch_exceptions=False)
    assert caught.value.exit_code == 5
    assert caught.value.evidence == "onnxsim"
    assert "pip install 'onnxsim" in caught.value.remedy
    found = {check.name: check for check in room.checks()}
    assert found["av"].status == "missing"
    assert "edgedepth[video]" in found["av"].remedy


def test_scarce_room_is_low_not_missing(monkeypatch):
    monkeypatch.setattr(room, "free_memory", lambda: 1 << 30)
    monkeypatch.setattr(room, "free_disk", lambda _: 1 << 20)
    found = {check.name: check for check in room.checks()}
    assert (found["memory"].status, found["disk"].status) == ("low", "low")
    assert CliRunner().invoke(app, [], catch_exceptions=False).exit_code == 0


def test_unknown_memory_is_left_out(monkeypatch):
    monkeypatch.setattr(room, "free_memory", lambda: None)
    assert "memory" not in {check.name for check in room.checks()}


def test_nothing_heavy_is_imported():
    program = (
        "import sys; from edgedepth.preflight.doctor import checks; checks();"
        "print([m for m in ('torch', 'onnx', 'onnxruntime', 'ai_edge_litert', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_table_is_plain_text():
    said = CliRunner().invoke(app, [], catch_exceptions=False).stdout
    assert " ok " in said
    assert "[/]" not in said
    assert "\\[" not in said
