"""Every configuration on one device, in shuffled rounds with rests between, resumable after any kill."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from edgedepth import __version__
from edgedepth.bench.device.combine import fully_accelerated, latency_of_parts, memory_of, phases_of
from edgedepth.bench.device.conditions import cooling_temperature
from edgedepth.bench.device.cooling import Rest, cool_down
from edgedepth.bench.device.programs import Invocation, Program, ShellProgram, Target, share
from edgedepth.bench.device.session import Session, back_again
from edgedepth.bench.device.tools import Ask
from edgedepth.bench.journal import Journal, Part
from edgedepth.bench.profile import Profile
from edgedepth.bench.schema import (
    SCHEMA_VERSION,
    Conditions,
    Device,
    Minute,
    Reading,
    Record,
    Runtime,
    configuration,
    key,
)
from edgedepth.bench.validity import judged, suffices
from edgedepth.errors import DeviceError

COMES_BACK = 60.0
"""Seconds to wait for a device that went away in the middle of a matrix."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """One configuration: what, by what, and how.

    Attributes:
        mask: of the cores that the program may use, hexadecimal; empty for any.
    """

    target: Target
    program: Program
    ask: Ask
    mask: str = ""

    def runtime(self) -> Runtime:
        """As a result names it, before anything was measured."""
        return Runtime(
            name=self.program.name,
            version="",
            accelerator=self.ask.accelerator,
            threads=self.ask.threads,
            affinity=self.mask,
            options=dict(self.ask.options),
            binary_sha256=self.program.binary_sha256,
            strict=self.ask.strict,
        )


@dataclass(frozen=True)
class Settings:
    """How a matrix is run.

    Attributes:
        rounds: starts of each configuration; every round starts each of them once, in an order drawn anew.
        cooldown_s: rest before each start; None rests until the device is as cool as at the beginning.
        max_thermal: highest thermal status that counts as not throttled.
        fixed_performance: the pinned mode is on.
        profile: afterwards, profile every configuration.
        reproduce: the command that does it again.
        seed: of the order.
    """

    rounds: int = 3
    cooldown_s: float | None = None
    max_thermal: int = 0
    fixed_performance: bool = False
    profile: bool = False
    reproduce: str = ""
    seed: int = 0
    started: str = ""


@dataclass
class _Progress:
    """What is known of one configuration so far."""

    case: Case
    key: str
    parts: list[Part] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    sustained: tuple[Minute, ...] = ()
    log: str = ""

    def due(self, number: int) -> bool:
        return not self.reasons and all(part.number != number for part in self.parts)


class Matrix:
    """The configurations of one device.

    Args:
        device: it.
        cases: what is to be measured; those that a result in the journal spares (`validity.suffices`) are left out.
        journal: where results and what they are made of go as they come.
        say: told one line per step.
    """

    def __init__(
        self, device: Device, cases: Sequence[Case], settings: Settings, journal: Journal, say: Say = lambda _: None
    ) -> None:
        self._device, self._settings, self._journal, self._say = device, settings, journal, say
        before = {record.key: record for record in journal.records}
        keys = [key(case.target.subject, device, case.runtime(), pinned=settings.fixed_performance) for case in cases]
        done = {name for case, name in zip(cases, keys, strict=True) if suffices(before.get(name), case.ask.plan)}
        plans = [msgspec.structs.asdict(case.ask.plan) for case in cases]
        facts = f"{sorted(keys)} {plans[:1]} {settings.rounds} {settings.fixed_performance} {settings.seed}"
        self.id = hashlib.sha256(facts.encode()).hexdigest()[:12]
        self.skipped = [case for case, name in zip(cases, keys, strict=True) if name in done]
        self._work = [_Progress(case, name) for case, name in zip(cases, keys, strict=True) if name not in done]
        for work in self._work:
            work.parts = _parts_so_far(journal, self.id, work.key, settings.rounds)

    @property
    def left(self) -> int:
        """How many configurations have no valid result yet."""
        return len(self._work)

    def run(self, session: Session) -> list[Record]:
        """Measure what is left; every configuration ends as a record, valid or with the reasons why not.

        Raises:
            MeasurementStoppedError: the measurement is to end; what was done is in the journal.
        """
        try:
            baseline = cooling_temperature(session.look().reading)
            for program in {id(work.case.program): work.case.program for work in self._work}.values():
                program.prepare(session)
            for number in range(self._settings.rounds):
                order = np.random.default_rng([self._settings.seed, number]).permutation(len(self._work))
                for index in order:
                    if self._work[index].due(number):
                        self._start(session, self._work[index], number, baseline)
            for work in self._work:
                self._sustain(session, work, baseline)
        except DeviceError as error:
            for work in self._work:
                work.reasons.append(_one_line(error))
            baseline = None
        return [self._record(work, baseline) for work in self._work]

    def profile(self, session: Session) -> list[Profile]:
        """Where each configuration that ran spends its time, in a pass of its own.

        Raises:
            DeviceError: the device went away.
            InputError: a program printed no profile.
            MeasurementStoppedError: the measurement is to end.
        """
        return [
            work.case.program.profile(session, work.case.target, work.case.ask, work.case.mask)
            for work in self._work
            if isinstance(work.case.program, ShellProgram) and not work.reasons
        ]

    def _start(self, session: Session, work: _Progress, number: int, baseline: float | None) -> None:
        case = work.case
        try:
            rest = cool_down(session, baseline, self._settings.cooldown_s)
            ask = replace(case.ask, plan=share(case.ask.plan, self._settings.rounds, number))
            done = case.program.measure(session, case.target, ask, case.mask)
        except DeviceError as error:
            work.reasons.append(_one_line(error))
            self._say(f"{self._title(work)}: {_one_line(error)}")
            if not back_again(session.adb, COMES_BACK, session.stop_requested):
                raise
            session.look()  # raises where another device or a restarted one answers
            return
        self._keep(work, number, done, rest)

    def _keep(self, work: _Progress, number: int, done: Invocation, rest: Rest) -> None:
        result = done.result
        work.log = result.log_tail
        if result.latency is None:
            work.reasons.append(result.failure or "the program gave no time")
            self._say(f"{self._title(work)}: {work.reasons[-1]}")
            return
        if rest.cool is False:
            work.reasons.append(f"the device did not cool down in {rest.seconds:.0f} s (still {rest.degrees} C)")
        part = Part(
            matrix=self.id,
            key=work.key,
            number=number,
            phases=result.phases,
            latency=result.latency,
            memory=result.memory,
            delegated=result.delegated,
            nodes=result.nodes,
            partitions=result.partitions,
            fully_accelerated=result.fully_accelerated,
            version=result.version,
            readings=done.readings,
            cooldown_s=rest.seconds,
        )
        self._journal.append(part)
        work.parts.append(part)
        work.sustained = done.sustained or work.sustained
        self._say(f"{self._title(work)}: {result.latency.centre or 0.0:.2f} ms in round {number + 1}")

    def _sustain(self, session: Session, work: _Progress, baseline: float | None) -> None:
        case = work.case
        minutes = round(case.ask.plan.sustained_minutes)
        if not minutes or work.reasons or work.sustained or not isinstance(case.program, ShellProgram):
            return
        cool_down(session, baseline, self._settings.cooldown_s)
        self._say(f"{self._title(work)}: {minutes} minutes on and on")
        work.sustained = case.program.sustain(session, case.target, case.ask, case.mask, minutes)
        if len(work.sustained) < minutes:
            work.reasons.append(f"the sustained run ended after {len(work.sustained)} of {minutes} minutes")

    def _record(self, work: _Progress, baseline: float | None) -> Record:
        parts, case = sorted(work.parts, key=lambda part: part.number), work.case
        last = parts[-1] if parts else None
        record = judged(
            Record(
                schema_version=SCHEMA_VERSION,
                edgedepth=__version__,
                matrix=self.id,
                started=self._settings.started,
                subject=case.target.subject,
                device=self._device,
                runtime=msgspec.structs.replace(
                    case.runtime(),
                    version=last.version if last else "",
                    delegated=last.delegated if last else None,
                    nodes=last.nodes if last else None,
                    partitions=last.partitions if last else None,
                    fully_accelerated=fully_accelerated(parts) if parts else None,
                ),
                plan=case.ask.plan,
                phases=phases_of(parts),
                latency=latency_of_parts(parts) if parts else None,
                sustained=work.sustained,
                conditions=Conditions(
                    readings=_joined(parts),
                    fixed_performance=self._settings.fixed_performance,
                    cooldown_s=sum(part.cooldown_s or 0.0 for part in parts) if parts else None,
                    baseline_c=baseline,
                    max_thermal=self._settings.max_thermal,
                ),
                memory=memory_of(parts),
                invalid_reasons=tuple(work.reasons),
                reproduce=self._settings.reproduce,
                log=work.log if work.reasons else "",
            )
        )
        self._journal.append(record)
        return record

    def _title(self, work: _Progress) -> str:
        how = configuration(work.case.runtime(), pinned=self._settings.fixed_performance)
        return f"{self._device.name}: {work.case.target.subject.label}, {how}"


def _parts_so_far(journal: Journal, matrix: str, key: str, rounds: int) -> list[Part]:
    """Starts that need not be done again: those after the last result that was complete, and invalid all the same."""
    found: dict[int, Part] = {}
    for entry in journal.entries:
        if isinstance(entry, Part) and (entry.matrix, entry.key) == (matrix, key):
            found[entry.number] = entry
        elif isinstance(entry, Record) and entry.key == key and len(found) == rounds:
            found.clear()
    return list(found.values())


def _joined(parts: Sequence[Part]) -> tuple[Reading, ...]:
    """The readings of all starts on one clock: each start's seconds follow on those of the one before."""
    joined: list[Reading] = []
    offset = 0.0
    for part in parts:
        joined += [msgspec.structs.replace(reading, at_s=offset + reading.at_s) for reading in part.readings]
        offset += max((reading.at_s for reading in part.readings), default=0.0) + 1.0
    return tuple(joined)


def _one_line(error: DeviceError) -> str:
    return " ".join(f"{error.cause} {error.evidence}".split())
