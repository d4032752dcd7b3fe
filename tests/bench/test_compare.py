"""Regressions are found, chance is not called one, and what cannot be compared is said."""

from __future__ import annotations

import json

import pytest
import typer
from made_records import record, samples
from msgspec.structs import replace
from typer.testing import CliRunner

from edgedepth.bench.compare import compare
from edgedepth.bench.journal import Journal
from edgedepth.bench.schema import Latency
from edgedepth.cli.bench_compare import bench_compare, share
from edgedepth.errors import InputError, InvalidBenchmarkError, RegressionError, UsageError

app = typer.Typer()
app.command()(bench_compare)


def ask(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def verdicts(before, after, threshold=0.05):
    return [pair.verdict for pair in compare(before, after, threshold).pairs]


@pytest.fixture
def results(tmp_path):
    def write(name, *records):
        with Journal(tmp_path / name / "results.jsonl") as journal:
            for one in records:
                journal.append(one)
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, "within"), (1.03, "within"), (1.10, "regression"), (0.8, "faster")]
)
def test_a_change_is_judged_by_what_is_allowed(factor, verdict):
    assert verdicts([record(samples(10))], [record(samples(10 * factor, seed=1))]) == [verdict]


def test_the_file_may_change_but_not_what_it_is_about():
    before = record()
    rebuilt = replace(before, subject=replace(before.subject, sha256="cd" * 32, bytes=12))
    assert verdicts([before], [rebuilt]) == ["within"]
    other = compare([before], [record(threads=2)])
    assert other.pairs == ()
    assert other.only_before == ("net, litert cpu 1 thread",)
    assert other.only_after == ("net, litert cpu 2 threads",)


def test_a_slower_median_without_proof_is_undecided():
    assert verdicts([record(samples(10, 12, 0.1))], [record(samples(10.9, 12, 0.1, seed=3))]) == ["undecided"]


def test_one_in_a_hundred_pairs_is_not_convicted_by_chance():
    convicted = 0
    for trial in range(20):
        before = [record(samples(10, 30, 0.1, seed=100 * trial + i), label=f"n{i}") for i in range(20)]
        after = [record(samples(10, 30, 0.1, seed=9000 + 100 * trial + i), label=f"n{i}") for i in range(20)]
        convicted += len(compare(before, after, 0.0).regressions)
    assert convicted <= 2  # 400 pairs in 20 comparisons, each wrong with a chance of 0.01 in all


def test_without_samples_nothing_is_proven():
    summary = record(latency=Latency(samples_ms=[], count=60, mean=10.0, std=0.1))
    slower = record(latency=Latency(samples_ms=[], count=60, mean=12.0, std=0.1))
    assert verdicts([summary], [slower]) == ["undecided"]
    assert verdicts([summary], [summary]) == ["within"]


def test_an_invalid_side_is_not_compared():
    found = compare([record()], [record(invalid_reasons=("throttled",))])
    assert found.pairs == ()
    assert "after is invalid (throttled)" in found.invalid[0]


def test_the_command_exits_8_and_names_the_worst(results):
    before = results("a", record(label="x"), record(label="y"))
    after = results("b", record(samples(12, seed=1), label="x"), record(samples(15, seed=2), label="y"))
    with pytest.raises(RegressionError, match="The worst: y") as caught:
        ask(before, after, "--threshold", "5%")
    assert caught.value.exit_code == 8
    assert ask(before, after, "--threshold", "60%").exit_code == 0


def test_json_is_one_object(results):
    same = results("a", record())
    found = json.loads(ask(same, same / "results.jsonl", "--json").stdout)
    assert found["regressions"] == 0
    assert found["pairs"][0]["ratio"]["value"] == 1.0


def test_nothing_in_common_is_not_a_pass(results, tmp_path):
    with pytest.raises(InvalidBenchmarkError, match="nothing was compared"):
        ask(results("a", record(label="x")), results("b", record(label="y")))
    with pytest.raises(InputError):
        ask(tmp_path / "absent", tmp_path / "absent")


@pytest.mark.parametrize(("text", "value"), [("5%", 0.05), ("0.1", 0.1), (" 7.5% ", 0.075), ("0", 0.0)])
def test_thresholds(text, value):
    assert share(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "five", "-1%", "nan", "inf", "%"])
def test_what_is_no_threshold(text):
    with pytest.raises(UsageError, match="no threshold"):
        share(text)
