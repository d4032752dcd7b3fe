"""An emulated ARM64 device behind the real adbd: its programs are ARM64 programs, LiteRT's own build among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rig import Phone, Rig

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.facts import device_of
from edgedepth.bench.device.tools import TOOLS
from edgedepth.bench.device.tools.base import Ask
from edgedepth.bench.schema import Plan

FOLDER = "/data/local/tmp/edgedepth-test"


@pytest.fixture
def adb(rig: Rig, arm64_phone: Phone) -> Adb:
    """The client on the emulated device."""
    return Adb(serial=arm64_phone.serial, tool=rig.adb)


def test_the_device_is_arm64(adb: Adb) -> None:
    answer = adb.shell(
        "uname -m; getprop ro.product.cpu.abi; grep -c 0xd0b /proc/cpuinfo; cat /sys/devices/system/cpu/possible"
    )
    machine, abi, cores, possible = answer.stdout.splitlines()
    assert (machine, abi) == ("aarch64", "arm64-v8a")
    assert possible == ("0" if cores == "1" else f"0-{int(cores) - 1}")


def test_it_is_known_as_emulated(adb: Adb) -> None:
    device = device_of(adb)
    assert (device.place, device.abi) == ("emulated", "arm64-v8a")


def test_its_programs_are_arm64_programs(adb: Adb) -> None:
    """ELF machine 183 in the header of the shell that answers."""
    assert adb.shell("od -An -tu2 -j18 -N2 /bin/mksh").stdout.split() == ["183"]


def test_exit_codes_streams_and_files(adb: Adb, arm64_phone: Phone, tmp_path: Path) -> None:
    answer = adb.shell("echo out; echo err >&2; exit 9")
    assert (answer.stdout, answer.stderr, answer.code) == ("out\n", "err\n", 9)
    local, back = tmp_path / "there", tmp_path / "back"
    local.write_bytes(np.random.default_rng(0).bytes(3_000_000))
    adb.push(local, "/data/local/tmp/file")
    adb.pull("/data/local/tmp/file", back)
    assert back.read_bytes() == local.read_bytes()


def test_adbd_killed_and_back(adb: Adb, arm64_phone: Phone) -> None:
    with adb.start("echo begun; sleep 30") as running:
        assert next(running.lines(20)) == "begun"
        arm64_phone.kill()
        assert running.wait(10)
    arm64_phone.restart()
    assert adb.shell("uname -m").stdout == "aarch64\n"


def test_the_machine_itself_is_left_as_it_is(adb: Adb) -> None:
    """ARM64 programs are registered for the device only, wherever that was needed."""
    registered = Path("/proc/sys/fs/binfmt_misc")
    assert not list(registered.glob("edgedepth*"))


@pytest.fixture(scope="session")
def nano(once) -> Path:
    """flex-nano as a .tflite file, 64x96, with weights that all matter."""

    def make(folder: Path) -> None:
        from support import network

        from edgedepth.export.pipeline import export
        from edgedepth.export.request import ExportRequest
        from edgedepth.models import card, checkpoint

        weights = folder.with_name("arm64-nano.safetensors")
        notes = {"licence": "none", "recipe": "random"}
        checkpoint.save(weights, network("flex-nano"), card("flex-nano"), {}, notes)
        request = ExportRequest(model="flex-nano", weights=weights, sizes=((64, 96),), formats=("tflite",))
        export(request, folder)

    (file,) = once("arm64-nano", make).glob("*.tflite")
    return file


def test_a_network_computes_there_what_it_computes_here(
    adb: Adb, arm64_phone: Phone, litert_on_phone: Path, nano: Path, tmp_path: Path
) -> None:
    """flex-nano by LiteRT's ARM64 build, started through adb as any benchmark program; 1e-4 of the output's spread."""
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(str(nano)).get_signature_runner()
    (name,), (result,) = network.get_input_details(), network.get_output_details()
    picture = np.random.default_rng(3).random(network.get_input_details()[name]["shape"]).astype(np.float32)
    here = network(**{name: picture})[result]
    assert here.std() > 1e-3

    (tmp_path / "picture").write_bytes(picture.tobytes())
    adb.make_folder(FOLDER)
    for file in (litert_on_phone, nano, tmp_path / "picture"):
        adb.push(file, f"{FOLDER}/{file.name}")
    ask = Ask(
        accelerator="cpu", threads=1, plan=Plan(runs=2, seconds=0.0, warmup_runs=1, warmup_seconds=0.0), strict=True
    )
    tool = TOOLS["benchmark_model"]
    command = tool.command(f"{FOLDER}/{litert_on_phone.name}", f"{FOLDER}/{nano.name}", FOLDER, ask)
    files = [f"--input_file={name}:{FOLDER}/picture", f"--output_file={result}:{FOLDER}/there"]
    answer = adb.shell([*command, *files], timeout=300)
    assert answer.code == 0, answer.stderr
    measured = tool.read(answer.stdout, answer.stderr, answer.code, {}, ask)
    assert measured.failure is None
    assert measured.latency is not None
    assert measured.latency.count == 2

    adb.pull(f"{FOLDER}/there", tmp_path / "there")
    there = np.fromfile(tmp_path / "there", np.float32).reshape(here.shape)
    assert np.abs(there.astype(np.float64) - here).max() <= 1e-4 * here.std()
