"""What measures on a device, behind one call: a benchmark program started from the shell, or the demo app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import msgspec

from edgedepth.bench.device.app import run_app
from edgedepth.bench.device.app_contract import request_of
from edgedepth.bench.device.session import Finished, Session
from edgedepth.bench.device.tools import Ask, Tool, ToolResult
from edgedepth.bench.device.tools.base import require
from edgedepth.bench.device.tools.binaries import Binary
from edgedepth.bench.device.tools.operators import read_operators
from edgedepth.bench.profile import Profile
from edgedepth.bench.schema import Accelerator, Minute, Plan, Reading, Subject

MINUTE_S = 60.0
STARTING_S = 60.0
"""Allowed beyond the plan: reading the model, compiling it for an accelerator."""


@dataclass(frozen=True)
class Target:
    """A graph file to measure."""

    file: Path
    subject: Subject


@dataclass(frozen=True)
class Invocation:
    """What came of one start.

    Attributes:
        readings: of the device, in seconds since the start.
    """

    result: ToolResult
    readings: tuple[Reading, ...]
    sustained: tuple[Minute, ...] = ()


class Program(Protocol):
    """Something that measures a graph on a device."""

    @property
    def name(self) -> str:
        """As in `schema.Runtime.name`."""

    @property
    def binary_sha256(self) -> str:
        """Of its file; empty for the app."""

    @property
    def formats(self) -> tuple[str, ...]:
        """Of the graphs that it runs."""

    def check(self, ask: Ask) -> None:
        """Refuse what cannot be asked for, before a device is touched.

        Raises:
            UsageError: what it cannot do.
        """

    def prepare(self, session: Session) -> None:
        """Bring it to the device.

        Raises:
            DeviceError: that failed.
        """

    def measure(self, session: Session, target: Target, ask: Ask, mask: str) -> Invocation:
        """Measure once.

        Raises:
            DeviceError: the device went away, or the program did not end in time.
        """


@dataclass(frozen=True)
class ShellProgram:
    """A benchmark program, started from the shell.

    Attributes:
        libraries: pushed beside it, where it finds them.
    """

    tool: Tool
    binary: Binary
    libraries: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """As in `schema.Runtime.name`."""
        return self.tool.name

    @property
    def binary_sha256(self) -> str:
        """Of the program."""
        return self.binary.sha256

    @property
    def formats(self) -> tuple[str, ...]:
        """That it runs."""
        return self.tool.formats

    def check(self, ask: Ask) -> None:
        """As `Program.check`."""
        require(self.tool, ask)

    def prepare(self, session: Session) -> None:
        """As `Program.prepare`."""
        session.put(self.binary.path, program=True)
        for library in self.libraries:
            session.put(library)

    def measure(self, session: Session, target: Target, ask: Ask, mask: str) -> Invocation:
        """As `Program.measure`; where it ended before the plan was reached, it is asked once more."""
        first = self._once(session, target, ask, mask)
        again = self.tool.again(ask, first.result)
        return first if again is None else self._once(session, target, again, mask)

    def sustain(self, session: Session, target: Target, ask: Ask, mask: str, minutes: int) -> tuple[Minute, ...]:
        """One start per minute, without warm-up, one after the other.

        Raises:
            DeviceError: the device went away, or the program failed.
        """
        plan = msgspec.structs.replace(ask.plan, runs=1, seconds=MINUTE_S, warmup_runs=0, warmup_seconds=0.0)
        found = []
        for number in range(1, minutes + 1):
            done = self._once(session, target, replace(ask, plan=plan), mask)
            minute = _minute(number, done)
            if minute is None:
                break
            found.append(minute)
        return tuple(found)

    def profile(self, session: Session, target: Target, ask: Ask, mask: str) -> Profile:
        """Time each operator, in a start of its own.

        Raises:
            DeviceError: the device went away.
            InputError: the program printed no such table.
        """
        done = self._run(session, target, replace(ask, profile=True), mask)
        said = done.answer
        return read_operators(f"{said.stdout}\n{said.stderr}", f"{target.subject.label}, {ask.accelerator}")

    def _once(self, session: Session, target: Target, ask: Ask, mask: str) -> Invocation:
        done = self._run(session, target, ask, mask)
        said = done.answer
        return Invocation(self.tool.read(said.stdout, said.stderr, said.code, done.files, ask), done.readings)

    def _run(self, session: Session, target: Target, ask: Ask, mask: str) -> Finished:
        program, model = session.put(self.binary.path, program=True), session.put(target.file)
        command = self.tool.command(program, model, session.folder, ask)
        limit = ask.plan.max_seconds + ask.plan.warmup_seconds + STARTING_S
        return session.run(command, mask, self.tool.result_files(session.folder), limit)


@dataclass(frozen=True)
class AppProgram:
    """The demo app."""

    name: str = "app"
    binary_sha256: str = ""
    formats: tuple[str, ...] = ("tflite",)

    def check(self, ask: Ask) -> None:
        """As `Program.check`."""
        request_of(ask, "model", "token")

    def prepare(self, session: Session) -> None:
        """Nothing: the user installs the app."""

    def measure(self, session: Session, target: Target, ask: Ask, mask: str) -> Invocation:  # noqa: ARG002
        """As `Program.measure`; cores cannot be chosen for an app."""
        before = session.look(-1.0).reading
        answer = run_app(session.adb, target.file, target.subject.sha256, ask)
        readings = (before, *answer.readings) if answer.readings else (before, session.look(0.0).reading)
        return Invocation(answer.tool, readings, answer.sustained)


def asks(
    accelerators: Sequence[Accelerator],
    threads: Sequence[int],
    plan: Plan,
    options: Mapping[str, str],
    *,
    strict: bool = True,
) -> list[Ask]:
    """Every combination; threads only where the processor computes. An accelerator is strict unless told otherwise."""
    return [
        Ask(
            accelerator=accelerator,
            threads=count,
            plan=plan,
            strict=strict and accelerator != "cpu",
            options=dict(options),
        )
        for accelerator in accelerators
        for count in (threads if accelerator == "cpu" else [None])
    ]


def share(plan: Plan, rounds: int, number: int) -> Plan:
    """What one of several starts has to do, so that all together fulfil the plan; the last one runs on if asked."""
    return msgspec.structs.replace(
        plan,
        runs=-(-plan.runs // rounds),
        seconds=plan.seconds / rounds,
        sustained_minutes=plan.sustained_minutes if number == rounds - 1 else 0.0,
    )


def _minute(number: int, done: Invocation) -> Minute | None:
    latency, last = done.result.latency, done.readings[-1]
    if latency is None or not latency.centre:
        return None
    return Minute(
        minute=number,
        count=latency.count,
        median_ms=latency.centre,
        p90_ms=latency.p90,
        thermal_status=last.thermal_status,
        battery_c=last.battery_c,
        temperature_c=max(last.temperatures.values(), default=None),
    )
