"""This machine in a result's words: what it is, and its state at one moment."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

from edgedepth.bench.machine import cpu_name, usable_cores
from edgedepth.bench.schema import Device, Place, Reading

CPUS = Path("/sys/devices/system/cpu")
THERMAL = Path("/sys/class/thermal")


def local_device(place: Place, gpu: str = "") -> Device:
    """This machine.

    Args:
        place: ``host``, or ``gpu`` where its GPU ran the graph.
        gpu: name and driver.
    """
    name, cores = cpu_name(), os.cpu_count() or 1
    facts = (name, str(cores), platform.machine(), platform.system(), platform.release())
    return Device(
        place=place,
        id=hashlib.sha256("|".join(facts).encode()).hexdigest()[:16],
        name=name,
        abi=platform.machine(),
        system=f"{platform.system()} {platform.release()}",
        cores=usable_cores(),
        gpu=gpu,
        facts={"python": platform.python_version(), "cores of the machine": str(cores)},
    )


def local_reading(at_s: float, cpus: Path = CPUS, thermal: Path = THERMAL) -> Reading:
    """Temperatures, governors and frequencies, as far as Linux tells them.

    Args:
        at_s: seconds since the measurement began.
        cpus, thermal: where the system keeps them.
    """
    heat = {
        f"{_text(zone / 'type')} ({zone.name.removeprefix('thermal_zone')})": int(text) / 1e3
        for zone in sorted(thermal.glob("thermal_zone*"))
        if (text := _text(zone / "temp")).lstrip("-").isdecimal()
    }
    governors, frequencies = {}, {}
    for core in sorted(cpus.glob("cpu[0-9]*/cpufreq")):
        if governor := _text(core / "scaling_governor"):
            governors[core.parent.name] = governor
        if (kilohertz := _text(core / "scaling_cur_freq")).isdecimal():
            frequencies[core.parent.name] = int(kilohertz) / 1e3
    return Reading(at_s=at_s, temperatures=heat, governors=governors, frequencies=frequencies)


def _text(file: Path) -> str:
    """A line of the kernel's; empty where it has none or does not give it."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""
