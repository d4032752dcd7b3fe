"""Waiting until a device is as cool as it was when the measurement began."""

from __future__ import annotations

import time
from dataclasses import dataclass

from edgedepth.bench.device.conditions import cooling_temperature, is_cool
from edgedepth.bench.device.session import Session

LONGEST = 300.0
"""Seconds after which a device that is still warm is measured all the same, and the result is invalid."""

MARGIN_C = 3.0
LOOK_EVERY = 5.0


@dataclass(frozen=True)
class Rest:
    """How a wait ended.

    Attributes:
        seconds: waited.
        cool: None where the device tells neither a thermal status nor a temperature.
        degrees: `cooling_temperature` now.
    """

    seconds: float
    cool: bool | None
    degrees: float | None


def cool_down(session: Session, baseline_c: float | None, fixed_s: float | None, longest_s: float = LONGEST) -> Rest:
    """Let the device rest.

    Args:
        session: on the device.
        baseline_c: `cooling_temperature` when the measurement began.
        fixed_s: wait exactly so long; None waits until the device is back at its baseline.
        longest_s: limit of such a wait.

    Raises:
        DeviceError: the device went away.
        MeasurementStoppedError: the measurement is to end.
    """
    start = time.monotonic()
    if fixed_s is not None:
        session.wait(fixed_s)
        return Rest(fixed_s, None, None)
    while True:
        reading = session.look().reading
        waited = time.monotonic() - start
        cool = is_cool(reading, baseline_c, MARGIN_C)
        if cool is not False or waited >= longest_s:
            return Rest(waited, cool, cooling_temperature(reading))
        session.wait(min(LOOK_EVERY, longest_s - waited))
