"""The state that a phone is in: heat, battery, modes and frequencies, all in one call; and the pinned mode.

Every number is checked against what is physically possible; what a device does not tell, or tells in a form that
could be misread, is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.facts import IDENTITY, cores_in, identity
from edgedepth.bench.device.thermal import thermal_status, thermalservice, zones
from edgedepth.bench.schema import Reading
from edgedepth.errors import DeviceError

_CPUFREQ = "/sys/devices/system/cpu/cpu[0-9]*/cpufreq"
_ZONES = "/sys/class/thermal/thermal_zone*"


def _each(*files: str) -> str:
    """A script that prints the first line of each file behind its path, with nothing but the shell itself."""
    return f'for f in {" ".join(files)}; do read -r v <"$f" && echo "$f $v"; done'


_SCRIPTS = {
    **IDENTITY,
    "boot_id": "cat /proc/sys/kernel/random/boot_id",
    "thermal": "dumpsys thermalservice",
    "battery": "dumpsys battery",
    "power": "dumpsys power | grep -iE 'mWakefulness=|mIsPowerSaveMode|mLowPowerMode|Battery saver is currently'",
    "low_power": "settings get global low_power",
    "airplane": "settings get global airplane_mode_on",
    "frequencies": _each(*(f"{_CPUFREQ}/{name}" for name in ("scaling_cur_freq", "scaling_governor", "related_cpus"))),
    "zones": _each(f"{_ZONES}/type", f"{_ZONES}/temp"),
}
_CORE = re.compile(r"^\S*/cpu(\d{1,3})/cpufreq/(\w+) (\S.*?)\s*$", re.MULTILINE | re.ASCII)
_SURFACE = ("skin/", "battery/")
_FIXED = "cmd power set-fixed-performance-mode-enabled"
_FIRST_SDK_WITH_FIXED = 30


@dataclass(frozen=True)
class Moment:
    """A reading, and who gave it.

    Attributes:
        reading: what the device told.
        device: `facts.identity` of what answered: another one means another device or another build.
        boot: changes when it restarts; empty where it does not tell.
    """

    reading: Reading
    device: str
    boot: str


def look(adb: Adb, at_s: float, timeout: float = 30.0) -> Moment:
    """Ask a device for its state, in one call. On a phone this takes a fraction of a second of its processor.

    Args:
        adb: on the device.
        at_s: seconds since the measurement began.
        timeout: seconds.

    Raises:
        DeviceError: it is not ready or went away.
    """
    sections = adb.sections(_SCRIPTS, timeout)
    own = sections.get("serial", "").strip() or adb.serial or ""
    return Moment(
        reading=parse(sections, at_s),
        device=identity(own, sections.get("fingerprint", "").strip()),
        boot=sections.get("boot_id", "").strip(),
    )


def parse(sections: Mapping[str, str], at_s: float) -> Reading:
    """A reading from what a device printed, whatever that is.

    Args:
        sections: text by the names that `look` asks for; any may be missing, cut or something else.
        at_s: seconds since the measurement began.
    """
    text = {name: _whole_lines(sections.get(name, "")) for name in _SCRIPTS}
    level, celsius, plugged = _battery(text["battery"])
    frequencies, governors = _frequencies(text["frequencies"])
    return Reading(
        at_s=at_s,
        thermal_status=thermal_status(text["thermal"]),
        temperatures=zones(text["zones"]) | thermalservice(text["thermal"]),
        battery_level=level,
        battery_c=celsius,
        plugged=plugged,
        low_power=_low_power(text["low_power"], text["power"]),
        screen_on=_screen_on(text["power"]),
        airplane=_switch(text["airplane"]),
        governors=governors,
        frequencies=frequencies,
    )


def cooling_temperature(reading: Reading) -> float | None:
    """The temperature that cooling down is judged by: the hottest of skin and battery, else of all sensors.

    A processor's own sensors move by tens of degrees within a second and say little about how much heat is stored.
    """
    surface = [value for name, value in reading.temperatures.items() if name.startswith(_SURFACE)]
    if reading.battery_c is not None:
        surface.append(reading.battery_c)
    return max(surface or reading.temperatures.values(), default=None)


def is_cool(reading: Reading, baseline_c: float | None, margin_c: float) -> bool | None:
    """Whether the device is back at its baseline: no thermal status, and at most that much warmer.

    Args:
        reading: now.
        baseline_c: `cooling_temperature` of the reading before the first measurement.
        margin_c: degrees above it that still count as cool.

    Returns:
        None where the device tells neither a status nor a temperature.
    """
    if reading.thermal_status:
        return False
    now = cooling_temperature(reading)
    if now is None or baseline_c is None:
        return None if reading.thermal_status is None else True
    return now <= baseline_c + margin_c


@contextmanager
def fixed_performance(adb: Adb) -> Iterator[bool]:
    """Android's pinned mode while the block runs; off again afterwards, whatever happens.

    It lowers and pins clocks so that builds can be compared; such times are not what users get. Android itself has no
    command that tells whether the mode is on; where a vendor's power service tells that it is, it is left on.

    Yields:
        Whether it was switched on here.

    Raises:
        DeviceError: the device is older than Android 11 or does not have the mode, or could not be set back.
    """
    sdk = _integer(adb.shell("getprop ro.build.version.sdk").stdout.strip(), 1, 999)
    if sdk is None or sdk < _FIRST_SDK_WITH_FIXED:
        raise DeviceError(
            "The device has no fixed-performance mode.",
            f"It needs Android 11 (SDK 30); this one says SDK {sdk or 'nothing'}.",
            "Leave --fixed-performance-mode out.",
        )
    if _tells_fixed(adb):
        yield False
        return
    switched = False
    try:
        _set_fixed(adb, "true")
        switched = True
        yield True
    finally:
        # Where switching on failed, that is what the user must hear, whatever switching off says.
        with nullcontext() if switched else suppress(DeviceError):
            _set_fixed(adb, "false")


def _whole_lines(text: str) -> str:
    """A last line without its end was cut, and perhaps a number with it: 287 would be 28."""
    return re.sub(r"\r+\n", "\n", text[: text.rfind("\n") + 1])


def _set_fixed(adb: Adb, value: str) -> None:
    answer = adb.shell(f"{_FIXED} {value}")
    said = f"{answer.stdout} {answer.stderr}".strip()
    if answer.code or "Failed to set" in said:
        raise DeviceError(
            "The device could not set its fixed-performance mode.",
            f"`{_FIXED} {value}`: {said.splitlines()[0] if said else f'exit code {answer.code}'}",
            "Leave --fixed-performance-mode out." if value == "true" else "Restart the device: that switches it off.",
        )


def _tells_fixed(adb: Adb) -> bool:
    said = adb.sections({"power": "dumpsys power; dumpsys android.hardware.power.IPower/default"}).get("power", "")
    return re.search(r"fixed_?performance\w*\s*[=:]\s*(?:true|1|on|enabled)\b", said, re.IGNORECASE) is not None


def _battery(text: str) -> tuple[int | None, float | None, bool | None]:
    """Level in percent, temperature, and whether it is powered from outside."""
    if "UPDATES STOPPED" in text:
        return None, None, None  # somebody typed these values in
    got: dict[str, str] = {}
    for name, value in re.findall(r"^[ \t]*([A-Za-z ]+?)[ \t]*:[ \t]*(\S+)[ \t]*$", text, re.MULTILINE):
        got.setdefault(name, value)
    powered = {value for name, value in got.items() if name.endswith(" powered")}
    plugged = True if "true" in powered else (False if powered == {"false"} else None)
    if got.get("present") == "false":
        return None, None, plugged
    scale = _integer(got.get("scale", "100"), 1, 1000)
    level = None if scale is None else _integer(got.get("level", ""), 0, scale)
    tenths = _integer(got.get("temperature", ""), -300, 1000)
    return (
        None if level is None or scale is None else round(100 * level / scale),
        None if not tenths else tenths / 10,  # an unread sensor says 0
        plugged,
    )


def _low_power(setting: str, power: str) -> bool | None:
    told = _switch(setting)
    if told is not None:
        return told
    found = set(re.findall(r"(?:mIsPowerSaveMode|mLowPowerModeEnabled)\s*=\s*(true|false)\b", power))
    return found == {"true"} if len(found) == 1 else None


def _screen_on(power: str) -> bool | None:
    found = set(re.findall(r"mWakefulness=(\w+)", power, re.ASCII))
    return {"Awake": True, "Asleep": False, "Dozing": False}.get(found.pop()) if len(found) == 1 else None


def _switch(text: str) -> bool | None:
    return {"0": False, "1": True}.get(text.strip())


def _frequencies(text: str) -> tuple[dict[str, float], dict[str, str]]:
    """Current MHz by core, and governors by cluster."""
    got: dict[int, dict[str, str]] = {}
    for core, name, value in _CORE.findall(text):
        got.setdefault(int(core), {}).setdefault(name, value)
    frequencies: dict[str, float] = {}
    governors: dict[str, str] = {}
    for core, facts in sorted(got.items()):
        khz = _integer(facts.get("scaling_cur_freq", ""), 10_000, 10_000_000)
        if khz is not None:
            frequencies[f"cpu{core}"] = khz / 1000
        governor = facts.get("scaling_governor", "")
        if re.fullmatch(r"[A-Za-z]\w{1,30}", governor, re.ASCII):
            related = cores_in(facts.get("related_cpus", "")) or (core,)
            first, last = related[0], related[-1]
            governors[f"cpu{first}-{last}" if last > first else f"cpu{first}"] = governor
    return frequencies, governors


def _integer(text: str, low: int, high: int) -> int | None:
    """A whole number in plain digits within bounds, or None."""
    if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) is None:
        return None
    return int(text) if low <= int(text) <= high else None
