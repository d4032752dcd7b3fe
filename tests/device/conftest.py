"""Devices for tests, and which of them this machine had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tiers
from rig import Phone, Rig, UnavailableError
from userlands import litert_library, userland

from edgedepth.bench.device.adb import Adb
from edgedepth.errors import MissingDependencyError
from edgedepth.preflight.arm64.programs import runner

STAND_IN = Path(__file__).parent / "stand_in" / "benchmark_model"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tiers.mark(items)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A private network with an adb server; `rig` says what can be had in it. Native devices can, once this is here."""
    try:
        userland("native")
        opened = Rig()
        opened.__enter__()
    except UnavailableError as error:
        pytest.skip(str(error))
    try:
        yield opened
    finally:
        opened.__exit__(None, None, None)


@pytest.fixture
def phone(rig: Rig) -> Phone:
    """A device with the real adbd."""
    return _started(rig, "native")


@pytest.fixture
def arm64_phone(rig: Rig) -> Phone:
    """The same with an emulated Cortex-A76."""
    return _started(rig, "arm64")


@pytest.fixture
def adb(rig: Rig, phone: Phone) -> Adb:
    """The client on ``phone``."""
    return Adb(serial=phone.serial, tool=rig.adb)


@pytest.fixture
def stand_in() -> Path:
    """A benchmark program for the rig's devices; its first lines say what it can be told."""
    return STAND_IN


@pytest.fixture
def litert_on_phone(rig: Rig, arm64_phone: Phone, tmp_path: Path) -> Path:
    """A benchmark program for ``arm64_phone`` that runs .tflite files with LiteRT's ARM64 build.

    It is a script for the device, to be pushed and started like any other benchmark program; what it needs is on the
    device already. It takes the classic benchmark_model's flags, and ``--input_file`` and ``--output_file``.
    """
    try:
        needed = {"runner": runner(), "libLiteRt.so": litert_library()}
    except (UnavailableError, MissingDependencyError) as error:
        pytest.skip(str(error).splitlines()[0])
    adb, folder = Adb(serial=arm64_phone.serial, tool=rig.adb), "/data/local/tmp/litert"
    adb.make_folder(folder)
    for name, file in needed.items():
        adb.push(file, f"{folder}/{name}")
    adb.shell(["chmod", "755", f"{folder}/runner"])
    script = tmp_path / "litert_on_phone"
    script.write_text(f'#!/bin/sh\nexec {folder}/runner --library={folder}/libLiteRt.so "$@"\n')
    script.chmod(0o755)
    return script


def _started(rig: Rig, tier: str) -> Phone:
    try:
        return rig.phone(tier)
    except UnavailableError as error:
        pytest.skip(str(error))
