"""Which devices are there, in what state, and which of them a user means."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.states import READY, last_line, not_ready, nothing_there, remedy
from edgedepth.errors import DeviceError, nearest

_STATES = (
    "device|offline|unauthorized|authorizing|connecting|no permissions|no device|recovery|rescue|sideload|"
    "bootloader|host|detached|unknown"
)
# A serial number may hold spaces (a Wi-Fi name), and so may a state, which a reason in parentheses may follow.
_LINE = re.compile(rf"^(?P<serial>\S.*?)\s+(?P<state>{_STATES})(?=\s|;|$)(?P<rest>.*)$")
_OTHER_LINE = re.compile(r"^(?P<serial>\S+)\s+(?P<state>\S+)(?P<rest>.*)$")
_FACT = re.compile(r"(?:^|\s)([a-z_]+):(\S+)")


@dataclass(frozen=True)
class Listed:
    """One line of ``adb devices -l``.

    Attributes:
        serial: number, or address of a device in the network.
        state: ``device`` for one that is ready; the others are the adb program's words.
        facts: such as ``model`` and ``transport_id``; may be empty.
    """

    serial: str
    state: str
    facts: dict[str, str]

    @property
    def ready(self) -> bool:
        """Whether it takes commands."""
        return self.state == READY

    @property
    def remedy(self) -> str:
        """What makes it ready; empty for one that is."""
        return remedy(self.state, self.serial)


def devices(adb: Adb, timeout: float = 30.0) -> list[Listed]:
    """The devices that the server knows, in its order; it is started where none runs.

    Raises:
        MissingDependencyError: there is no adb program.
        DeviceError: the server does not answer.
    """
    answer = adb.client("devices", "-l", timeout=timeout)
    if answer.code:
        raise DeviceError(
            "The adb server does not answer.",
            last_line(answer.stderr or answer.stdout) or f"adb ended with code {answer.code}.",
            "Run `adb kill-server` and try again; another version of adb may be holding its port.",
        )
    return parse(answer.stdout)


def parse(text: str) -> list[Listed]:
    """The devices in what ``adb devices -l`` printed; what a starting server says before the list is left out."""
    _, header, body = text.partition("List of devices attached")
    found = []
    for line in body.splitlines() if header else ():
        match = _LINE.match(line) or _OTHER_LINE.match(line)
        if match and not line.startswith("* "):
            found.append(Listed(match["serial"], match["state"], dict(_FACT.findall(match["rest"]))))
    return found


def choose(listed: Sequence[Listed], serials: Sequence[str] | Literal["all"] | None) -> list[Listed]:
    """The devices that a user means, all of them ready, each once.

    Args:
        listed: from `devices`.
        serials: ``all`` means every one that is ready; None or none means $ANDROID_SERIAL or else the only one.

    Raises:
        DeviceError: there is none, it is not ready, or there are several; with the remedy for exactly that.
    """
    if not listed:
        raise nothing_there()
    if serials == "all":
        return [found for found in listed if found.ready] or _only(listed[:1])
    wanted = list(dict.fromkeys(serials or filter(None, [os.environ.get("ANDROID_SERIAL")])))
    if wanted:
        return [_named(listed, serial) for serial in wanted]
    ready = [found for found in listed if found.ready]
    if len(ready) > 1:
        names = ", ".join(found.serial for found in ready)
        raise DeviceError("Several devices are ready.", names, "Name one with --serial, or use --serial all.")
    return ready or _only(listed[:1])


def _only(listed: Sequence[Listed]) -> list[Listed]:
    for found in listed:
        if not found.ready:
            raise not_ready(found.serial, found.state)
    return list(listed)


def _named(listed: Sequence[Listed], serial: str) -> Listed:
    for found in listed:
        if found.serial == serial:
            return _only([found])[0]
    known = [found.serial for found in listed]
    hint = nearest(serial, known)
    raise DeviceError(
        "No device of that serial number is there.",
        f"{serial!r}; there are: {', '.join(known)}.",
        hint[:1].upper() + hint[1:]
        if hint
        else "Look at `edgedepth devices`; `adb connect` brings one in the network.",
    )
