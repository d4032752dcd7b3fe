"""The NPU check: reading the tool's log everywhere; the compiler itself only where the user has installed it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import float_network

from edgedepth.errors import MissingDependencyError, OperatorError, UsageError
from edgedepth.preflight import npu
from edgedepth.preflight.npu import NpuVerdict, check_npu, read_log, require_soc

WHOLE = """\
[LITERT_TOOLS:APPLY] Starting Partition Model...
INFO: PartitionSubgraph: 0, selected 25 ops, from a total of 25 ops, 1 partitions
[LITERT_TOOLS:APPLY] \tDone!
"""
PARTLY = """\
ERROR: [qnn] Failed to validate op GATHER_ND: rank 5 is not supported
ERROR: [qnn] Failed to validate op GATHER_ND: rank 5 is not supported
INFO: PartitionSubgraph: 0, selected 120 ops, from a total of 124 ops, 5 partitions
"""


def test_a_whole_graph_in_one_piece():
    assert read_log(WHOLE) == NpuVerdict(25, 25, 1, ())
    assert read_log(WHOLE).whole


def test_refusals_are_told_once():
    found = read_log(PARTLY)
    assert (found.selected, found.operators, found.partitions) == (120, 124, 5)
    assert not found.whole
    assert found.refusals == ("ERROR: [qnn] Failed to validate op GATHER_ND: rank 5 is not supported",)


def test_one_partition_that_leaves_something_out_is_not_whole():
    assert not read_log("selected 24 ops, from a total of 25 ops, 1 partitions").whole
    assert not read_log("selected 25 ops, from a total of 25 ops, 2 partitions").whole


@given(st.integers(0, 9999), st.integers(0, 9999), st.integers(0, 99), st.text(max_size=200), st.text(max_size=200))
def test_the_numbers_are_found_among_anything(selected, operators, partitions, before, after):
    line = f"selected {selected} ops, from a total of {operators} ops, {partitions} partitions"
    found = read_log(f"{before}\n{line}\n{after}")
    assert (found.selected, found.operators, found.partitions) == (selected, operators, partitions)


@given(st.text(max_size=400).filter(lambda text: "selected" not in text.lower()))
def test_a_log_without_them_says_nothing(text):
    assert read_log(text) is None


def test_chips_are_known_by_name():
    assert require_soc(" sm8650 ") == "SM8650"
    with pytest.raises(UsageError) as caught:
        require_soc("SM8651")
    assert "SM8650" in caught.value.evidence + caught.value.remedy


def test_without_the_compiler_it_says_what_to_install_and_under_which_licence(tmp_path, monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(npu, "distribution", absent)
    (tmp_path / "net.tflite").write_bytes(float_network())
    with pytest.raises(MissingDependencyError) as caught:
        check_npu(tmp_path / "net.tflite", "SM8650")
    assert "onnxruntime-qnn" in caught.value.remedy
    assert "licence" in caught.value.remedy


def test_a_real_compiler_takes_convolutions(tmp_path):
    try:
        npu.distribution(npu.PACKAGE)
    except PackageNotFoundError:
        pytest.skip(f"{npu.PACKAGE} is not installed: its licence is the user's to accept")
    (tmp_path / "net.tflite").write_bytes(float_network())
    assert check_npu(tmp_path / "net.tflite", "SM8650").whole


def test_a_compiler_that_is_none_is_reported(tmp_path, monkeypatch):
    """LiteRT's real tool and plugin, handed empty libraries in the compiler's place."""
    try:
        npu._litert()
        npu._write_empty_library(tmp_path / "libQnnHtp.so")
    except MissingDependencyError as error:
        pytest.skip(f"{error.cause} {error.evidence}")

    class File:
        name = "libQnnHtp.so"

        def locate(self):
            return tmp_path / self.name

    class Package:
        files = (File(),)

    monkeypatch.setattr(npu, "distribution", lambda _: Package)
    (tmp_path / "net.tflite").write_bytes(float_network())
    with pytest.raises(OperatorError, match="SM8650") as caught:
        check_npu(tmp_path / "net.tflite", "SM8650")
    assert "libLiteRtCompilerPlugin_Qualcomm.so" in caught.value.evidence
    Package.files = ()
    with pytest.raises(MissingDependencyError, match="without the NPU compiler"):
        check_npu(tmp_path / "net.tflite", "SM8650")
