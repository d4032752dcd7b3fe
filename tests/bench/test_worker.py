"""The measuring process: what it answers, and that it neither disturbs nor outlives anybody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgedepth.bench.backends.environment import environment
from edgedepth.bench.job import FLOOR, End, Ended, Job, Open, Ready, Time, cores_of
from edgedepth.bench.process import Worker, WorkerError
from edgedepth.errors import MissingDependencyError

linux = pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs /proc")
LONG = 120.0


def job(file, **settings):
    runtime = "onnxruntime" if str(file).endswith(".onnx") else "litert"
    return Job(**{"runtime": runtime, "accelerator": "cpu", "graph": str(file), "warmup_runs": 2} | settings)


@pytest.fixture
def opened(tflite_file):
    """A warm worker and what it said."""
    with Worker({}) as worker:
        yield worker, worker.ask(Open(job(tflite_file)), LONG)


def alive(pid):
    """Whether that process runs; one that is dead and not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone_within(pid, seconds=20.0):
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def test_phases_samples_and_memory_are_told_apart(opened):
    worker, ready = opened
    assert isinstance(ready, Ready)
    assert ready.init_ms > 0
    assert ready.first_ms > 0
    assert ready.warmup_runs == 2
    assert ready.warmup_ms > 0
    times = worker.ask(Time(7), LONG).samples_ms
    assert len(times) == 7
    assert min(times) > 0
    ended = worker.ask(End(), LONG)
    assert isinstance(ended, Ended)
    assert (ended.delegated, ended.nodes, ended.partitions) == (4, 4, 1)
    assert ended.peak_mb > 1
    if ready.before_mb is not None:
        assert ended.peak_mb >= ready.before_mb


def test_without_warm_up_none_is_told(tflite_file):
    with Worker({}) as worker:
        ready = worker.ask(Open(job(tflite_file, warmup_runs=0)), LONG)
    assert (ready.warmup_ms, ready.warmup_runs) == (None, 0)


@pytest.mark.parametrize("runtime", ["litert", "onnxruntime"])
def test_the_floor_is_a_job_like_others(runtime):
    with Worker({}) as worker:
        assert worker.ask(Open(job(FLOOR, runtime=runtime)), LONG).warmup_runs == 2
        assert len(worker.ask(Time(1), LONG).samples_ms) == 1


def test_what_it_cannot_open_it_says(open_onnx_file, tmp_path):
    for graph, said in ((open_onnx_file, "no fixed size"), (tmp_path / "absent.tflite", "cannot be opened")):
        with Worker({}) as worker, pytest.raises(WorkerError, match=said):
            worker.ask(Open(job(graph)), LONG)


@linux
def test_it_waits_without_burning_anything(tflite_file, onnx_file):
    for file in (tflite_file, onnx_file):
        with Worker({}) as worker:
            worker.ask(Open(job(file, threads=2)), LONG)
            worker.ask(Time(3), LONG)
            time.sleep(0.2)
            stat = Path(f"/proc/{worker._process.pid}/stat")
            ticks = [sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) for _ in (0, time.sleep(1))]
            assert ticks[1] - ticks[0] <= 0.05 * os.sysconf("SC_CLK_TCK")


@linux
def test_affinity_holds_for_every_thread(tflite_file):
    core = min(os.sched_getaffinity(0))
    with Worker({}) as worker:
        worker.ask(Open(job(tflite_file, threads=2, affinity=f"{1 << core:x}")), LONG)
        statuses = list(Path(f"/proc/{worker._process.pid}/task").glob("*/status"))
        allowed = {
            line.split()[1]
            for s in statuses
            for line in s.read_text().splitlines()
            if line.startswith("Cpus_allowed_l")
        }
    assert allowed == {str(core)}


def test_masks_are_hexadecimal():
    assert cores_of("1") == {0}
    assert cores_of("f0") == {4, 5, 6, 7}
    assert cores_of("10001") == {0, 16}


@linux
def test_a_killed_one_is_told_with_its_signal(opened):
    worker, _ = opened
    os.kill(worker._process.pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match="killed by SIGKILL, as when memory runs out"):
        worker.ask(Time(1), LONG)
    with pytest.raises(WorkerError):
        worker.ask(Time(1), LONG)


def test_one_that_does_not_answer_is_given_up(opened):
    worker, _ = opened
    os.kill(worker._process.pid, signal.SIGSTOP)
    with pytest.raises(WorkerError, match="no answer within"):
        worker.ask(Time(1), 0.2)
    pid = worker._process.pid
    worker.kill()
    assert gone_within(pid)


@linux
def test_it_ends_with_its_parent_even_in_the_middle_of_a_run(tflite_file):
    worker = Worker({})
    worker._process.stdin.write(
        b'{"do":"open","job":{"runtime":"litert","accelerator":"cpu","graph":"%b","warmup_seconds":300}}\n'
        % str(tflite_file).encode()
    )
    time.sleep(1.0)
    worker._process.stdin.close()
    try:
        assert worker._process.wait(30) == 0
    finally:
        worker._process.kill()


def test_native_chatter_does_not_reach_the_parent():
    program = (
        "import os\n"
        "from edgedepth.bench.worker import _private_channels\n"
        "requests, replies = _private_channels()\n"
        "os.write(1, b'chatter\\n'); os.system('echo more chatter; cat')\n"
        "replies.write(b'got ' + requests.readline())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], input=b"request\n", capture_output=True, check=True)
    assert done.stdout == b"got request\n"
    assert done.stderr == b"chatter\nmore chatter\n"


def test_variables_of_the_process(tflite_file, tmp_path, monkeypatch):
    assert environment(job(tflite_file, threads=2))["OMP_NUM_THREADS"] == "2"
    assert "TORCHINDUCTOR_COMPILE_THREADS" in environment(job(FLOOR, runtime="pytorch", options={"compile": "compile"}))
    if sys.platform != "linux":
        return
    gpu = job(tflite_file, accelerator="gpu", threads=None)
    icd = tmp_path / "one_icd.json"
    icd.write_text("{}")
    monkeypatch.setenv("EDGEDEPTH_VULKAN_ICD", str(icd))
    try:
        made = environment(gpu)
    except MissingDependencyError:
        pytest.skip("there is no Vulkan loader")
    assert made["VK_DRIVER_FILES"] == str(icd)
    assert "OMP_NUM_THREADS" not in made
