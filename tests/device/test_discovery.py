"""Listed devices and the choice among them."""

from __future__ import annotations

import pytest
from fake_adbd import free_port
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.discovery import Listed, choose, devices, parse
from edgedepth.errors import DeviceError

pytest_plugins = ["fake_device"]

LIST = """* daemon not running; starting now at tcp:5037
* daemon started successfully
List of devices attached
R5CX10ABCDE            device usb:1-2 product:dm3qxxx model:SM_S938B device:dm3q transport_id:1
emulator-5554          offline transport_id:2
9A221FFAZ00123         unauthorized usb:1-3 transport_id:3
????????????           no permissions (user in plugdev group; are your udev rules wrong?); see [http://developer.android.com/tools/device.html] usb:1-4 transport_id:4
HT7A1                  recovery usb:1-5 product:x model:y device:z transport_id:5
HT7A2                  sideload
HT7A3                  bootloader
adb-1A2B-xyz (2)._adb-tls-connect._tcp device product:p model:Pixel_9 device:d transport_id:6
192.168.1.7:5555       connecting
HT7A4                  authorizing transport_id:9
HT7A5                  brandnew transport_id:10

"""  # noqa: E501


def _ready(*serials):
    return [Listed(serial, "device", {}) for serial in serials]


@pytest.fixture(autouse=True)
def _no_chosen_serial(monkeypatch):
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)


def test_every_line_is_a_device_with_its_state():
    found = parse(LIST)
    assert [(device.serial, device.state) for device in found] == [
        ("R5CX10ABCDE", "device"),
        ("emulator-5554", "offline"),
        ("9A221FFAZ00123", "unauthorized"),
        ("????????????", "no permissions"),
        ("HT7A1", "recovery"),
        ("HT7A2", "sideload"),
        ("HT7A3", "bootloader"),
        ("adb-1A2B-xyz (2)._adb-tls-connect._tcp", "device"),
        ("192.168.1.7:5555", "connecting"),
        ("HT7A4", "authorizing"),
        ("HT7A5", "brandnew"),
    ]
    assert found[0].facts["model"] == "SM_S938B"
    assert found[0].facts["usb"] == "1-2"
    assert [device.ready for device in found].count(True) == 2
    assert all(device.remedy for device in found if not device.ready)
    assert parse(LIST.replace("\n", "\r\n")) == found


@pytest.mark.parametrize("text", ["", "\n", "List of devices attached\n\n", "* daemon started successfully\n"])
def test_an_empty_list_is_empty(text):
    assert parse(text) == []


@given(st.text())
def test_any_text_is_read_without_an_exception(text):
    for device in parse("List of devices attached\n" + text):
        assert device.serial
        assert device.state


def test_the_only_ready_one_needs_no_name():
    assert [found.serial for found in choose(_ready("A"), None)] == ["A"]
    mixed = [Listed("B", "offline", {}), *_ready("A")]
    assert [found.serial for found in choose(mixed, [])] == ["A"]
    assert [found.serial for found in choose(mixed, "all")] == ["A"]


def test_several_need_a_name():
    with pytest.raises(DeviceError, match="Several devices") as caught:
        choose(_ready("A", "B"), None)
    assert caught.value.exit_code == 6
    assert caught.value.evidence == "A, B"
    assert "--serial" in caught.value.remedy
    assert [found.serial for found in choose(_ready("A", "B"), "all")] == ["A", "B"]
    assert [found.serial for found in choose(_ready("A", "B", "C"), ["C", "A", "C"])] == ["C", "A"]


def test_the_environment_names_one_as_adb_does(monkeypatch):
    monkeypatch.setenv("ANDROID_SERIAL", "B")
    assert [found.serial for found in choose(_ready("A", "B"), None)] == ["B"]
    assert [found.serial for found in choose(_ready("A", "B"), ["A"])] == ["A"]
    assert [found.serial for found in choose(_ready("A", "B"), "all")] == ["A", "B"]


def test_an_unknown_name_hints_at_the_nearest():
    with pytest.raises(DeviceError, match="No device of that serial") as caught:
        choose(_ready("R5CX10ABCDE", "emulator-5554"), ["R5CX10ABCDF"])
    assert caught.value.remedy == "Did you mean R5CX10ABCDE?"
    with pytest.raises(DeviceError) as caught:
        choose(_ready("R5CX10ABCDE"), ["zzz"])
    assert "edgedepth devices" in caught.value.remedy


@pytest.mark.parametrize("wanted", [None, "all", ["A"]])
@pytest.mark.parametrize(
    ("state", "help_"),
    [
        ("offline", "reconnect offline"),
        ("unauthorized", "allow USB debugging"),
        ("no permissions", "plugdev"),
        ("recovery", "adb -s A reboot"),
        ("bootloader", "fastboot -s A reboot"),
        ("connecting", "Wait"),
        ("brandnew", "Plug it in"),
    ],
)
def test_one_that_is_not_ready_comes_with_what_to_do(state, help_, wanted):
    with pytest.raises(DeviceError, match=state) as caught:
        choose([Listed("A", state, {})], wanted)
    assert help_ in caught.value.remedy
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("wanted", [None, "all", ["A"]])
def test_no_device_at_all(wanted):
    with pytest.raises(DeviceError, match="No device is there") as caught:
        choose([], wanted)
    assert "USB debugging" in caught.value.remedy


def test_the_real_client_lists_the_real_states(fake_server, fake_phone, make_fake):
    other = make_fake()
    other.banner = "recovery"
    fake_server.client("connect", other.serial)
    found = {device.serial: device for device in devices(fake_server)}
    assert found[fake_phone.serial].ready
    assert found[fake_phone.serial].facts["model"] == "Fake"
    assert found[other.serial].state == "recovery"
    assert [device.serial for device in choose(list(found.values()), None)] == [fake_phone.serial]


def test_a_port_that_something_else_holds_is_an_error(make_fake, fake_server):
    holder = make_fake()  # speaks another protocol than a server's
    holder.silent = True
    with pytest.raises(DeviceError, match=r"server does not answer|did not answer in time") as caught:
        devices(type(fake_server)(server_port=holder.port), timeout=0.5)
    assert "kill-server" in caught.value.remedy


def test_a_server_that_nobody_started_is_started_and_its_words_are_no_devices(fake_server, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))  # where it writes its key; and its log
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("ADB_LOCAL_TRANSPORT_MAX_PORT", "5553")
    first = Adb(server_port=free_port())
    try:
        assert devices(first) == []
    finally:
        first.client("kill-server")
    try:
        with pytest.raises(DeviceError, match="is not there"):
            first.on("A").shell("true", timeout=20)
    finally:
        first.client("kill-server")
