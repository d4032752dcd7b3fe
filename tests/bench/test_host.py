"""The protocol: who runs when. No time is ever asserted."""

from __future__ import annotations

import json
from collections import Counter

import msgspec
import pytest

from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.bench.floor import MACS
from edgedepth.bench.host import Plan, bench_files, measure
from edgedepth.bench.report import as_object, tables, warnings_of
from edgedepth.bench.runner import Runner
from edgedepth.errors import InputError

QUICK = Plan(rounds=3, warmup_runs=1, warmup_seconds=0.0)


def recorders(count):
    log = []
    return log, [Runner(str(i), "litert", "fake", 1, lambda i=i: log.append(i)) for i in range(count)]


def test_every_round_runs_everyone_once_untimed_and_once_timed():
    log, runners = recorders(4)
    samples = measure(runners, Plan(rounds=20, warmup_runs=5, warmup_seconds=0.0, seed=1))
    assert [len(s) for s in samples] == [20] * 4
    assert Counter(log[:20]) == dict.fromkeys(range(4), 5)
    rounds = [log[20 + 8 * r : 28 + 8 * r] for r in range(20)]
    for played in rounds:
        assert played[::2] == played[1::2]
        assert sorted(played[::2]) == [0, 1, 2, 3]
    assert len({tuple(played) for played in rounds}) > 5


def test_equal_seeds_give_equal_orders():
    def order(seed):
        log, runners = recorders(5)
        measure(runners, Plan(rounds=6, warmup_runs=0, warmup_seconds=0.0, seed=seed))
        return log

    assert order(3) == order(3) != order(4)


def test_goes_on_until_both_rounds_and_seconds_are_reached():
    seen = []
    _, runners = recorders(1)
    plan = Plan(rounds=2, seconds=0.05, warmup_runs=0, warmup_seconds=0.0)
    samples = measure(runners, plan, lambda done, planned: seen.append((done, planned)))
    assert len(samples[0]) > 2
    assert seen[-1][0] == len(samples[0])
    assert all(done <= planned for done, planned in seen)


def test_both_runtimes_side_by_side(tflite_file, onnx_file):
    report = bench_files([tflite_file, onnx_file], 1, QUICK)
    assert [row.family for row in report.rows] == ["litert", "onnxruntime"]
    assert all(len(row.samples_ms) == 3 and min(row.samples_ms) > 0 for row in report.rows)
    assert report.rows[0].to_first.value == 1
    assert report.floors == []
    assert report.rows[0].macs is None


def test_floor_scales_to_the_file_or_to_the_stated_count(tflite_file, onnx_file):
    counted = bench_files([tflite_file], 1, QUICK, floor=True)
    row, floor = counted.rows[0], counted.floors[0]
    assert row.macs == read_tflite(tflite_file).macs() == 8 * 8 * 4 * 36
    assert row.floor_ms == pytest.approx(floor.summary.median * row.macs / MACS)
    assert row.to_floor.value == pytest.approx(row.summary.median / row.floor_ms)
    assert floor.gmacs_per_second == pytest.approx(MACS / floor.summary.median / 1e6)
    stated = bench_files([onnx_file], 1, QUICK, floor=True, macs=12345)
    assert stated.rows[0].macs == 12345
    assert [f.family for f in stated.floors] == ["onnxruntime"]


def test_report_is_json_and_a_table(tflite_file, onnx_file):
    report = bench_files([tflite_file, onnx_file], 1, QUICK, floor=True)
    plain = json.loads(json.dumps(as_object(report, [])))
    assert plain["rows"][1]["samples_ms"] == report.rows[1].samples_ms
    assert plain["plan"]["rounds"] == 3
    assert [table.row_count for table in tables(report)] == [4, 2]


def test_a_noisy_row_is_named(tflite_file):
    report = bench_files([tflite_file], 1, QUICK)
    row = report.rows[0]
    calm = msgspec.structs.replace(row, summary=type(row.summary)(3, 10.0, 10.0, 10.0, 0.1))
    loud = msgspec.structs.replace(row, summary=type(row.summary)(3, 10.0, 20.0, 5.0, 5.0))
    assert warnings_of(msgspec.structs.replace(report, rows=[calm])) == []
    assert str(tflite_file) in warnings_of(msgspec.structs.replace(report, rows=[loud]))[0]


def test_a_damaged_file_is_refused_before_anything_runs(tmp_path, onnx_file):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"\x1c\0\0\0TFL3 and then nothing")
    with pytest.raises(InputError, match="damaged"):
        bench_files([onnx_file, broken], 1, QUICK)
