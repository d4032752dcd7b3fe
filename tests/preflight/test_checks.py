"""The preflight as a whole: what fails, what is only not run, and the exit codes."""

from __future__ import annotations

import json

import msgspec
import pytest
import typer
from single_operators import CASES
from small_networks import constant_network, float_network, integer_network
from test_library_alignment import library

from edgedepth.cli.preflight import preflight as command
from edgedepth.errors import (
    EdgedepthError,
    GateError,
    InputError,
    MissingDependencyError,
    OperatorError,
    RegressionError,
    UsageError,
)
from edgedepth.preflight import checks, on_arm
from edgedepth.preflight.arm64.instructions import Instructions
from edgedepth.preflight.checks import Request, failure, preflight
from edgedepth.preflight.on_arm import InstructionLimit, on_arm_instructions, on_arm_parity, read_baseline
from edgedepth.preflight.verdict import CHECKS, Preflight, Verdict, failed, not_run
from edgedepth.preflight.verdict_table import as_table


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(float_network())
    return path


def _absent(*_):
    raise MissingDependencyError("It is not here.", "Nowhere.", "Install it.")


def test_what_is_missing_never_stops_the_others(net, monkeypatch):
    for name in ("find_emulator", "find_icd", "on_npu"):
        monkeypatch.setattr(checks, name, _absent)
    found = preflight([net], Request(budget_mb=1))
    assert [(v.check, v.outcome) for v in found.verdicts] == [
        ("arm64", "not run"),
        ("arm64", "not run"),
        ("instructions", "not run"),
        ("gpu", "not run"),
        ("npu", "not run"),
        ("size", "ok"),
        ("alignment", "not run"),
    ]
    assert all(v.remedy for v in found.verdicts if v.outcome == "not run")
    assert failure(found) is None


def test_only_what_was_asked_for_is_run(net):
    found = preflight([net, net], Request(checks=("size",)))
    assert [v.check for v in found.verdicts] == ["size", "size"]
    assert found.verdicts[0].figures == {"bytes": net.stat().st_size}


def test_onnx_files_are_not_run_but_weighed(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"onnx")
    found = preflight([path], Request())
    outcomes = {v.check: v.outcome for v in found.verdicts}
    assert outcomes.pop("size") == "ok"
    assert set(outcomes.values()) == {"not run"}


def test_a_budget(net):
    size = net.stat().st_size
    exact = preflight([net], Request(checks=("size",), budget_mb=size / 1e6)).verdicts[0]
    over = preflight([net], Request(checks=("size",), budget_mb=(size - 1) / 1e6))
    assert exact.outcome == "ok"
    assert (over.verdicts[0].outcome, over.verdicts[0].exit_code) == ("failed", 8)
    assert isinstance(failure(over), RegressionError)


def _result(*verdicts):
    return Preflight(schema_version=1, edgedepth="0", litert="2.3.0", verdicts=verdicts)


@pytest.mark.parametrize(
    ("failing", "kind"),
    [
        (("size",), RegressionError),
        (("instructions", "gpu"), OperatorError),
        (("npu",), OperatorError),
        (("alignment",), OperatorError),
        (("alignment", "arm64", "size"), GateError),
    ],
)
def test_the_smallest_code_of_all_failures_is_given(failing, kind):
    error = failure(_result(*(failed("net", check, "file", "it broke", "mend it", {}) for check in failing)))
    assert type(error) is kind
    assert f"{len(failing)} of {len(failing)}" in error.cause
    assert error.remedy == "mend it"


def test_an_operator_that_the_runtime_refuses_fails(net, monkeypatch):
    def refuse(*_):
        raise OperatorError("It does not run.", "Because.", "Change it.")

    monkeypatch.setattr(checks, "find_emulator", lambda: None)
    monkeypatch.setattr(checks, "on_arm_instructions", refuse)
    (verdict,) = preflight([net], Request(checks=("instructions",))).verdicts
    assert (verdict.outcome, verdict.exit_code, verdict.remedy) == ("failed", 4, "Change it.")


@pytest.fixture
def counted(monkeypatch):
    """The count that the emulator is said to have made."""

    def set_to(count):
        monkeypatch.setattr(on_arm, "count_instructions", lambda *_: Instructions("cortex-a76", count, (count,) * 3))

    return set_to


def _baseline(count):
    told = Verdict(
        file="net.tflite",
        check="instructions",
        place="emulated cortex-a76",
        outcome="ok",
        evidence="",
        figures={"instructions": count},
    )
    return _result(told)


@pytest.mark.parametrize(
    ("now", "before", "outcome"),
    [(1_000_000, 1_000_000, "ok"), (1_000_900, 1_000_000, "ok"), (1_001_100, 1_000_000, "failed"), (5, 10, "ok")],
)
def test_a_baseline_allows_a_thousandth(net, counted, now, before, outcome):
    counted(now)
    limit = InstructionLimit(baseline=_baseline(before))
    verdict = on_arm_instructions(net, None, "cortex-a76", limit)
    assert verdict.outcome == outcome
    assert verdict.figures["growth"] == pytest.approx(now / before - 1)
    assert verdict.exit_code == (8 if outcome == "failed" else 0)


def test_what_the_baseline_does_not_have_is_told(net, counted):
    counted(10)
    verdict = on_arm_instructions(net, None, "cortex-a53", InstructionLimit(baseline=_baseline(5)))
    assert verdict.outcome == "ok"
    assert "not in the baseline" in verdict.evidence


