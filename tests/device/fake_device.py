"""Fixtures of `fake_adbd`: the real client with a server of its own, and devices of ours behind it.

A test module asks for them by ``pytest_plugins = ["fake_device"]``. They skip where adb is not installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_adbd import FakeDevice, free_port

from edgedepth.bench.device.adb import Adb


@pytest.fixture(scope="session")
def fake_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adb]:
    """The real client with a server of its own, which is ended afterwards and disturbs nobody else's."""
    if shutil.which("adb") is None:
        pytest.skip("the adb program is not installed (apt-get install adb)")
    home = tmp_path_factory.mktemp("adb-home")
    adb = Adb(server_port=free_port())
    # The server looks for emulators on the ports up to this one, and writes its key below the home folder.
    quiet = {"ADB_LOCAL_TRANSPORT_MAX_PORT": "5553", "HOME": str(home), "TMPDIR": str(home)}
    command = ["adb", "-P", str(adb.server_port), "start-server"]
    subprocess.run(command, env=os.environ | quiet, check=True, capture_output=True, timeout=30)
    yield adb
    adb.client("kill-server")


@pytest.fixture
def make_fake(fake_server: Adb, tmp_path: Path) -> Iterator[Callable[[], FakeDevice]]:
    """``make_fake()``: another device, listening and not connected yet."""
    made: list[FakeDevice] = []

    def make() -> FakeDevice:
        device = FakeDevice(tmp_path / f"device{len(made)}")
        made.append(device)
        device.start()
        return device

    yield make
    for device in made:
        fake_server.client("disconnect", device.serial)
        device.stop()


@pytest.fixture
def fake_phone(fake_server: Adb, make_fake: Callable[[], FakeDevice]) -> FakeDevice:
    """A connected device."""
    device = make_fake()
    assert "connected" in fake_server.client("connect", device.serial).stdout
    return device


@pytest.fixture
def fake_adb(fake_server: Adb, fake_phone: FakeDevice) -> Adb:
    """The client on ``fake_phone``."""
    return fake_server.on(fake_phone.serial)
