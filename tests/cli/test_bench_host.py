"""`edgedepth bench host` from the command's side; no time is asserted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import support
import typer
from ai_edge_litert import schema_py_generated as schema
from typer.testing import CliRunner

from edgedepth.bench.journal import Round, read_records
from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.cli.bench_host import bench_host
from edgedepth.errors import InputError, InvalidBenchmarkError, UsageError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runtime"))
from tiny_graphs import entry, write_artifact

app = typer.Typer()
app.command()(bench_host)

QUICK = ("--seconds", 0, "--warmup-runs", 1, "--warmup-seconds", 0, "--allow-invalid")
COMMAND = [sys.executable, "-c", support.HEAR_CTRL_C + "from edgedepth.cli import main; main()", "bench", "host"]


def adding(path, layers=1):
    w = TfliteWriter()
    x = last = w.tensor("x", (1, 8, 8, 4))
    for number in range(layers):
        y = w.tensor(f"y{number}", (1, 8, 8, 4))
        w.operator("ADD", [last, x], [y], schema.AddOptionsT())
        last = y
    path.write_bytes(w.finish([x], [last]))
    return path


@pytest.fixture
def file(tmp_path):
    return adding(tmp_path / "net.tflite")


@pytest.fixture
def other(tmp_path):
    return adding(tmp_path / "other.tflite", 3)


def ask(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_json_is_one_object_with_raw_samples(file, other):
    report = json.loads(ask(file, other, "--runs", 4, "--seed", 5, "--json", *QUICK).stdout)
    assert [len(record["latency"]["samples_ms"]) for record in report["records"]] == [4, 4]
    assert report["records"][0]["plan"]["seed"] == 5
    assert {record["type"] for record in report["records"]} == {"record"}
    assert report["profiles"] == []


def test_table_with_floor_and_profile(file):
    result = ask(file, "--runs", 2, "--floor", "--macs", "1e6", "--profile", *QUICK)
    said = " ".join(result.stdout.split())
    assert "net.tflite" in said
    assert "to floor" in said
    assert "1 ADD" in said
    assert "measuring" not in said


def test_a_matrix_of_an_artifact_by_what_its_manifest_says(tmp_path):
    artifact = write_artifact(tmp_path / "tiny", [entry("a.onnx"), entry("b.tflite")])
    report = json.loads(ask(artifact, "--precision", "fp32", "--threads", "1,2", "--runs", 2, "--json", *QUICK).stdout)
    facts = [(r["subject"]["label"], r["subject"]["model"], r["runtime"]["threads"]) for r in report["records"]]
    assert facts == [("a.onnx", "tiny", 1), ("a.onnx", "tiny", 2), ("b.tflite", "tiny", 1), ("b.tflite", "tiny", 2)]
    only = json.loads(ask(artifact, "--runtime", "litert", "--runs", 1, "--json", *QUICK).stdout)
    assert [r["subject"]["label"] for r in only["records"]] == ["b.tflite"]
    (artifact / "a.onnx").write_bytes((artifact / "b.tflite").read_bytes())
    with pytest.raises(InputError):
        ask(artifact, *QUICK)


def test_bad_input(file, tmp_path):
    for arguments, said in (
        ((file, "--macs", 5), "--floor"),
        ((file, "--fresh"), "--fresh has no effect"),
        ((file, "--accel", "tpu"), "--accel tpu"),
        ((file, "--runtime", "onnx"), "--runtime onnx"),
        ((file, "--threads", "1,0"), "not a list of counts"),
        ((file, "--batch", "16"), "--batch has no effect"),
        ((file, "--affinity", "none"), "not a CPU mask"),
        ((file, "--check-overhead", "--floor"), "measures nothing else"),
        ((file, "--check-overhead", "--affinity", "1"), "on any core"),
        (("flex-nan0",), "no model named"),
    ):
        with pytest.raises(UsageError, match=said):
            ask(*arguments)
    with pytest.raises(InputError, match="no file"):
        ask(tmp_path / "absent.tflite")
    assert ask(file, "--runs", 0).exit_code == 2
    assert not list(tmp_path.glob("*.jsonl"))


def test_an_invalid_result_is_told_and_exits_with_7(file, monkeypatch):
    with pytest.raises(InvalidBenchmarkError, match="1 of 1 results are invalid") as caught:
        ask(file, "--runs", 3, "--seconds", 1000, "--max-seconds", 1)
    assert caught.value.exit_code == 7
    assert "s of timed runs where at least 1000 were asked" in caught.value.evidence


def test_results_and_page_in_a_folder(file, tmp_path):
    out = tmp_path / "out"
    assert ask(file, "--runs", 3, "-o", out, *QUICK).exit_code == 0
    assert {p.name for p in out.iterdir()} >= {"results.jsonl", "report.html"}
    (record,) = read_records([out / "results.jsonl"])
    assert record.latency.count == 3


def rounds_in(path):
    """Whole rounds in a result file."""
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    found = [json.loads(line) for line in lines]
    return [one for one in found if one["type"] == "round" and one["samples_ms"]]


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs_still(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


@pytest.fixture
def started(file, other, tmp_path):
    """A real command in the middle of its rounds, with its processes."""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("needs /proc")
    results = tmp_path / "out" / "results.jsonl"
    asked = [*COMMAND, file, other, "--runs", 1_000_000, *QUICK, "-o", results.parent]
    command = subprocess.Popen(
        list(map(str, asked)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        until(lambda: len(rounds_in(results)) >= 3)
        yield command, children_of(command.pid), results
    finally:
        command.kill()
        command.wait()
        command.stderr.close()


def test_killed_in_the_middle_it_leaves_no_process_and_goes_on_later(started, file, other):
    command, workers, results = started
    assert len(workers) == 2
    command.send_signal(signal.SIGKILL)
    command.wait()
    until(lambda: not any(map(runs_still, workers)))
    before = rounds_in(results)
    target = len(before) + 4
    again = ask(file, other, "--runs", target, "-o", results.parent, "--json", *QUICK)
    report = json.loads(again.stdout)
    after = rounds_in(results)
    assert after[: len(before)] == before
    assert [one["number"] for one in after] == list(range(target))
    for record in report["records"]:
        assert len(record["latency"]["samples_ms"]) == target
        assert record["latency"]["samples_ms"][:3] == [
            next(v for k, v in one["samples_ms"].items() if record["subject"]["sha256"] in k) for one in after[:3]
        ]
        assert any("2 sittings" in caution["what"] for caution in record["warnings"])
    assert f"{len(before)} rounds of an interrupted measurement count" in again.stderr
    assert msgspec.json.decode(results.read_bytes().split(b"\n")[0], type=Round).samples_ms == {}


def test_interrupted_it_ends_its_processes_and_says_so(started):
    command, workers, _ = started
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130
    assert b"Interrupted" in said
    assert b"Traceback" not in said
    assert not any(map(runs_still, workers))


def test_two_cannot_measure_into_one_folder(started, file):
    _, _, results = started
    before = len(rounds_in(results))
    with pytest.raises(UsageError, match="Another measurement writes"):
        ask(file, "--runs", 1, "-o", results.parent, *QUICK)
    with pytest.raises(UsageError, match="Another measurement writes"):
        ask(file, "--runs", 1, "-o", results.parent, "--fresh", *QUICK)
    until(lambda: len(rounds_in(results)) > before)


def test_a_model_is_named_beside_an_artifact_of_its_name(tmp_path, monkeypatch):
    write_artifact(tmp_path / "flex-nano", [entry("a.onnx")])
    monkeypatch.chdir(tmp_path)
    report = json.loads(ask("flex-nano", "--runs", 1, "--json", *QUICK).stdout)
    assert [r["runtime"]["name"] for r in report["records"]] == ["onnxruntime"]
    (tmp_path / "flex-nano").rename(tmp_path / "elsewhere")
    report = json.loads(ask("flex-nano", "--runs", 1, "--json", *QUICK).stdout)
    assert [r["runtime"]["name"] for r in report["records"]] == ["pytorch"]


def test_overhead_is_measured_both_ways(file):
    found = json.loads(ask(file, "--check-overhead", "--runs", 8, "--warmup-runs", 1, "--json").stdout)
    assert len(found["harness_samples_ms"]) == len(found["bare_samples_ms"]) == 10
    assert found["low"] <= found["ratio"] <= found["high"]
    assert found["fastest_ratio"] == min(found["harness_samples_ms"]) / min(found["bare_samples_ms"])


def test_help_loads_nothing_heavy():
    program = (
        "import sys\nfrom edgedepth.cli import bench_host, doctor, inspect\n"
        "print([m for m in ('torch', 'onnx', 'onnxruntime', 'ai_edge_litert', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
