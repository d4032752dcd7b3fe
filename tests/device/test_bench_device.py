"""`edgedepth bench device` from discovery to report: the real adb client, the real adbd, a program that stands in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import support
from ai_edge_litert import schema_py_generated as schema
from rig import UnavailableError

from edgedepth.bench.journal import read_records
from edgedepth.bench.tflite_writer import TfliteWriter

QUICK = ("--runs", "30", "--seconds", "0.1", "--warmup-seconds", "0", "--warmup-runs", "1", "--rounds", "2")


@pytest.fixture
def net(tmp_path):
    w = TfliteWriter()
    x, y = w.tensor("x", (1, 8, 8, 4)), w.tensor("y", (1, 8, 8, 4))
    w.operator("ADD", [x, x], [y], schema.AddOptionsT())
    path = tmp_path / "net.tflite"
    path.write_bytes(w.finish([x], [y]))
    return path


@pytest.fixture
def bench(rig, stand_in):
    """``bench(*arguments)``: the command in a process of its own, on the rig's devices."""

    def start(*arguments, **options):
        path = os.pathsep.join((str(rig.path), os.environ["PATH"]))
        command = [
            sys.executable,
            "-c",
            support.HEAR_CTRL_C + "from edgedepth.cli import main; main()",
            "bench",
            "device",
            *map(str, arguments),
        ]
        command += ["--binary", str(stand_in), *QUICK]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PATH": path},
            **options,
        )

    def run(*arguments):
        process = start(*arguments)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    run.start = start
    return run


@pytest.fixture
def phone(rig):
    return started(rig)


def started(rig):
    """A device that does not say that it is emulated, so that its times may be valid: the stand-in makes them up."""
    try:
        phone = rig.phone()
    except UnavailableError as error:
        pytest.skip(str(error))
    phone.facts.property("ro.edgedepth.emulated", "0")
    return phone


def tell(phone, facts):
    """What the stand-in is to say."""
    (phone.state / "benchmark").write_text(facts)


def left_on(phone):
    home = phone.root / "data/local/tmp/edgedepth"
    return sorted(path.name for path in home.iterdir()) if home.is_dir() else []


def records(folder):
    return {record.configuration: record for record in read_records([folder / "results.jsonl"])}


def test_from_discovery_to_report(bench, phone, net, tmp_path):
    out = tmp_path / "out"
    done = bench(net, "--threads", "1,2", "--accel", "cpu,gpu", "--affinity", "big", "-o", out, "--json")
    assert done.returncode == 0, done.stderr
    found = {r["runtime"]["accelerator"] + str(r["runtime"]["threads"]): r for r in json.loads(done.stdout)["records"]}
    assert set(found) == {"cpu1", "cpu2", "gpuNone"}
    one, two, gpu = found["cpu1"], found["cpu2"], found["gpuNone"]
    assert one["valid"], one["invalid_reasons"]
    # What the stand-in tells: 2 ms with one thread, half of it with two, a quarter on the GPU.
    assert one["latency"]["mean"] == pytest.approx(2.0, rel=0.05)
    assert two["latency"]["mean"] == pytest.approx(1.0, rel=0.05)
    assert gpu["latency"]["mean"] == pytest.approx(0.5, rel=0.05)
    assert len(one["latency"]["parts_ms"]) == 2
    assert one["latency"]["count"] >= 30
    assert gpu["runtime"]["fully_accelerated"]
    assert gpu["runtime"]["strict"]
    assert one["runtime"]["affinity"] != ""
    assert one["phases"]["init_ms"] > 0
    assert one["runtime"]["binary_sha256"] == two["runtime"]["binary_sha256"] != ""
    assert [reading["thermal_status"] for reading in one["conditions"]["readings"]] == [0, 0, 0, 0]
    assert one["device"]["place"] == "phone"
    assert "edgedepth" in one["reproduce"]
    assert (out / "report.html").is_file()
    assert left_on(phone) == []


def test_a_valid_result_is_not_measured_again_and_fresh_does_it(bench, phone, net, tmp_path):
    assert bench(net, "-o", tmp_path / "out").returncode == 0
    again = bench(net, "-o", tmp_path / "out")
    assert again.returncode == 0
    assert "1 configurations had a valid result" in again.stderr
    assert "in round" not in again.stderr
    fresh = bench(net, "-o", tmp_path / "out", "--fresh")
    assert fresh.stderr.count("in round") == 2


def test_adbd_killed_in_the_middle_is_invalid_with_the_reason_and_resume_completes(bench, phone, net, tmp_path):
    out = tmp_path / "out"
    tell(phone, "run_us=50000\n")
    process = bench.start(net, "--threads", "1,2", "-o", out)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "in round" in line:
            break
    time.sleep(0.5)
    phone.power_off()
    bringing_back = threading.Timer(1.5, phone.restart)
    bringing_back.start()
    _, err = process.communicate(timeout=150)
    bringing_back.join()
    assert process.returncode == 7, (lines, err)
    broken = [record for record in records(out).values() if not record.valid]
    assert broken
    assert any("went away" in reason or "restarted" in reason for record in broken for reason in record.invalid_reasons)
    tell(phone, "run_us=50000\n")
    resumed = bench(net, "--threads", "1,2", "-o", out)
    assert resumed.returncode == 0, resumed.stderr
    assert all(record.valid for record in records(out).values())
    # The start that had ended before the kill was not done again.
    assert resumed.stderr.count("in round") < 4
    assert left_on(phone) == []


