"""The Android demo's core: its own check on the JVM, and what the two languages must have in common."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from demo_checks import DEMO, needs_demo
from msgspec.structs import asdict, replace

from edgedepth.artifact.manifest import SCHEMA_VERSION
from edgedepth.bench.compare import compare
from edgedepth.bench.device import app_contract
from edgedepth.bench.device.app_contract import AppRequest, read_answer
from edgedepth.bench.journal import read_records
from edgedepth.bench.statistics import latency_of
from edgedepth.bench.validity import judged

KOTLIN = DEMO / "core" / "src" / "main" / "kotlin" / "io" / "edgedepth" / "demo" / "core"
pytestmark = needs_demo


@pytest.mark.slow
def test_the_check_passes(core_checked: Path) -> None:
    assert (core_checked / "libedgedepth_desktop.so").is_file()


@pytest.mark.slow
def test_the_host_believes_the_cores_answer(core_checked: Path) -> None:
    (record,) = read_records([core_checked / "bench" / "results-0.jsonl"])
    request = AppRequest(
        schema=1,
        token="0123456789abcdef",  # noqa: S106 - names a file
        model="flex-nano.tflite",
        accelerator="cpu",
        threads=1,
        strict=True,
        runs=10,
        seconds=0.0,
        warmup_runs=2,
        warmup_seconds=0.0,
        max_seconds=600.0,
        sustained_minutes=0.0,
    )
    result = read_answer((core_checked / "bench" / "answer.json").read_bytes(), request, record.subject.sha256)
    assert result.tool.failure is None
    assert result.tool.latency is not None
    assert result.tool.latency.count == 10


@pytest.mark.slow
def test_the_cores_records_are_compared_and_judged_as_the_hosts(core_checked: Path) -> None:
    before, after = (read_records([core_checked / "bench" / f"results-{i}.jsonl"]) for i in range(2))
    found = compare(before, after)
    assert not found.only_before
    assert not found.only_after
    assert len(found.pairs) == 1 or found.invalid
    for record in (*before, *after):
        again = judged(replace(record, valid=False, invalid_reasons=()))
        assert (record.valid, record.invalid_reasons) == (again.valid, again.invalid_reasons)
        assert record.latency is not None
        host = latency_of(record.latency.samples_ms, record.latency.seconds)
        for name, value in asdict(host).items():
            assert getattr(record.latency, name) == pytest.approx(value, rel=1e-9), name


@pytest.mark.slow
@pytest.mark.parametrize(("after", "code", "verdict"), [("same", 0, "within"), ("slower", 8, "regression")])
def test_the_commands_read_what_the_core_writes(
    core_checked: Path, tmp_path: Path, after: str, code: int, verdict: str
) -> None:
    before, second = (core_checked / "bench" / f"quiet-{name}.jsonl" for name in ("before", after))
    compared = edgedepth("bench", "compare", before, second, "--json")
    assert compared.returncode == code, compared.stderr
    found = json.loads(compared.stdout)
    assert [pair["verdict"] for pair in found["pairs"]] == [verdict]
    assert not found["invalid"]
    reported = edgedepth("bench", "report", before, second, "-o", tmp_path)
    assert reported.returncode == 0, reported.stderr
    assert "Fake Phone" in (tmp_path / "report.html").read_text()


def test_the_core_reads_the_schemas_that_are_written() -> None:
    assert _number("artifact/ManifestReader.kt", "NEWEST_SCHEMA") == SCHEMA_VERSION
    assert _number("bench/BenchRequest.kt", "CONTRACT") == app_contract.SCHEMA


def test_gradle_and_maven_build_with_the_same_versions() -> None:
    catalogue = (DEMO / "gradle" / "libs.versions.toml").read_text()
    pom = (DEMO / "pom.xml").read_text()
    for name in ("kotlin", "junit"):
        gradle = re.search(rf'^{name} = "(.+)"$', catalogue, re.MULTILINE)
        maven = re.search(rf"<{name}\.version>(.+)</{name}\.version>", pom)
        assert gradle is not None
        assert maven is not None
        assert gradle[1] == maven[1]


def test_the_core_knows_nothing_of_android_and_of_what_old_phones_lack() -> None:
    absent = ("android.", "androidx.", "java.nio.file", "java.time", "java.util.Base64", "org.json")
    for path in KOTLIN.rglob("*.kt"):
        imports = re.findall(r"^import (\S+)$", path.read_text(), re.MULTILINE)
        assert not [name for name in imports if name.startswith(absent)], path.name


def edgedepth(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from edgedepth.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True, check=False)


def _number(path: str, name: str) -> int:
    found = re.search(rf"^const val {name} = (\d+)$", (KOTLIN / path).read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
