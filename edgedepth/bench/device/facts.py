"""What a device is: maker, model, chip, system; and an identity that tells nobody its serial number."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.socs import soc_of
from edgedepth.bench.schema import Device

IDENTITY = {"serial": "getprop ro.serialno", "fingerprint": "getprop ro.build.fingerprint"}
"""Scripts for `identity`, by section."""

_SCRIPTS = {
    "properties": "getprop",
    "cpuinfo": "cat /proc/cpuinfo",
    "present": "cat /sys/devices/system/cpu/present",
    "kernel": "uname -rm",
    "gpu": "dumpsys SurfaceFlinger | grep -m1 GLES:",
}
_PROPERTY = re.compile(r"^\[([^\]]+)\]: \[(.*?)\]?\r*$", re.MULTILINE)
_KEPT = {
    "board": "ro.product.board",
    "platform": "ro.board.platform",
    "hardware": "ro.hardware",
    "device": "ro.product.device",
    "build_type": "ro.build.type",
    "abis": "ro.product.cpu.abilist",
    "vulkan": "ro.hardware.vulkan",
}
_TELLS_EMULATION = ("ro.kernel.qemu", "ro.boot.qemu", "ro.edgedepth.emulated")
_ABIS = {"aarch64": "arm64-v8a", "armv7l": "armeabi-v7a", "armv8l": "armeabi-v7a", "x86_64": "x86_64", "i686": "x86"}


def device_of(adb: Adb, timeout: float = 30.0) -> Device:
    """Ask a device what it is, in one call.

    Raises:
        DeviceError: it is not ready or went away.
    """
    return read(adb.sections(_SCRIPTS, timeout), adb.serial or "")


def identity(serial: str, fingerprint: str) -> str:
    """Stable and anonymous: changes when another device, or another build on it, answers.

    Args:
        serial: the device's own (``ro.serialno``); where it tells none, the one that adb knows.
        fingerprint: ``ro.build.fingerprint``.
    """
    return hashlib.sha256(f"{serial}\n{fingerprint}".encode()).hexdigest()[:16]


def read(sections: Mapping[str, str], serial: str) -> Device:
    """A device from what it printed; what it did not tell is empty, never guessed.

    Args:
        sections: ``properties``, ``cpuinfo``, ``present``, ``kernel`` and ``gpu``; any may be missing.
        serial: by which adb knows it, for devices that do not tell their own.
    """
    got = {name: value.strip() for name, value in _PROPERTY.findall(sections.get("properties", ""))}
    kernel = sections.get("kernel", "").split()
    soc, facts = _soc(got, sections.get("cpuinfo", ""))
    facts |= {name: got[key] for name, key in _KEPT.items() if got.get(key)}
    if kernel:
        facts["kernel"] = kernel[0]
    if gpu := sections.get("gpu", "").strip().removeprefix("GLES:").strip():
        facts["gpu"] = gpu
    emulated = any(got.get(name) == "1" for name in _TELLS_EMULATION)
    fingerprint = got.get("ro.build.fingerprint", "")
    return Device(
        place="emulated" if emulated else "phone",
        id=identity(got.get("ro.serialno") or serial, fingerprint),
        name=_name(got),
        soc=soc,
        abi=_abi(got, kernel),
        system=_system(got),
        fingerprint=fingerprint,
        cores=_cores(sections),
        facts=facts,
    )


def _name(got: Mapping[str, str]) -> str:
    maker, model = got.get("ro.product.manufacturer", ""), got.get("ro.product.model", "")
    if model.lower().startswith(maker.lower()):
        return model or "unnamed device"
    return f"{maker} {model}".strip()


def _system(got: Mapping[str, str]) -> str:
    release, sdk = got.get("ro.build.version.release", ""), got.get("ro.build.version.sdk", "")
    return f"Android {release or '?'} (SDK {sdk or '?'})" if release or sdk else ""


def _abi(got: Mapping[str, str], kernel: list[str]) -> str:
    told = got.get("ro.product.cpu.abilist") or got.get("ro.product.cpu.abi", "")
    return told.split(",")[0].strip() or _ABIS.get(kernel[-1] if kernel else "", "")


def _soc(got: Mapping[str, str], cpuinfo: str) -> tuple[str, dict[str, str]]:
    """The chip's maker and model, and what is known of it."""
    maker, model = got.get("ro.soc.manufacturer", ""), got.get("ro.soc.model", "")
    source = "ro.soc"
    if not model or model.lower() == "unknown":
        # Before Android 12 only the kernel tells, such as "Qualcomm Technologies, Inc SM8350".
        hardware = re.search(r"^Hardware\s*:\s*(\S.*?)\s*$", cpuinfo, re.MULTILINE)
        if hardware is None:
            return "", {}
        words = hardware[1].split()
        maker, model, source = " ".join(words[:-1]), words[-1], "/proc/cpuinfo"
    facts = {"soc_source": source}
    if known := soc_of(model):
        facts |= {"soc_name": known.name} | ({"htp": known.htp} if known.htp else {})
    return f"{maker} {model}".strip(), facts


def _cores(sections: Mapping[str, str]) -> int:
    """All that are there, asleep or not; 0 where the device does not tell."""
    present = cores_in(sections.get("present", "").strip())
    return len(present) or len(re.findall(r"^processor\s*:", sections.get("cpuinfo", ""), re.MULTILINE))


def cores_in(text: str) -> tuple[int, ...]:
    """The kernel's lists of cores, such as ``0-3,6`` or ``0 1 2``; empty for anything else."""
    found: set[int] = set()
    for part in re.split(r"[,\s]+", text.strip(), flags=re.ASCII):
        match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", part, re.ASCII)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            return ()
        found |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(found))
