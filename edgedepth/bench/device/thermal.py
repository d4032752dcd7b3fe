"""Temperatures from Android's thermal service and from the kernel's zones; tolerant, and never a wrong number."""

from __future__ import annotations

import re

_LOWEST, _HIGHEST = -30.0, 150.0
_STATUS = re.compile(r"^\s*Thermal Status:\s*([0-6])\s*$", re.MULTILINE | re.ASCII)
_BLOCK = re.compile(r"\bTemperature\{([^{}\n]*)\}")
_ZONE = re.compile(r"^\S*/thermal_zone(\d{1,4})/(type|temp) (\S+)\s*$", re.MULTILINE | re.ASCII)
_NUMBER = re.compile(r"-?\d{1,3}(?:\.\d{1,12})?", re.ASCII)

_KINDS = (
    ("", re.compile(r"bcl|vbat|ibat|volt|current|percent|^soc$|_soc$|lvl|step", re.IGNORECASE)),
    ("skin", re.compile(r"skin|quiet|shell|surface", re.IGNORECASE)),
    ("battery", re.compile(r"batt|^bat$|_bat$", re.IGNORECASE)),
    ("npu", re.compile(r"npu|nsp|nspss|tpu|apu|cdsp", re.IGNORECASE)),
    ("gpu", re.compile(r"gpu|g3d", re.IGNORECASE)),
    ("cpu", re.compile(r"cpu|^ap$|^big$|^mid$|^little$", re.IGNORECASE)),
    ("other", re.compile(r"therm|tsens|temp|aoss|ddr|camera|modem|mdm|usb|pa\d?$|wifi|flash|display", re.IGNORECASE)),
)
"""What a sensor measures by its name, first match wins; the empty kind is no temperature."""
_TYPES = {"0": "cpu", "1": "gpu", "2": "battery", "3": "skin", "6": "", "7": "", "8": "", "9": "npu"}
"""Android's types, for sensors whose name tells nothing; 6 to 8 are millivolts, milliamperes and percent."""


def thermal_status(text: str) -> int | None:
    """0 none to 6 shutdown, as ``dumpsys thermalservice`` says; None where it does not, or says two things."""
    found = set(_STATUS.findall(text))
    return int(found.pop()) if len(found) == 1 else None


def thermalservice(text: str) -> dict[str, float]:
    """Degrees by ``kind/sensor`` from ``dumpsys thermalservice``; the current ones, or the cached ones without them.

    Vendors number the types differently (Samsung's begin one higher), so that a sensor's name goes before its type.
    """
    _, current, rest = text.partition("Current temperatures from HAL:")
    found = _blocks(rest.partition("cooling devices")[0]) if current else {}
    return found or _blocks(text.partition("Current temperatures from HAL:")[0])


def zones(text: str) -> dict[str, float]:
    """Degrees by ``kind/zone`` from lines ``.../thermal_zoneN/type NAME`` and ``.../thermal_zoneN/temp NUMBER``.

    The kernel's unit is a thousandth of a degree; numbers too small for that are another unit and are left out, as
    are zones whose name does not tell that they measure a temperature.
    """
    got: dict[str, dict[str, str]] = {}
    for zone, name, value in _ZONE.findall(text):
        got.setdefault(zone, {}).setdefault(name, value)
    found: dict[str, float] = {}
    for facts in got.values():
        kind, raw = _kind(facts.get("type", ""), ""), facts.get("temp", "")
        if kind and re.fullmatch(r"\d{4,6}", raw, re.ASCII) and 1000 <= int(raw) <= _HIGHEST * 1000:
            _keep(found, f"{kind}/{facts['type']}", int(raw) / 1000)
    return found


def _blocks(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for block in _BLOCK.findall(text):
        pairs = re.split(r",\s*(?=m[A-Z]\w*=)", block)
        got = dict(pair.strip().partition("=")[::2] for pair in pairs)
        name, raw = got.get("mName", "").strip(), got.get("mValue", "").strip()
        kind = _kind(name, got.get("mType", "").strip())
        # A sensor that was not read says 0.
        if name and kind and _NUMBER.fullmatch(raw) and float(raw) != 0 and _LOWEST <= float(raw) <= _HIGHEST:
            _keep(found, f"{kind}/{name}", float(raw))
    return found


def _kind(name: str, type_: str) -> str:
    for kind, pattern in _KINDS:
        if pattern.search(name):
            return kind
    return _TYPES.get(type_, "other" if type_ else "")


def _keep(found: dict[str, float], name: str, value: float) -> None:
    """Of two sensors with one name the hotter one."""
    found[name] = max(value, found.get(name, value))