def test_two_devices_at_once_are_one_matrix(bench, rig, net, tmp_path):
    one, two = started(rig), started(rig)
    tell(two, "run_us=4000\n")
    refused = bench(net)
    assert refused.returncode == 6
    assert "Several devices" in refused.stderr
    done = bench(net, "--serial", "all", "-o", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["records"]
    assert len({record["device"]["id"] for record in found}) == 2
    assert sorted(round(record["latency"]["mean"]) for record in found) == [2, 4]
    assert left_on(one) == left_on(two) == []


def test_an_accelerator_that_leaves_parts_to_the_cpu_is_refused_unless_that_is_asked_for(bench, phone, net, tmp_path):
    tell(phone, "taken=40\npieces=3\n")
    strict = bench(net, "--accel", "gpu", "-o", tmp_path / "strict")
    assert strict.returncode == 7
    (record,) = records(tmp_path / "strict").values()
    assert "the gpu does not run the whole graph: refused are GATHER_ND" in record.invalid_reasons[0]
    partly = bench(net, "--accel", "gpu", "--partial", "-o", tmp_path / "partly")
    assert partly.returncode == 0, partly.stderr
    (record,) = records(tmp_path / "partly").values()
    assert (record.runtime.delegated, record.runtime.nodes, record.runtime.partitions) == (40, 64, 3)


def test_a_hot_phone_is_waited_for_and_its_time_is_invalid(bench, phone, net, tmp_path):
    phone.facts.thermal(status=2, skin=45.0)
    hot = bench(net, "-o", tmp_path / "out", "--cooldown", "0")
    assert hot.returncode == 7
    (record,) = records(tmp_path / "out").values()
    assert any("thermal status 2" in reason for reason in record.invalid_reasons)
    process = bench.start(net, "-o", tmp_path / "out")
    while not left_on(phone):
        time.sleep(0.05)
    time.sleep(1.0)
    assert process.poll() is None
    phone.facts.thermal(status=0, skin=30.0)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    (record,) = records(tmp_path / "out").values()
    assert record.conditions.cooldown_s > 1


def test_another_device_under_the_same_serial_is_found_out(bench, phone, net, tmp_path):
    tell(phone, "run_us=30000\n")
    process = bench.start(net, "-o", tmp_path / "out")
    for line in process.stderr:
        if "in round" in line:
            break
    phone.facts.property("ro.build.fingerprint", "another/phone:15")
    process.communicate(timeout=120)
    assert process.returncode == 7
    (record,) = records(tmp_path / "out").values()
    assert any("Another device" in reason for reason in record.invalid_reasons)


def test_ctrl_c_cleans_the_phone_and_what_was_done_counts(bench, phone, net, tmp_path):
    tell(phone, "run_us=30000\n")
    process = bench.start(net, "-o", tmp_path / "out")
    for line in process.stderr:
        if "in round" in line:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert left_on(phone) == []
    resumed = bench(net, "-o", tmp_path / "out")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stderr.count("in round") == 1


def test_the_pinned_mode_is_labelled_and_restored(bench, phone, net, tmp_path):
    done = bench(net, "-o", tmp_path / "out", "--fixed-performance-mode")
    assert done.returncode == 0, done.stderr
    (record,) = records(tmp_path / "out").values()
    assert record.conditions.fixed_performance
    history = (phone.state / "fixed_performance.history").read_text().split()
    assert history == ["true", "false"]


def test_an_emulated_device_gives_no_valid_time(bench, phone, net, tmp_path):
    phone.facts.property("ro.edgedepth.emulated", "1")
    assert bench(net, "-o", tmp_path / "out").returncode == 7
    (record,) = records(tmp_path / "out").values()
    assert record.invalid_reasons == ("an emulated processor: its time is no device's",)


def test_a_program_that_crashes_says_so(bench, phone, net, tmp_path):
    tell(phone, "crash=11\n")
    done = bench(net, "-o", tmp_path / "out")
    assert done.returncode == 7
    (record,) = records(tmp_path / "out").values()
    assert record.latency is None
    assert record.invalid_reasons == ("the program was ended by SIGSEGV",)


def test_usage(bench, phone, net, tmp_path):
    for arguments, words in (
        ([net, "--tool", "benchmark_modell"], "did you mean"),
        ([net, "--precision", "w8a8"], "No file is w8a8"),
        ([net, "--affinity", "fast"], "not a set of cores"),
        ([net, "--accel", "npu"], "external_delegate_path"),
        ([net, "--tool", "onnxruntime_perf_test"], "does not run .tflite"),
        ([net, "--fresh"], "--fresh has no effect"),
        ([tmp_path / "absent.tflite"], "no file"),
    ):
        done = bench(*arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert words.lower() in done.stderr.lower()
