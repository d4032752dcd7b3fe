"""A phone's core clusters by their top frequency, and the masks that pin a program to one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.facts import cores_in
from edgedepth.errors import DeviceError, UsageError

_CPUS = "/sys/devices/system/cpu"
_SCRIPTS = {
    "present": f"cat {_CPUS}/present",
    "online": f"cat {_CPUS}/online",
    "top": f'for f in {_CPUS}/cpu[0-9]*/cpufreq/cpuinfo_max_freq; do read -r v <"$f" && echo "$f $v"; done',
}
_TOP = re.compile(r"^\S*/cpu(\d{1,3})/cpufreq/cpuinfo_max_freq (\d{1,9})\s*$", re.MULTILINE | re.ASCII)
NAMES = ("prime", "big", "little")


@dataclass(frozen=True)
class Cluster:
    """Cores of one top frequency, in MHz."""

    top_mhz: float
    cores: tuple[int, ...]


@dataclass(frozen=True)
class Cores:
    """The cores of a device.

    Attributes:
        clusters: the fastest first; only cores that are awake and whose frequency can be read.
        offline: present, but switched off now.
        untold: awake, but without a readable frequency.
    """

    clusters: tuple[Cluster, ...]
    offline: tuple[int, ...] = ()
    untold: tuple[int, ...] = ()

    @property
    def online(self) -> tuple[int, ...]:
        """Those that may run something now."""
        return tuple(sorted({core for cluster in self.clusters for core in cluster.cores} | set(self.untold)))

    def mask(self, wanted: str) -> str:
        """What taskset takes.

        Args:
            wanted: ``prime``, the fastest cluster; ``big``, all but the slowest; ``little``, the slowest; a hexadecimal
                mask; or ``off``.

        Returns:
            Hexadecimal digits; empty for ``off``.

        Raises:
            UsageError: not one of these, or the mask names cores that are not awake.
            DeviceError: the device does not have or does not tell such clusters.
        """
        if wanted == "off":
            return ""
        if wanted in NAMES:
            return f"{sum(1 << core for core in self._named(wanted)):x}"
        if not re.fullmatch(r"(0[xX])?[0-9a-fA-F]{1,64}", wanted) or int(wanted, 16) == 0:
            raise UsageError(
                f"{wanted!r} is not a set of cores.", f"Known: {', '.join(NAMES)}, off, or a mask such as f0."
            )
        asleep = int(wanted, 16) & ~sum(1 << core for core in self.online)
        if asleep:
            raise UsageError(
                f"The mask {wanted} names cores that are not there or switched off.",
                f"Awake: {_ranges(self.online)}; not: {_ranges(tuple(i for i in range(257) if asleep >> i & 1))}.",
                "Leave those out, or use `--affinity big`.",
            )
        return f"{int(wanted, 16):x}"

    def _named(self, wanted: str) -> tuple[int, ...]:
        if self.untold or len(self.clusters) < 2:
            seen = "; ".join(f"{_ranges(c.cores)} up to {c.top_mhz:g} MHz" for c in self.clusters) or "no frequencies"
            untold = f"; cores {_ranges(self.untold)} do not tell theirs" if self.untold else ""
            cause = f"The device does not tell which cores are {wanted}."
            if len(self.clusters) == 1 and not self.untold:
                cause = f"The device has one kind of cores awake, so none are {wanted}."
            raise DeviceError(cause, seen + untold + ".", "Use `--affinity off`, or a mask such as `--affinity f0`.")
        if wanted == "prime":
            return self.clusters[0].cores
        if wanted == "little":
            return self.clusters[-1].cores
        return tuple(core for cluster in self.clusters[:-1] for core in cluster.cores)


def cores_of(adb: Adb) -> Cores:
    """Ask a device for its clusters, in one call.

    Raises:
        DeviceError: it is not ready or went away.
    """
    return read(adb.sections(_SCRIPTS))


def read(sections: Mapping[str, str]) -> Cores:
    """Clusters from ``present``, ``online`` and ``top`` as the kernel prints them; any may be missing."""
    present, online = (cores_in(sections.get(name, "")) for name in ("present", "online"))
    tops = {int(core): int(khz) / 1000 for core, khz in _TOP.findall(sections.get("top", "")) if int(khz) > 0}
    awake = set(online or tops)
    by_top: dict[float, list[int]] = {}
    for core in sorted(awake & set(tops)):
        by_top.setdefault(tops[core], []).append(core)
    return Cores(
        clusters=tuple(Cluster(top, tuple(by_top[top])) for top in sorted(by_top, reverse=True)),
        offline=tuple(core for core in present if core not in awake) if online else (),
        untold=tuple(sorted(awake - set(tops))),
    )


def _ranges(cores: tuple[int, ...]) -> str:
    """Such as ``0-3,7``."""
    runs: list[list[int]] = []
    for core in cores:
        if runs and core == runs[-1][1] + 1:
            runs[-1][1] = core
        else:
            runs.append([core, core])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
