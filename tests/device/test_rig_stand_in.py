"""The program that stands in for benchmark_model, on a device: what it prints is read as the real one's."""

from __future__ import annotations

from pathlib import Path

import pytest
from rig import Phone

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.tools import TOOLS
from edgedepth.bench.device.tools.base import Ask, ToolResult
from edgedepth.bench.schema import Accelerator, Plan

FOLDER = "/data/local/tmp/edgedepth-test"
QUICK = Plan(runs=20, seconds=0.02, warmup_runs=1, warmup_seconds=0.0)


@pytest.fixture
def measure(adb: Adb, phone: Phone, stand_in: Path, tmp_path: Path):
    """``measure(accelerator, threads, plan, strict, settings)``: one invocation on the device, as it is read."""
    adb.make_folder(FOLDER)
    model = tmp_path / "model"
    model.write_bytes(b"any")
    program = f"{FOLDER}/benchmark_model"
    adb.push(stand_in, program)
    adb.shell(["chmod", "755", program])
    adb.push(model, f"{FOLDER}/model")
    tool = TOOLS["benchmark_model"]

    def run(
        accelerator: Accelerator = "cpu",
        threads: int | None = 1,
        plan: Plan = QUICK,
        strict: bool = False,
        settings: str = "",
    ) -> ToolResult:
        (phone.state / "benchmark").write_text(settings)
        ask = Ask(accelerator=accelerator, threads=threads, plan=plan, strict=strict)
        answer = adb.shell(tool.command(program, f"{FOLDER}/model", FOLDER, ask))
        return tool.read(answer.stdout, answer.stderr, answer.code, {}, ask)

    return run


@pytest.mark.parametrize("runs", [1, 2, 3, 4, 30])
@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_its_numbers_agree_with_one_another(measure, runs: int, seconds: float) -> None:
    for warmup in (1, 2, 7):
        plan = Plan(runs=runs, seconds=seconds, warmup_runs=warmup, warmup_seconds=0.0)
        done = measure(plan=plan, settings="run_us=1700\n")
        assert done.failure is None, done.failure
        assert done.latency is not None
        assert done.latency.count >= runs
        assert done.latency.count * 1.7 >= seconds * 1e3
        assert done.latency.mean == pytest.approx(1.7)
        assert done.phases.init_ms == 4.0


def test_threads_and_the_gpu_are_faster(measure) -> None:
    means = [
        measure(accelerator, threads).latency.mean for accelerator, threads in (("cpu", 1), ("cpu", 2), ("gpu", None))
    ]
    assert means == pytest.approx([2.0, 1.0, 0.5])


def test_what_a_delegate_takes_is_told(measure) -> None:
    whole = measure("gpu", None, strict=True)
    assert (whole.delegated, whole.nodes, whole.partitions, whole.fully_accelerated) == (64, 64, 1, True)
    some = measure("gpu", None, settings="taken=40\npieces=3\n")
    assert (some.delegated, some.nodes, some.partitions, some.fully_accelerated) == (40, 64, 3, False)
    refused = measure("gpu", None, strict=True, settings="taken=40\npieces=3\n")
    assert refused.latency is None
    assert "GATHER_ND" in (refused.failure or "")


@pytest.mark.parametrize("settings", ["fail='Out of memory.'", "crash=9", "crash=11"])
def test_a_failure_is_a_failure(measure, settings: str) -> None:
    done = measure(settings=settings)
    assert done.latency is None
    assert done.failure
