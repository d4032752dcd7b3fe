"""The real adb client, through `Adb`, against real adbd's."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from rig import Phone, Rig, UnavailableError
from rig_processes import members

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.conditions import fixed_performance, look
from edgedepth.bench.device.cores import cores_of
from edgedepth.bench.device.discovery import choose, devices
from edgedepth.bench.device.facts import device_of
from edgedepth.errors import DeviceError

FOLDER = "/data/local/tmp/edgedepth-test"


def test_devices_are_found_and_chosen(rig: Rig) -> None:
    phones = [rig.phone(), rig.phone()]
    listed = devices(Adb(tool=rig.adb))
    assert [(one.serial, one.state) for one in listed] == [(phone.serial, "device") for phone in phones]
    assert choose(listed, "all") == listed
    assert choose(listed, [phones[1].serial]) == listed[1:]
    with pytest.raises(DeviceError, match=phones[0].serial):
        choose(listed, None)
    phones[1].kill()
    phones[1].disconnect()
    assert choose(devices(Adb(tool=rig.adb)), None) == listed[:1]


def test_the_device_speaks_the_second_shell_protocol(adb: Adb) -> None:
    assert {"shell_v2", "cmd", "stat_v2"} <= adb.features()


@pytest.mark.parametrize("code", [0, 1, 7, 126, 255])
def test_exit_codes_and_streams_arrive(adb: Adb, code: int) -> None:
    answer = adb.shell(f"echo to stdout; echo to stderr >&2; exit {code}")
    assert (answer.stdout, answer.stderr, answer.code) == ("to stdout\n", "to stderr\n", code)


def test_a_command_that_a_signal_ends_says_so(adb: Adb) -> None:
    assert adb.shell("kill -9 $$").code == 137


@pytest.mark.parametrize("word", ["a b", "it's", '"$HOME"', "*", "back\\slash", "line\nbreak", "naïve ☃"])
def test_words_reach_the_device_unchanged(adb: Adb, word: str) -> None:
    assert adb.shell(["printf", "%s", word]).stdout == word


def test_large_output_arrives_whole(adb: Adb) -> None:
    answer = adb.shell("seq 1 200000")
    assert answer.stdout.split() == [str(number) for number in range(1, 200001)]


def test_fifty_megabytes_there_and_back(adb: Adb, phone: Phone, tmp_path: Path) -> None:
    content = np.random.default_rng(4).bytes(50_000_000)
    wanted = hashlib.sha256(content).hexdigest()
    local, back, remote = tmp_path / "there", tmp_path / "back", f"{FOLDER}/file with a space"
    local.write_bytes(content)
    adb.make_folder(FOLDER)
    assert adb.push(local, remote) == wanted
    on_device = phone.root / remote.lstrip("/")
    assert hashlib.sha256(on_device.read_bytes()).hexdigest() == wanted
    adb.pull(remote, back)
    assert back.read_bytes() == content
    adb.remove(FOLDER)
    assert not on_device.parent.exists()


def test_a_file_that_is_not_there_is_no_file(adb: Adb, tmp_path: Path) -> None:
    assert not adb.exists(f"{FOLDER}/none")
    with pytest.raises(DeviceError):
        adb.pull(f"{FOLDER}/none", tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_refuses_the_push(adb: Adb, tmp_path: Path) -> None:
    local = tmp_path / "file"
    local.write_bytes(b"content")
    with pytest.raises(DeviceError, match="data/local/tmp"):
        adb.push(local, "/usr/share/edgedepth/file")


def test_adbd_killed_in_the_middle_of_a_command_is_no_answer(adb: Adb, phone: Phone) -> None:
    """The client itself ends with exit code 0 then, as `raw` shows."""
    command = "echo begun; sleep 20; echo ended"
    raw = subprocess.Popen([str(adb.tool), "-s", phone.serial, "shell", command], stdout=subprocess.PIPE, text=True)
    assert raw.stdout is not None
    assert raw.stdout.readline() == "begun\n"
    with adb.start(command) as running:
        assert next(running.lines(10)) == "begun"
        phone.kill()
        assert running.wait(10)
        with pytest.raises(DeviceError):
            running.answer()
    assert raw.wait(10) == 0
    assert raw.stdout.read() == ""
    raw.stdout.close()


def test_after_a_kill_the_device_is_gone_and_after_a_restart_there_again(adb: Adb, phone: Phone) -> None:
    phone.kill()
    with pytest.raises(DeviceError):
        adb.shell("true")
    phone.restart()
    assert adb.shell("echo back").stdout == "back\n"


def test_adbd_killed_in_the_middle_of_a_push_is_an_error(adb: Adb, phone: Phone, tmp_path: Path) -> None:
    local = tmp_path / "large"
    with local.open("wb") as file:
        file.truncate(300_000_000)
    arriving = phone.root / "data/local/tmp/large"

    def kill_in_mid_push() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until and not (arriving.exists() and arriving.stat().st_size > 1_000_000):
            time.sleep(0.002)
        phone.kill()

    killer = threading.Thread(target=kill_in_mid_push)
    killer.start()
    try:
        with pytest.raises(DeviceError):
            adb.push(local, "/data/local/tmp/large")
    finally:
        killer.join()
    assert arriving.stat().st_size < 300_000_000


def test_a_hanging_adbd_is_given_up_and_answers_again_when_it_goes_on(adb: Adb, phone: Phone) -> None:
    assert adb.shell("echo before").code == 0
    phone.stop()
    began = time.monotonic()
    with pytest.raises(DeviceError, match="in time"):
        adb.shell("echo hanging", timeout=0.5)
    assert time.monotonic() - began < 15
    phone.resume()
    assert adb.shell("echo after").stdout == "after\n"


def test_a_command_that_is_left_ends_on_the_device(adb: Adb) -> None:
    with adb.start("echo begun; sleep 98765 & sleep 98765; wait") as running:
        assert next(running.lines(10)) == "begun"
    until = time.monotonic() + 10
    while "98765" in adb.shell("ps -A -o args | grep -F 'sleep 98765' | grep -v grep").stdout:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_powering_off_ends_the_device(rig: Rig, adb: Adb, phone: Phone) -> None:
    other = rig.phone()
    with adb.start("sleep 60") as running:
        phone.power_off()
        assert running.wait(10)
    assert "device" not in Adb(tool=rig.adb, serial=phone.serial).client("get-state").stdout
    assert Adb(tool=rig.adb, serial=other.serial).shell("echo on").stdout == "on\n"


def test_two_devices_keep_their_facts_and_files_apart(rig: Rig, tmp_path: Path) -> None:
    phones = [rig.phone(), rig.phone()]
    adbs = [Adb(serial=phone.serial, tool=rig.adb) for phone in phones]
    for number, (phone, adb) in enumerate(zip(phones, adbs, strict=True)):
        phone.facts.property("ro.product.model", f"Model {number}")
        file = tmp_path / f"{number}"
        file.write_text(f"content {number}")
        adb.push(file, "/data/local/tmp/same-name")
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        answers[number] = adbs[number].shell("getprop ro.product.model; cat /data/local/tmp/same-name").stdout

    workers = [threading.Thread(target=ask, args=(number,)) for number in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert answers == {0: "Model 0\ncontent 0", 1: "Model 1\ncontent 1"}


def test_several_devices_without_a_serial_are_refused_by_the_client(rig: Rig) -> None:
    rig.phone()
    rig.phone()
    with pytest.raises(DeviceError):
        Adb(tool=rig.adb).shell("true")


def test_the_device_says_what_it_is(adb: Adb, phone: Phone) -> None:
    device = device_of(adb)
    assert (device.place, device.soc, device.abi) == ("emulated", "QTI SM8550", phone.facts.abi)
    assert device.system == "Android 15 (SDK 35)"
    assert device.cores == phone.facts.cores
    cores = [core for cluster in cores_of(adb).clusters for core in cluster.cores]
    assert sorted(cores) == list(range(phone.facts.cores))


def test_conditions_change_in_mid_run(adb: Adb, phone: Phone) -> None:
    before = look(adb, 0.0)
    assert (before.reading.thermal_status, before.reading.battery_level, before.reading.plugged) == (0, 80, False)
    assert before.reading.governors["cpu0"] == "walt"
    with adb.start("echo begun; sleep 30") as running:
        assert next(running.lines(10)) == "begun"
        phone.facts.battery(level=14, celsius=41.2, plugged=True)
        phone.facts.thermal(status=3, skin=46.5)
        phone.facts.power(awake=False, low_power=True)
        phone.facts.frequency(0, 600.0)
        reading = look(adb, 1.0).reading
    assert (reading.thermal_status, reading.battery_level, reading.plugged) == (3, 14, True)
    assert (reading.low_power, reading.screen_on, reading.battery_c) == (True, False, 41.2)
    assert max(reading.temperatures.values()) == 46.5
    assert reading.frequencies["cpu0"] == 600.0


def test_another_device_or_another_boot_is_noticed(adb: Adb, phone: Phone) -> None:
    first = look(adb, 0.0)
    phone.facts.boot_id("11111111-0000-4000-8000-000000000000")
    restarted = look(adb, 1.0)
    assert (restarted.device, restarted.boot) == (first.device, "11111111-0000-4000-8000-000000000000")
    phone.facts.property("ro.build.fingerprint", "other/other:15/X/2:user/release-keys")
    assert look(adb, 2.0).device != first.device


def test_fixed_performance_is_switched_on_and_off(adb: Adb, phone: Phone) -> None:
    with fixed_performance(adb) as switched:
        assert switched
        assert (phone.state / "fixed_performance").read_text() == "true\n"
    assert (phone.state / "fixed_performance.history").read_text() == "true\nfalse\n"


def test_nothing_outlives_a_rig() -> None:
    try:
        with Rig() as rig:
            phone = rig.phone()
            Adb(tool=rig.adb, serial=phone.serial, server_port=5038).client("devices")  # starts a server of its own
            network, folder = rig._space, rig.folder
            assert len(members("net", network)) > 3
    except UnavailableError as error:
        pytest.skip(str(error))
    assert members("net", network) == []
    assert not folder.exists()
