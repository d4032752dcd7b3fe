"""Matrices of real, tiny graphs in real processes: what is asked, what is recorded, what a kill leaves."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from msgspec.structs import replace

from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.bench import protocol
from edgedepth.bench.floor import MACS
from edgedepth.bench.host import bench_host, row_key
from edgedepth.bench.journal import Journal, Round, read_records
from edgedepth.bench.local_device import local_device, local_reading
from edgedepth.bench.matrix import Choice, configurations, require_affinity
from edgedepth.bench.process import Worker
from edgedepth.bench.schema import Plan, Reading
from edgedepth.bench.statistics import summarize
from edgedepth.bench.subject import file_subject
from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.errors import InputError, UsageError

QUICK = Plan(runs=3, seconds=0.0, warmup_runs=1, warmup_seconds=0.0)


def asked(*files, plan=QUICK, **choice):
    return configurations([str(file) for file in files], Choice(**choice), plan)


def test_both_runtimes_side_by_side(tflite_file, onnx_file):
    measured = bench_host(asked(tflite_file, onnx_file, threads=(1, 2)), QUICK, reproduce="again")
    records = measured.records
    assert [(r.runtime.name, r.runtime.threads) for r in records] == [
        ("litert", 1),
        ("litert", 2),
        ("onnxruntime", 1),
        ("onnxruntime", 2),
    ]
    for record in records:
        assert record.latency.count == len(record.latency.samples_ms) == 3
        assert record.latency.seconds == pytest.approx(sum(record.latency.samples_ms) / 1e3)
        assert record.latency.median == summarize(record.latency.samples_ms).median
        assert record.phases.warmup_runs == 1
        assert record.phases.init_ms > 0
        assert record.memory.peak_mb > 1
        assert record.runtime.version
        assert record.device.place == "host"
        assert record.floor is None
        assert record.reproduce == "again"
    assert len({r.matrix for r in records}) == 1
    assert (records[0].runtime.delegated, records[0].runtime.nodes) == (4, 4)
    assert (measured.skipped, measured.taken_up) == (0, 0)


def test_floor_scales_to_the_file_or_to_the_stated_count(tflite_file, onnx_file):
    (record,) = bench_host(asked(tflite_file), QUICK, floor=True).records
    assert record.floor.macs == read_tflite(tflite_file).macs() == 8 * 8 * 4 * 36
    assert record.floor.ratio == pytest.approx(record.latency.median / record.floor.ms)
    assert record.floor.ratio_low <= record.floor.ratio <= record.floor.ratio_high
    assert record.floor.gmacs_per_second == pytest.approx(record.floor.macs / record.floor.ms / 1e6)
    (stated,) = bench_host(asked(onnx_file, macs=2 * MACS), QUICK, floor=True).records
    assert stated.floor.macs == 2 * MACS


def test_a_graph_says_what_it_is_and_no_more(tflite_file, onnx_file):
    subject = file_subject(tflite_file)
    assert (subject.label, subject.format, subject.batch, subject.bytes) == (
        "net.tflite",
        "tflite",
        1,
        tflite_file.stat().st_size,
    )
    assert (subject.precision, subject.model, subject.size, subject.weights) == (None, None, None, "")
    renamed = onnx_file.rename(onnx_file.with_name("flex-nano-192x640-w8a8.onnx"))
    assert file_subject(renamed).precision is None
    assert file_subject(renamed, macs=7).macs == 7


def test_what_is_damaged_or_open_is_refused_before_anything_runs(tmp_path, onnx_file, open_onnx_file):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"\x1c\0\0\0TFL3 and then nothing")
    with pytest.raises(InputError, match="damaged"):
        asked(onnx_file, broken)
    with pytest.raises(InputError, match="no fixed size"):
        asked(open_onnx_file)


def test_choices_that_select_nothing_are_refused(tflite_file, onnx_file):
    for choice, said in (
        ({"runtimes": ("pytorch",)}, "--runtime pytorch has no effect"),
        ({"precisions": ("fp32",)}, "--precision fp32 has no effect"),
        ({"accelerators": ("tensorrt",)}, "--accel tensorrt has no effect"),
        ({"batches": (1, 16)}, "--batch has no effect"),
        ({"compiled": True}, "--compile has no effect"),
        ({"affinity": "xyz"}, "not a CPU mask"),
        ({"affinity": "0"}, "not a CPU mask"),
    ):
        with pytest.raises(UsageError, match=said):
            asked(tflite_file, **choice)
    with pytest.raises(UsageError, match="cannot be used"):
        require_affinity(f"{1 << 200:x}")
    with pytest.raises(UsageError, match="no model named") as caught:
        asked("flex-nono")
    assert "flex-nano" in caught.value.remedy
    assert [one.runtime.name for one in asked(tflite_file, onnx_file, runtimes=("litert",))] == ["litert"]
    both = asked(tflite_file, onnx_file, accelerators=("cpu", "gpu", "cuda"), threads=(1, 2))
    assert [(c.runtime.name, c.runtime.accelerator, c.runtime.threads, c.runtime.strict) for c in both] == [
        ("litert", "cpu", 1, False),
        ("litert", "cpu", 2, False),
        ("litert", "gpu", None, True),
        ("onnxruntime", "cpu", 1, False),
        ("onnxruntime", "cpu", 2, False),
        ("onnxruntime", "cuda", None, True),
    ]


def test_a_busy_machine_is_told(tflite_file, monkeypatch):
    for load, told in ((0.0, False), (1000.0, True)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        (record,) = bench_host(asked(tflite_file), QUICK).records
        assert told == any("machine was busy" in caution.what for caution in record.warnings)


def test_equal_files_are_measured_once(tflite_file):
    copy = tflite_file.with_name("copy.tflite")
    copy.write_bytes(tflite_file.read_bytes())
    twice = asked(tflite_file, tflite_file, copy)
    assert len({row_key(one) for one in twice}) == 1
    assert len(bench_host(twice, QUICK).records) == 1


def test_what_a_machine_lacks_is_a_reason_not_a_fallback(onnx_file):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    cpu, cuda = bench_host(asked(onnx_file, accelerators=("cpu", "cuda")), QUICK, floor=True).records
    assert cpu.latency is not None
    assert (cuda.latency, cuda.valid, cuda.device.place) == (None, False, "gpu")
    assert "no CUDAExecutionProvider" in cuda.invalid_reasons[0]
    assert any("floor could not be measured" in caution.what for caution in cuda.warnings)


def test_results_are_kept_and_valid_ones_not_measured_again(tmp_path, tflite_file, onnx_file):
    path = tmp_path / "out" / "results.jsonl"
    with Journal(path) as journal:
        first = bench_host(asked(tflite_file), QUICK, journal=journal)
        (record,) = first.records
        journal.append(replace(record, valid=True, invalid_reasons=()))
    with Journal(path) as journal:
        second = bench_host(asked(tflite_file, onnx_file), QUICK, journal=journal)
    assert second.skipped == 1
    assert second.records[0].latency.samples_ms == record.latency.samples_ms
    assert [r.key for r in read_records([path])] == [r.key for r in second.records]
    with Journal(path, fresh=True) as journal:
        fresh = bench_host(asked(tflite_file), QUICK, journal=journal)
    assert fresh.skipped == 0
    assert read_records([path]) == fresh.records
    assert fresh.records[0].started >= record.started


def test_valid_results_that_say_less_than_asked_are_measured_again(tmp_path, tflite_file):
    path = tmp_path / "results.jsonl"
    rows = asked(tflite_file)
    with Journal(path) as journal:
        (record,) = bench_host(rows, QUICK, journal=journal).records
        journal.append(replace(record, valid=True, invalid_reasons=()))
        assert bench_host(rows, QUICK, journal=journal).skipped == 1
        assert bench_host(rows, replace(QUICK, runs=5), journal=journal).records[0].latency.count == 5
        (longer,) = journal.records
        journal.append(replace(longer, valid=True, invalid_reasons=()))
        assert bench_host(rows, QUICK, floor=True, journal=journal).records[0].floor is not None


def test_invalid_results_are_measured_anew_without_their_old_rounds(tmp_path, tflite_file):
    path = tmp_path / "results.jsonl"
    with Journal(path) as journal:
        (record,) = bench_host(asked(tflite_file), QUICK, journal=journal).records
        journal.append(replace(record, valid=False, invalid_reasons=("disturbed",)))
    with Journal(path) as journal:
        again = bench_host(asked(tflite_file), QUICK, journal=journal)
    assert (again.skipped, again.taken_up) == (0, 0)
    assert again.records[0].matrix != record.matrix
    assert again.records[0].latency.count == 3


def test_a_killed_process_makes_its_configuration_invalid_and_no_other(tmp_path, monkeypatch, tflite_file, onnx_file):
    if not hasattr(os, "killpg"):
        pytest.skip("needs POSIX processes")
    made = []

    class Watched(Worker):
        def __init__(self, environment):
            super().__init__(environment)
            made.append(self)

    monkeypatch.setattr(protocol, "Worker", Watched)

    def kill_the_first(done, planned):
        if done == 2:
            os.kill(made[0]._process.pid, signal.SIGKILL)

    plan = replace(QUICK, runs=6)
    path = tmp_path / "results.jsonl"
    with Journal(path) as journal:
        measured = bench_host(
            asked(tflite_file, onnx_file, plan=plan), plan, journal=journal, progress=kill_the_first
        ).records
    killed, other = measured
    assert (killed.latency, killed.valid) == (None, False)
    assert "killed by SIGKILL" in killed.invalid_reasons[0]
    assert other.latency.count == 6
    assert len(read_records([path])) == 2
    assert all(one._process.returncode is not None for one in made)


def test_rounds_of_an_interrupted_matrix_count(tmp_path, tflite_file, onnx_file):
    path, plan = tmp_path / "results.jsonl", replace(QUICK, runs=6)

    def interrupt(done, planned):
        if done == 4:
            raise KeyboardInterrupt

    rows = asked(tflite_file, onnx_file, plan=plan)
    with Journal(path) as journal, pytest.raises(KeyboardInterrupt):
        bench_host(rows, plan, journal=journal, progress=interrupt)
    with Journal(path) as journal:
        measured = bench_host(rows, plan, journal=journal)
        kept = [one for one in journal._entries if isinstance(one, Round) and one.samples_ms]
    assert measured.taken_up == 4
    assert [one.number for one in kept] == list(range(6))
    for record in measured.records:
        assert record.latency.samples_ms == [one.samples_ms[record.key] for one in kept]
        assert any("2 sittings" in caution.what for caution in record.warnings)
    with Journal(path) as journal:
        other_seed = bench_host(rows, replace(plan, seed=9), journal=journal)
    assert other_seed.taken_up == 0


def test_this_machine_in_words(tmp_path):
    device = local_device("host")
    assert device == local_device("host")
    assert len(device.id) == 16
    assert device.name
    assert device.cores >= 1
    zone, core = tmp_path / "thermal" / "thermal_zone3", tmp_path / "cpus" / "cpu1" / "cpufreq"
    for folder, files in ((zone, {"type": "pkg", "temp": "45500"}), (core, {"scaling_governor": "powersave"})):
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text + "\n")
    (core / "scaling_cur_freq").write_text("2400000\n")
    (tmp_path / "thermal" / "thermal_zone4").mkdir()
    read = local_reading(1.5, tmp_path / "cpus", tmp_path / "thermal")
    assert read == Reading(
        at_s=1.5, temperatures={"pkg (3)": 45.5}, governors={"cpu1": "powersave"}, frequencies={"cpu1": 2400.0}
    )
    assert local_reading(0, tmp_path / "none", tmp_path / "none") == Reading(at_s=0)


@pytest.fixture
def gpu():
    """Where there is a Vulkan driver, a software one included."""
    from edgedepth.errors import EdgedepthError
    from edgedepth.preflight.vulkan import find_icd

    try:
        find_icd()
    except EdgedepthError as error:
        pytest.skip(f"no GPU accelerator here: {error.cause}")


def test_gpu_rows_name_their_adapter_and_say_what_is_software(gpu, tflite_file):
    (record,) = bench_host(asked(tflite_file, accelerators=("gpu",)), QUICK).records
    assert record.latency is not None, record
    assert np.isfinite(record.latency.samples_ms).all()
    assert (record.runtime.strict, record.runtime.fully_accelerated) == (True, True)
    assert record.device.place == "gpu"
    assert record.device.gpu not in ("", "unknown GPU")
    software = "software" in record.device.gpu.lower()
    assert software == any("computes on the CPU" in caution.what for caution in record.warnings)


def test_a_graph_that_the_gpu_takes_in_part_is_refused_with_the_operators(gpu, tmp_path):
    w = TfliteWriter()
    x, y, z = (w.tensor(name, (1, 8, 8, 4)) for name in "xyz")
    w.operator("ADD", [x, x], [y], schema.AddOptionsT())
    w.operator("LOG_SOFTMAX", [y], [z], schema.LogSoftmaxOptionsT())
    path = tmp_path / "odd.tflite"
    path.write_bytes(w.finish([x], [z]))
    cpu, gpu_row = bench_host(asked(path, accelerators=("cpu", "gpu")), QUICK).records
    assert cpu.latency is not None
    assert (gpu_row.latency, gpu_row.valid) == (None, False)
    assert any("refuses LOG_SOFTMAX" in reason for reason in gpu_row.invalid_reasons), gpu_row
    assert gpu_row.log
