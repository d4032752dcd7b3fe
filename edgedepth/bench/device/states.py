"""The states in which `adb` lists a device, what its client says about them, and what a user does about each."""

from __future__ import annotations

import re

from edgedepth.errors import DeviceError

READY = "device"

_ABSENT = "not found"
_REBOOT = "Start it into Android: `adb -s {serial} reboot`."
_REMEDIES = {
    "offline": "Plug it in again or run `adb reconnect offline`, then look at `edgedepth devices`.",
    "unauthorized": "Unlock its screen and allow USB debugging from this computer; where it does not ask, revoke the "
    "authorizations in its developer options and plug it in again.",
    "authorizing": "Wait a few seconds; confirm on its screen if it asks.",
    "connecting": "Wait a few seconds, then look at `edgedepth devices`.",
    "no permissions": "Give your user access to USB devices: `apt-get install android-sdk-platform-tools-common`, "
    "join the group plugdev, log in again and plug it in again.",
    "recovery": _REBOOT,
    "rescue": _REBOOT,
    "sideload": _REBOOT,
    "bootloader": "Start it into Android: `fastboot -s {serial} reboot`.",
    "host": "This is the other end of a bridge, not a phone: choose another one with --serial.",
    "detached": "Give it back to this server: `adb -s {serial} attach`.",
    _ABSENT: "Plug it in or `adb connect` it, then look at `edgedepth devices`.",
}
_OTHER = "Plug it in again, then look at `edgedepth devices`."

# What the client says on stderr, by the state that it means.
_SAID = (
    (re.compile(r"device offline"), "offline"),
    (re.compile(r"device unauthorized"), "unauthorized"),
    (re.compile(r"still authorizing"), "authorizing"),
    (re.compile(r"still connecting"), "connecting"),
    (re.compile(r"insufficient permissions|no permissions"), "no permissions"),
    (re.compile(r"device '.*' not found|no devices"), _ABSENT),
)
_FROM_CLIENT = re.compile(r"^(?:adb: |error: |\* cannot |\* failed ).*$", re.MULTILINE)


def remedy(state: str, serial: str) -> str:
    """What makes a device of that state ready; empty for one that is."""
    return "" if state == READY else _REMEDIES.get(state, _OTHER).format(serial=serial)


def not_ready(serial: str, state: str) -> DeviceError:
    """The error for a device in a state other than `READY`."""
    cause = "The device is not there." if state == _ABSENT else f"The device is not ready: {state}."
    return DeviceError(cause, f"{serial}: adb says {state!r}.", remedy(state, serial))


def nothing_there() -> DeviceError:
    """The error for an empty list of devices."""
    return DeviceError(
        "No device is there.",
        "`adb devices` lists none.",
        "Plug a phone in with USB debugging on (developer options), or `adb connect ADDRESS`.",
    )


def refused(serial: str, said: str) -> DeviceError:
    """The error for a command that the client never got through to the device.

    Args:
        serial: of the device.
        said: what the client wrote.
    """
    state = state_said(said)
    if state:
        return not_ready(serial, state)
    if "more than one device" in said:
        return DeviceError("Several devices are there.", last_line(said), "Name one with --serial.")
    return DeviceError(
        "The device does not take commands.",
        f"{serial}: {last_line(said) or 'adb said nothing.'}",
        "Look at `edgedepth devices`; `adb kill-server` starts the connection anew.",
    )


def state_said(said: str) -> str:
    """The state that the client names as the reason why it did nothing; empty where it names none."""
    return next((state for pattern, state in _SAID if pattern.search(said)), "")


def last_line(said: str) -> str:
    """The client's last own line, or the last line at all, at most 300 characters."""
    own = _FROM_CLIENT.findall(said)
    lines = own or [line.strip() for line in said.splitlines() if line.strip()]
    return str(lines[-1])[:300] if lines else ""