def test_most_instructions(net, counted):
    counted(1000)
    assert on_arm_instructions(net, None, "cortex-a76", InstructionLimit(most=1000)).outcome == "ok"
    assert on_arm_instructions(net, None, "cortex-a76", InstructionLimit(most=999)).exit_code == 8


def test_a_baseline_is_what_json_printed(tmp_path):
    path = tmp_path / "before.json"
    path.write_bytes(msgspec.json.encode(_baseline(7)))
    assert read_baseline(path) == _baseline(7)
    path.write_text("{}")
    with pytest.raises(InputError, match="not a preflight"):
        read_baseline(path)
    path.write_text(json.dumps({**msgspec.to_builtins(_baseline(7)), "schema_version": 99}))
    with pytest.raises(InputError, match="newer"):
        read_baseline(path)
    with pytest.raises(InputError, match="cannot be opened"):
        read_baseline(tmp_path / "absent.json")


def test_parity_as_a_verdict(tmp_path, emulator):
    path = tmp_path / "net.tflite"
    path.write_bytes(integer_network())
    verdict = on_arm_parity(path, emulator, "cortex-a53")
    assert (verdict.outcome, verdict.place) == ("ok", "emulated cortex-a53")
    assert verdict.evidence == "integer arithmetic: all 1152 output values equal"
    assert verdict.figures["unequal"] == 0


def test_a_flat_network_fails_its_check_and_others_go_on(tmp_path, emulator):
    path = tmp_path / "net.tflite"
    path.write_bytes(constant_network())
    found = preflight([path], Request(checks=("arm64", "size"), processors=("cortex-a53",)))
    assert [v.outcome for v in found.verdicts] == ["failed", "ok"]
    assert "does not vary" in found.verdicts[0].evidence
    assert isinstance(failure(found), GateError)


def test_the_gpu_names_what_it_refuses_and_the_lowering(tmp_path, icd):
    path = tmp_path / "net.tflite"
    path.write_bytes(CASES["GATHER_ND"]())
    found = preflight([path], Request(checks=("gpu",)))
    (verdict,) = found.verdicts
    assert (verdict.outcome, verdict.exit_code) == ("failed", 4)
    assert "GATHER_ND: Operation is not supported" in verdict.evidence
    assert "its dysample lowering removes GATHER_ND" in verdict.remedy
    path.write_bytes(CASES["LOG_SOFTMAX"]())
    assert "No lowering" in preflight([path], Request(checks=("gpu",))).verdicts[0].remedy


def test_the_gpu_takes_and_computes_a_network(net, icd):
    (verdict,) = preflight([net], Request(checks=("gpu",))).verdicts
    assert verdict.outcome == "ok"
    assert verdict.figures["max_abs"] < 1e-4 * verdict.figures["output_std"]
    assert "GPU" in verdict.place


def test_a_table_has_every_verdict_and_says_that_no_phone_was_used():
    from rich.console import Console

    console = Console(width=160, record=True, force_terminal=False, quiet=False)
    with console.capture() as captured:
        console.print(
            as_table(
                _result(
                    failed("a.tflite", "size", "file", "3 [MB]", "shrink it", {}),
                    not_run("a.tflite", "npu", "compiler", "not installed", "install it"),
                    not_run("b.tflite", "npu", "compiler", "not installed", "install it"),
                )
            )
        )
    text = captured.get()
    for word in ("a.tflite", "size", "failed", "3 [MB]", "shrink it", "not run", "install it", "No phone was used"):
        assert word in text
    assert (text.count("not installed"), text.count("install it")) == (2, 1)


app = typer.Typer(pretty_exceptions_enable=False)
app.command()(command)


def _run(capsys, *arguments):
    """Exit code or error, and what went to standard output."""
    try:
        code = app(list(map(str, arguments)), standalone_mode=False)
    except EdgedepthError as error:
        return error, capsys.readouterr().out
    return code or 0, capsys.readouterr().out


def test_the_command_prints_json_and_ends_with_the_code(net, tmp_path, capsys):
    (tmp_path / "liba.so").write_bytes(library(4096))
    error, out = _run(capsys, net, "--checks", "size,alignment", "--libraries", tmp_path / "liba.so", "--json")
    assert error.exit_code == 4
    result = json.loads(out)
    assert [v["outcome"] for v in result["verdicts"]] == ["ok", "failed"]
    code, out = _run(capsys, net, "--checks", "size")
    assert code == 0
    assert "net.tflite" in out


def test_libraries_need_no_network(tmp_path, capsys):
    (tmp_path / "liba.so").write_bytes(library(16384))
    code, out = _run(capsys, "--checks", "alignment", "--libraries", tmp_path / "liba.so")
    assert code == 0
    assert "liba.so" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checks", "arm46"], "arm64"),
        (["--checks", ","], "No check"),
        (["--cpu", "cortex-a99"], "cortex-a"),
        (["--soc", "SM1"], "SM1"),
    ],
)
def test_wrong_names_are_usage_errors(net, capsys, arguments, message):
    error, out = _run(capsys, net, *arguments)
    assert isinstance(error, UsageError)
    assert message in str(error)
    assert out == ""


def test_nothing_to_check_is_a_usage_error(capsys):
    error, _ = _run(capsys)
    assert isinstance(error, UsageError)


def test_the_order_of_checks_is_that_of_the_table(net, capsys, monkeypatch):
    for name in ("find_emulator", "find_icd", "on_npu"):
        monkeypatch.setattr(checks, name, _absent)
    _, out = _run(capsys, net, "--json")
    seen = list(dict.fromkeys(v["check"] for v in json.loads(out)["verdicts"]))
    assert sorted(seen) == sorted(CHECKS)
