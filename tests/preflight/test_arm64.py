"""The emulated ARM64 checks, on the real emulator and LiteRT's real ARM64 build."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from small_networks import (
    constant_network,
    dynamic_network,
    float_network,
    integer_network,
    mixed_network,
    rounded_network,
    without_signature,
)

from edgedepth.errors import GateError, MissingDependencyError, OperatorError
from edgedepth.preflight.arm64 import parity
from edgedepth.preflight.arm64.emulator import PROCESSORS, Emulated, _write_system
from edgedepth.preflight.arm64.instructions import count_instructions
from edgedepth.preflight.arm64.parity import FLOAT_GATE, arm_parity, reference
from edgedepth.preflight.arm64.programs import counter


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "net.tflite"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("processor", PROCESSORS)
def test_float_arithmetic_agrees(written, emulator, processor):
    found = arm_parity(written(float_network()), emulator, processor)
    (output,) = found.outputs
    assert (found.kind, found.failures) == ("float", ())
    assert output.max_abs <= FLOAT_GATE * output.std
    assert output.std > 0.05
    assert output.elements == 12 * 12 * 8


@pytest.mark.parametrize("processor", PROCESSORS)
def test_integer_arithmetic_is_equal(written, emulator, processor):
    found = arm_parity(written(integer_network()), emulator, processor)
    assert (found.kind, found.failures) == ("integer", ())
    assert found.outputs[0].unequal == 0
    assert found.outputs[0].std > 5


def test_integers_between_floats_are_compared_on_their_own(written, emulator):
    found = arm_parity(written(mixed_network()), emulator, "cortex-a53")
    assert (found.kind, found.failures) == ("mixed", ())
    assert (found.entries, found.entries_rounded) == (12 * 12 * 8, 0)
    assert (found.integer_outputs, found.integer_unequal) == (1, 0)


def test_dynamic_quantization_is_told_apart(written, emulator):
    found = arm_parity(written(dynamic_network()), emulator, "cortex-a76")
    assert (found.kind, found.failures) == ("dynamic", ())
    assert found.outputs[0].correlation > 0.999


def test_a_graph_without_a_signature(written, emulator):
    assert arm_parity(written(without_signature(float_network())), emulator, "cortex-a76").failures == ()


def test_a_flat_output_proves_nothing(written, emulator):
    with pytest.raises(GateError, match="does not vary"):
        arm_parity(written(constant_network()), emulator, "cortex-a76")


class Wrong:
    """An emulator whose results are changed before anybody compares them."""

    def __init__(self, change):
        self.change = change

    def run(self, graph, _processor, inputs, *_, **__):
        _, right = reference(graph, feed=inputs)
        return Emulated({name: self.change(name, value.copy()) for name, value in right.items()}, ())


def _one_step(name, value):
    if value.dtype == np.int8:
        value.flat[5] = value.flat[5] - 1 if value.flat[5] > 0 else value.flat[5] + 1
    return value


def test_one_wrong_integer_fails(written):
    found = arm_parity(written(integer_network()), Wrong(_one_step), "cortex-a76")
    assert found.failures == ("depth differs in 1 of 1152 values",)


def test_one_wrong_integer_inside_fails_and_is_named(written):
    path = written(mixed_network())
    found = arm_parity(path, Wrong(_one_step), "cortex-a76")
    assert found.entries_rounded == 1
    assert found.integer_unequal == 1
    assert found.first_unequal == "first"
    assert found.failures == ("integer arithmetic differs in 1 elements, first in first",)


def test_floats_have_a_limit(written):
    path = written(float_network())
    std = parity.reference(path)[1]["depth"].std()

    def moved(by):
        def change(_, value):
            value.flat[3] += np.float32(by)
            return value

        return arm_parity(path, Wrong(change), "cortex-a76").failures

    assert moved(0.5 * FLOAT_GATE * std) == ()
    assert len(moved(2 * FLOAT_GATE * std)) == 1
    assert moved(float("nan")) == ("depth is not finite",)


def test_floats_that_are_rounded_last_may_be_one_step_apart(written):
    path = written(rounded_network())
    assert reference(path)[1]["depth"].dtype == np.int8

    def moved(by):
        def change(_, value):
            value.flat[3] += -by if value.flat[3] > 0 else by
            return value

        return arm_parity(path, Wrong(change), "cortex-a76").failures

    assert moved(1) == ()
    assert moved(2) == ("depth: 2 steps apart, allowed 1",)


def test_floats_behind_a_rounding_that_fell_otherwise_have_a_wider_limit(written):
    def change(name, value):
        if name == "tensor 2":  # the entry of the integer part
            value.flat[0] += 1
        return value + np.float32(0.001) if name == "depth" else value

    assert arm_parity(written(mixed_network()), Wrong(change), "cortex-a76").failures == ()


def test_instructions_repeat_exactly_and_grow_with_the_graph(written, emulator):
    two = [count_instructions(written(float_network(2)), emulator, "cortex-a76") for _ in range(2)]
    three = count_instructions(written(float_network(3)), emulator, "cortex-a76")
    assert abs(two[0].per_inference - two[1].per_inference) <= 1e-5 * two[0].per_inference
    assert len(two[0].each) == 3
    assert two[0].each[0] > two[0].per_inference
    macs = 12 * 12 * 8 * 8 * 9
    # A vector instruction multiplies four floats: a layer cannot take fewer instructions than that.
    assert three.per_inference - two[0].per_inference > macs / 4


def test_instructions_that_do_not_repeat_are_refused(written):
    class Restless:
        def run(self, *_, **__):
            return Emulated({}, (300_000, 100_000, 102_000))

    with pytest.raises(OperatorError, match="equally many"):
        count_instructions(written(float_network()), Restless(), "cortex-a76")


def test_an_instruction_set_that_the_processor_does_not_have_is_reported(written, emulator, monkeypatch):
    """Kernels are chosen by what the system tells of the processor: a wrong tale ends the program."""
    told = replace(PROCESSORS["cortex-a53"], features=PROCESSORS["cortex-a76"].features, part=0xD0B)
    monkeypatch.setitem(PROCESSORS, "cortex-a53", told)
    with pytest.raises(OperatorError, match="cortex-a53") as caught:
        emulator.run(written(integer_network()), "cortex-a53", *reference(written(integer_network())))
    assert "Illegal instruction" in caught.value.evidence


@pytest.fixture
def start(tmp_path, emulator):
    """``start(flags)``: the runner itself, on an emulated processor."""
    _write_system(tmp_path / "root", PROCESSORS["cortex-a76"], emulator.libraries)

    def run(*flags):
        command = [emulator.qemu, "-L", tmp_path / "root", "-cpu", "cortex-a76", emulator.runner, *flags]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--graph=net.tflite", "--input_file=image:missing"], "missing"),
        (["--graph=net.tflite", "--input_file=image:short"], "another size"),
        (["--graph=net.tflite", "--output_file=nothing:out"], "no such tensor: nothing:out"),
        (["--graph=net.tflite", "--wrong=1"], "unknown flag: --wrong=1"),
        (["--graph=net.tflite", "--num_runs=x"], "not a number"),
        (["--graph=short"], "no model"),
        ([], "--graph=FILE"),
    ],
)
def test_the_runner_says_what_is_wrong(tmp_path, emulator, start, flags, message):
    (tmp_path / "net.tflite").write_bytes(float_network())
    (tmp_path / "short").write_bytes(b"abc")
    done = start(f"--library={emulator.litert.path}", *flags)
    assert done.returncode == 1
    assert message in done.stderr


def test_the_runner_needs_its_library(emulator, start):
    absent = start("--graph=x", "--library=/absent.so")
    assert absent.returncode == 1
    assert "cannot open the library" in absent.stderr
    other = start("--graph=x", f"--library={emulator.libraries / 'libm.so.6'}")
    assert other.returncode == 1
    assert "needs libLiteRt.so of LiteRT 2.3" in other.stderr


def test_the_runner_tells_the_time_as_the_classic_tool_does(tmp_path, emulator, start):
    (tmp_path / "net.tflite").write_bytes(float_network())
    library = f"--library={emulator.litert.path}"
    done = start(
        "--graph=net.tflite", library, "--num_runs=7", "--min_secs=0", "--warmup_runs=2", "--warmup_min_secs=0"
    )
    assert done.returncode == 0
    stats = re.findall(r"count=(\d+) first=(\d+) curr=\d+ min=(\d+) max=(\d+) avg=([\d.e+]+) std=\d+", done.stdout)
    assert [int(stat[0]) for stat in stats] == [2, 7]
    for _, first, least, most, mean in stats:
        assert 0 < int(least) <= int(first) <= int(most)
        assert int(least) <= float(mean) <= int(most) + 1
    names = ("Init", "First inference", r"Warmup \(avg\)", r"Inference \(avg\)")
    line = "Inference timings in us: " + ", ".join(rf"{name}: ([\d.e+]+)" for name in names)
    told = re.search(line, done.stdout)
    assert told is not None
    assert told[2] == stats[0][1]
    assert (float(told[3]), float(told[4])) == (float(stats[0][4]), float(stats[1][4]))
    once = start(
        "--graph=net.tflite", library, "--num_runs=1", "--min_secs=0", "--warmup_runs=0", "--warmup_min_secs=0"
    )
    assert len(re.findall(r"count=1 curr=\d+$", once.stdout, re.MULTILINE)) == 1


def test_an_emulator_without_plugins(monkeypatch, tmp_path):
    fake = tmp_path / "qemu-aarch64"
    fake.write_text("#!/bin/sh\necho 'usage: qemu-aarch64'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="takes no plugins"):
        counter()
