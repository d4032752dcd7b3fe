"""The GPU check: reading its log everywhere, running it where there is a Vulkan driver."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from single_operators import CASES

from edgedepth.bench.floor import tflite_convolutions
from edgedepth.bench.tflite_writer import TfliteWriter
from edgedepth.errors import InputError, MissingDependencyError
from edgedepth.preflight.gpu import Refusal, check_gpu, failure, refusals, verdict
from edgedepth.preflight.vulkan import VARIABLES, find_icd

LOG = """\
I0000 00:00:17 7588 environment.cc:532] Selected adapter: SwiftShader Device (Subzero), arch=swiftshader, ...
ERROR: Following operations are not supported by GPU delegate:
ADD: Tensor dimensions must be less than 5. net/DySample_0;39
ADD: Tensor dimensions must be less than 5. net/DySample_2;35
CONV_2D: Tensor type(INT16) is not supported. encoder.0/254
CONV_2D: Tensor type(INT16) is not supported. encoder.0/257
BROADCAST_TO: Operation is not supported.
CUSTOM my_op: Operation is not supported.
MUL: Can't parse inputs with const tensors.
SUB: Max version supported: 2. Requested version 3.
190 operations will run on the GPU, and the remaining 622 operations will run on the CPU.
I0000 00:00:17 7588 delegate_kernel.cc:984] Initializing WebGPU-based API from graph.
ERROR: something: that is not part of the list
"""


def test_refusals_are_grouped_and_freed_of_tensor_names():
    assert refusals(LOG) == (
        Refusal("ADD", "Tensor dimensions must be less than 5.", 2),
        Refusal("CONV_2D", "Tensor type(INT16) is not supported.", 2),
        Refusal("BROADCAST_TO", "Operation is not supported.", 1),
        Refusal("CUSTOM my_op", "Operation is not supported.", 1),
        Refusal("MUL", "Can't parse inputs with const tensors.", 1),
        Refusal("SUB", "Max version supported: 2. Requested version 3.", 1),
    )
    assert refusals("nothing was refused") == ()


def test_verdict_of_a_refusal():
    found = verdict({"accepted": False}, LOG)
    assert (found.adapter, found.on_gpu, found.on_cpu) == ("SwiftShader Device (Subzero)", 190, 622)
    assert found.max_abs is None
    nothing = "No operations will run on the GPU, and all 12 operations will run on the CPU."
    assert verdict({"accepted": False}, nothing).on_gpu == 0
    assert verdict({"accepted": False}, nothing).on_cpu == 12


def test_a_graph_of_convolutions_is_taken_and_computed(tmp_path, icd):
    path = tmp_path / "net.tflite"
    path.write_bytes(tflite_convolutions())
    found = check_gpu(path, icd)
    assert found.accepted
    assert found.finite
    assert found.refusals == ()
    assert found.output_std > 0.05
    assert found.max_abs < 1e-4 * max(1, found.output_std)


def test_gather_nd_is_refused_by_name(tmp_path, icd):
    path = tmp_path / "net.tflite"
    path.write_bytes(CASES["GATHER_ND"]())
    found = check_gpu(path, icd)
    assert not found.accepted
    assert [(r.kind, r.reason) for r in found.refusals] == [("GATHER_ND", "Operation is not supported.")]
    assert found.on_cpu == 1


def test_one_refused_operator_among_others_is_found(tmp_path, icd):
    w = TfliteWriter()
    x, a, b, y = (w.tensor(n, (1, 8, 8, 4)) for n in "xaby")
    w.operator("TANH", [x], [a])
    w.operator("LOG_SOFTMAX", [a], [b], schema.LogSoftmaxOptionsT())
    w.operator("TANH", [b], [y])
    (tmp_path / "net.tflite").write_bytes(w.finish([x], [y]))
    found = check_gpu(tmp_path / "net.tflite", icd)
    assert not found.accepted
    assert [r.kind for r in found.refusals] == ["LOG_SOFTMAX"]


def test_a_driver_that_is_none_says_what_to_install(tmp_path, icd):
    (tmp_path / "net.tflite").write_bytes(CASES["ADD"]())
    (tmp_path / "icd.json").write_text('{"ICD": {"library_path": "./absent.so"}}')
    with pytest.raises(MissingDependencyError) as caught:
        check_gpu(tmp_path / "net.tflite", tmp_path / "icd.json")
    assert "chromium-common" in caught.value.remedy


def test_an_answer_that_comes_too_late_is_not_called_a_refusal(tmp_path):
    log = (
        "INFO: [accelerator_registry.cc:54] Registered accelerator name=GPU\n"
        "RuntimeError: TensorBufferWrapper error: code=7, message=ERROR: [./litert/cc/litert_tensor_buffer.h:699]\n"
    )
    error = failure(tmp_path / "model.tflite", tmp_path, log, 1)
    assert "did not answer" in error.cause
    assert "while nothing else does" in error.remedy


def test_damage_is_found_before_native_code_sees_it(tmp_path):
    (tmp_path / "x.tflite").write_bytes(b"\x1c\0\0\0TFL3 cut")
    with pytest.raises(InputError):
        check_gpu(tmp_path / "x.tflite", tmp_path / "icd.json")


@pytest.fixture
def loader(monkeypatch):
    """As if Vulkan's loader were installed and no driver named."""
    monkeypatch.setattr("edgedepth.preflight.vulkan.require_loader", lambda: None)
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_driver_from_a_folder_a_file_or_the_environment(tmp_path, monkeypatch, loader):
    deep = tmp_path / "usr" / "lib" / "chromium"
    deep.mkdir(parents=True)
    own = deep / "vk_swiftshader_icd.json"
    own.write_text("{}")
    assert find_icd(tmp_path) == find_icd(own) == own
    monkeypatch.setenv("VK_ICD_FILENAMES", str(own))
    assert find_icd() == own
    monkeypatch.setenv("EDGEDEPTH_VULKAN_ICD", str(tmp_path / "absent.json"))
    with pytest.raises(InputError, match="absent"):
        find_icd()


def test_no_driver_names_the_packages(tmp_path, monkeypatch, loader):
    monkeypatch.setattr("edgedepth.preflight.vulkan.DEBIAN_ICD", tmp_path / "absent.json")
    with pytest.raises(MissingDependencyError) as caught:
        find_icd()
    assert "libvulkan1 chromium-common" in caught.value.remedy
    assert caught.value.exit_code == 5
