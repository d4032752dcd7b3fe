"""`edgedepth devices` against the real client."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from edgedepth.cli.devices import devices
from edgedepth.errors import DeviceError, MissingDependencyError

pytest_plugins = ["fake_device"]

app = typer.Typer()
app.command()(devices)


@pytest.fixture
def command(fake_server, monkeypatch):
    """The command, with its adb talking to the tests' own server, by adb's own variable."""
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(fake_server.server_port))
    return lambda *arguments: CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.fixture
def phone(fake_phone):
    fake_phone.properties(
        ro__product__manufacturer="samsung",
        ro__product__model="SM-S938B",
        ro__soc__manufacturer="QTI",
        ro__soc__model="SM8750",
        ro__product__cpu__abilist="arm64-v8a",
        ro__build__version__release="15",
        ro__build__version__sdk="35",
    )
    fake_phone.say("dumpsys thermalservice", "Thermal Status: 1\n")
    fake_phone.say("dumpsys battery", "level: 85\nscale: 100\ntemperature: 287\nUSB powered: true\n")
    return fake_phone


def test_a_ready_phone_and_one_that_is_not(command, phone, make_fake, fake_server):
    other = make_fake()
    other.banner = "recovery"
    fake_server.client("connect", other.serial)
    result = command()
    assert result.exit_code == 0
    for told in (
        phone.serial,
        "samsung SM-S938B",
        "QTI SM8750 (Snapdragon 8 Elite)",
        "arm64-v8a",
        "Android 15 (SDK 35)",
    ):
        assert told in result.stdout
    for told in ("light, 28.7 C", "85 %, plugged in", "recovery", f"adb -s {other.serial} reboot"):
        assert told in result.stdout


def test_json_is_one_object(command, phone, make_fake, fake_server):
    other = make_fake()
    other.banner = "sideload"
    fake_server.client("connect", other.serial)
    result = command("--json")
    found = {row["serial"]: row for row in json.loads(result.stdout)["devices"]}
    assert found[phone.serial]["ready"] is True
    assert found[phone.serial]["device"]["soc"] == "QTI SM8750"
    assert found[phone.serial]["reading"]["battery_level"] == 85
    assert found[other.serial] == {
        "serial": other.serial,
        "state": "sideload",
        "ready": False,
        "remedy": f"Start it into Android: `adb -s {other.serial} reboot`.",
        "device": None,
        "reading": None,
    }


def test_none_ready_is_exit_code_6_after_the_table(command, make_fake, fake_server):
    other = make_fake()
    other.banner = "recovery"
    fake_server.client("connect", other.serial)
    with pytest.raises(DeviceError, match="No device is ready") as caught:
        command()
    assert caught.value.exit_code == 6
    assert "reboot" in caught.value.remedy


def test_none_there(command):
    with pytest.raises(DeviceError, match="No device is there"):
        command()


def test_no_adb(command, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingDependencyError):
        command()
