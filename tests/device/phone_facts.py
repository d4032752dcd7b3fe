"""What a device of the rig says of itself: properties, battery, heat, clocks, as a Snapdragon phone would."""

from __future__ import annotations

import os
import platform
from pathlib import Path

A76_CORE = """processor\t: {number}
BogoMIPS\t: 38.40
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 0

"""
"""As Linux tells of a Cortex-A76; it must match what qemu emulates, else libraries pick instructions that fail."""


class PhoneFacts:
    """A device's facts, kept in files that its scripts read: a change is seen by the next command.

    Args:
        state: the device's ``/phone``.
        root: the device's root folder.
        arm64: whether its processor is one.
        port: of its adbd; tells devices apart.

    Attributes:
        cores: how many processors it says it has: as many as this machine, at most 8.
        abi: of its programs.
    """

    def __init__(self, state: Path, root: Path, arm64: bool, port: int) -> None:
        self._state, self._root = state, root
        self.cores = min(os.cpu_count() or 1, 8)
        self.abi = "arm64-v8a" if arm64 or platform.machine() == "aarch64" else "x86_64"
        self._properties = {
            "ro.product.manufacturer": "Rig",
            "ro.product.model": f"Rig {port}",
            "ro.product.device": "rig",
            "ro.product.board": "kalama",
            "ro.board.platform": "kalama",
            "ro.hardware": "qcom",
            "ro.soc.manufacturer": "QTI",
            "ro.soc.model": "SM8550",
            "ro.product.cpu.abi": self.abi,
            "ro.product.cpu.abilist": self.abi,
            "ro.build.version.release": "15",
            "ro.build.version.sdk": "35",
            "ro.build.fingerprint": f"rig/rig/rig:15/AP3A.{port}/1:user/release-keys",
            "ro.build.type": "user",
            "ro.debuggable": "0",
            "ro.serialno": f"RIG{port}",
            "ro.edgedepth.emulated": "1",
        }
        self._write_properties()
        self._battery: dict[str, float | bool] = {"level": 80, "celsius": 28.5, "plugged": False}
        self.battery()
        self.power(awake=True, low_power=False)
        for namespace, name, value in (
            ("global", "low_power", "0"),
            ("global", "airplane_mode_on", "1"),
            ("system", "screen_brightness", "60"),
        ):
            self.setting(namespace, name, value)
        self._heat: dict[str, float] = {"cpu": 38.0, "gpu": 36.0, "skin": 31.0}
        self.thermal()
        self._write_cores()
        # Mounted over /proc/cpuinfo and over the kernel's boot identity: rewritten in place, never replaced.
        (state / "cpuinfo").write_text(
            "".join(A76_CORE.format(number=number) for number in range(self.cores)) + "Hardware\t: Rig\n"
        )
        self.boot_id("00000000-0000-4000-8000-" + f"{port:012d}")

    def property(self, name: str, value: str) -> None:
        """Set what ``getprop`` says."""
        self._properties[name] = value
        self._write_properties()

    def battery(self, *, level: int | None = None, celsius: float | None = None, plugged: bool | None = None) -> None:
        """Set what ``dumpsys battery`` says: percent, temperature, whether on USB power."""
        given = {"level": level, "celsius": celsius, "plugged": plugged}
        self._battery |= {name: value for name, value in given.items() if value is not None}
        on = bool(self._battery["plugged"])
        self._dumpsys(
            "battery",
            "Current Battery Service state:\n"
            "  AC powered: false\n"
            f"  USB powered: {str(on).lower()}\n"
            "  Wireless powered: false\n"
            "  Dock powered: false\n"
            "  Max charging current: 0\n"
            f"  status: {2 if on else 3}\n"
            "  health: 2\n"
            "  present: true\n"
            f"  level: {self._battery['level']}\n"
            "  scale: 100\n"
            "  voltage: 4132\n"
            f"  temperature: {round(float(self._battery['celsius']) * 10)}\n"
            "  technology: Li-ion\n",
        )

    def power(self, *, awake: bool, low_power: bool) -> None:
        """Set what ``dumpsys power`` says; the setting ``low_power`` follows."""
        self._dumpsys(
            "power",
            "POWER MANAGER (dumpsys power)\n\nPower Manager State:\n"
            f"  mWakefulness={'Awake' if awake else 'Asleep'}\n"
            f"  mIsPowered=false\n  mLowPowerModeEnabled={str(low_power).lower()}\n",
        )
        self.setting("global", "low_power", str(int(low_power)))

    def thermal(self, *, status: int = 0, **celsius: float) -> None:
        """Set the thermal status (0 none .. 6 shutdown) and sensors by name: ``cpu``, ``gpu``, ``skin``."""
        self._heat |= celsius
        types = {"cpu": 0, "gpu": 1, "skin": 3}
        lines = "".join(
            f"\tTemperature{{mValue={value}, mType={types[name]}, mName={name}, "
            f"mStatus={status if name == 'skin' else 0}}}\n"
            for name, value in self._heat.items()
        )
        self._dumpsys(
            "thermalservice",
            f"IsStatusOverride: false\nThermalEventListeners:\n\tcallbacks: 1\nThermal Status: {status}\n"
            f"Cached temperatures:\n{lines}HAL Ready: true\nHAL connection:\n\tThermalHAL AIDL 1\n"
            f"Current temperatures from HAL:\n{lines}Current cooling devices from HAL:\n",
        )
        for number, (name, value) in enumerate(self._heat.items()):
            zone = self._root / f"sys/class/thermal/thermal_zone{number}"
            zone.mkdir(parents=True, exist_ok=True)
            _replace(zone / "type", f"{name}-0-0\n")
            _replace(zone / "temp", f"{round(value * 1000)}\n")

    def setting(self, namespace: str, name: str, value: str) -> None:
        """Set what ``settings get`` says."""
        file = self._state / "settings" / namespace / name
        file.parent.mkdir(parents=True, exist_ok=True)
        _replace(file, value + "\n")

    def frequency(self, core: int, mhz: float) -> None:
        """Set a core's clock."""
        _replace(self._core(core) / "scaling_cur_freq", f"{round(mhz * 1000)}\n")

    def boot_id(self, value: str) -> None:
        """Set the kernel's identity of this boot; another one means that the device was restarted."""
        (self._state / "boot_id").write_text(value + "\n")

    def _core(self, number: int) -> Path:
        return self._root / f"sys/devices/system/cpu/cpu{number}/cpufreq"

    def _write_cores(self) -> None:
        """Half of the cores little, the last one prime, those between big."""
        cpu = self._root / "sys/devices/system/cpu"
        for number in range(self.cores):
            highest = 2016 if number < self.cores // 2 else 3187 if number == self.cores - 1 else 2803
            folder = self._core(number)
            folder.mkdir(parents=True)
            (folder / "cpuinfo_max_freq").write_text(f"{highest * 1000}\n")
            (folder / "cpuinfo_min_freq").write_text("307200\n")
            (folder / "scaling_max_freq").write_text(f"{highest * 1000}\n")
            (folder / "scaling_governor").write_text("walt\n")
            self.frequency(number, highest / 2)
        for name in ("possible", "present", "online"):
            (cpu / name).write_text(f"0-{self.cores - 1}\n" if self.cores > 1 else "0\n")

    def _dumpsys(self, service: str, text: str) -> None:
        file = self._state / "dumpsys" / service
        file.parent.mkdir(exist_ok=True)
        _replace(file, text)

    def _write_properties(self) -> None:
        _replace(self._state / "properties", "".join(f"{name}={value}\n" for name, value in self._properties.items()))


def _replace(file: Path, text: str) -> None:
    """Whole or not at all: a command on the device may read it now."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(text)
    partial.replace(file)
