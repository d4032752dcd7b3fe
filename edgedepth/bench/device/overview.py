"""Every device that adb lists, each with what it is and how it is, asked at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.conditions import cooling_temperature, look
from edgedepth.bench.device.discovery import Listed, devices
from edgedepth.bench.device.facts import device_of
from edgedepth.bench.rows import thermal_word
from edgedepth.bench.schema import Device, Reading
from edgedepth.errors import DeviceError


@dataclass(frozen=True)
class Row:
    """One device.

    Attributes:
        serial: by which adb knows it.
        state: adb's word, or ``silent`` for one that is listed as ready and does not answer.
        remedy: what makes it ready; empty for one that is.
        device: what it is; None where it is not ready.
        reading: how it is; None where it is not ready.
    """

    serial: str
    state: str
    remedy: str = ""
    device: Device | None = None
    reading: Reading | None = None

    @property
    def ready(self) -> bool:
        """Whether it answered."""
        return self.device is not None


def overview(adb: Adb, timeout: float = 15.0) -> list[Row]:
    """Ask every listed device, all at once.

    Args:
        adb: the client, on no device.
        timeout: seconds for each question.

    Raises:
        MissingDependencyError: there is no adb program.
        DeviceError: its server does not answer.
    """
    listed = devices(adb)
    if not listed:
        return []
    with ThreadPoolExecutor(len(listed)) as pool:
        return list(pool.map(lambda found: _row(adb, found, timeout), listed))


def cells(row: Row) -> list[str]:
    """A row of the table: serial, state, model, chip, ABI, system, heat, battery; what is not told is a dash."""
    if row.device is None or row.reading is None:
        return [row.serial, row.state, *["-"] * 6]
    device, reading = row.device, row.reading
    name = f"{device.name} (emulated)" if device.place == "emulated" else device.name
    sold = device.facts.get("soc_name")
    chip = f"{device.soc} ({sold})" if sold else device.soc
    return [row.serial, row.state, *(told or "-" for told in (name, chip, device.abi, device.system)), *_state(reading)]


def _state(reading: Reading) -> list[str]:
    heat = [] if reading.thermal_status is None else [thermal_word(reading.thermal_status)]
    warmest = cooling_temperature(reading)
    heat += [] if warmest is None else [f"{warmest:.1f} C"]
    battery = [] if reading.battery_level is None else [f"{reading.battery_level} %"]
    if reading.plugged is not None:
        battery.append("plugged in" if reading.plugged else "unplugged")
    return [", ".join(heat) or "-", ", ".join(battery) or "-"]


def _row(adb: Adb, found: Listed, timeout: float) -> Row:
    if not found.ready:
        return Row(found.serial, found.state, found.remedy)
    on = adb.on(found.serial)
    try:
        device, moment = device_of(on, timeout), look(on, 0.0, timeout)
    except DeviceError as error:
        return Row(found.serial, "silent", f"{error.cause} {error.remedy}".strip())
    return Row(found.serial, found.state, device=device, reading=moment.reading)
