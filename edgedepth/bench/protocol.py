"""Who runs when: configurations beside each other, one process each, in rounds of shuffled order.

What disturbs the machine disturbs all of them alike, so a ratio within one matrix means more than any absolute
number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from edgedepth.bench.job import End, Ended, Job, Open, Ready, Time, Times
from edgedepth.bench.journal import Round
from edgedepth.bench.process import Worker, WorkerError
from edgedepth.bench.schema import Plan

END_SECONDS = 60.0
"""For the last facts, which may need to open the graph once more."""

OPEN_SECONDS = 120.0
"""For starting, opening and warming up, even where `Plan.max_seconds` is less."""

ENOUGH = 5.0
"""A configuration that has run this many times the seconds that were asked leaves the rounds to slower-paced ones."""

Progress = Callable[[int, int], None]
"""Called with rounds done and rounds planned; the plan may grow while a time has to be filled."""


@dataclass
class Lane:
    """One configuration on its way through a matrix.

    Attributes:
        samples_ms: by number of the round.
        spent_s: on its rounds in this sitting.
        ready, ended: what its process said; None where it never came so far.
        reason: why it cannot be measured; None while it can.
        opening: what it said while it was opened.
        log: what it said last, where that explains the reason.
    """

    job: Job
    environment: Mapping[str, str] = field(default_factory=dict)
    samples_ms: dict[int, float] = field(default_factory=dict)
    spent_s: float = 0.0
    ready: Ready | None = None
    ended: Ended | None = None
    reason: str | None = None
    opening: str = ""
    log: str = ""

    @property
    def timed_s(self) -> float:
        """What the timed runs took together."""
        return sum(self.samples_ms.values()) / 1e3

    def reached(self, plan: Plan) -> bool:
        """Whether it has been timed often and long enough."""
        return len(self.samples_ms) >= plan.runs and self.timed_s >= plan.seconds


def measure(
    lanes: Mapping[str, Lane],
    plan: Plan,
    matrix: str,
    earlier: Sequence[Round] = (),
    append: Callable[[Round], object] | None = None,
    progress: Progress | None = None,
) -> int:
    """Take every lane through its rounds, in place.

    Processes are opened and warmed up one after another; then each round times every configuration once, in an order
    that is drawn anew, each timed run behind an untimed one of the same configuration. A configuration that fails
    leaves the others alone.

    Args:
        lanes: by key.
        plan: how long.
        matrix: identity of the matrix.
        earlier: rounds of the same matrix from sittings that did not come to its end.
        append: called with each round as it comes.
        progress: called after each round.

    Returns:
        In how many sittings it was measured, this one included.
    """
    for done in earlier:
        for key, sample in done.samples_ms.items():
            if key in lanes:
                lanes[key].samples_ms[done.number] = sample
    number = max((done.number for done in earlier if done.samples_ms), default=-1) + 1
    tell = append or (lambda _: None)
    tell(Round(matrix=matrix, number=number, samples_ms={}))  # an empty one marks where a sitting begins
    with ExitStack() as stack:
        open_lanes = dict(_opened(lanes, plan, stack))
        while waiting := [key for key in open_lanes if not _leaves(lanes[key], plan)]:
            if all(lanes[key].reached(plan) for key in waiting):
                break
            order = np.random.default_rng([plan.seed, number]).permutation(len(waiting))
            samples = dict(_round([waiting[i] for i in order], lanes, open_lanes, plan))
            for key, sample in samples.items():
                lanes[key].samples_ms[number] = sample
            tell(Round(matrix=matrix, number=number, samples_ms=samples))
            number += 1
            if progress is not None:
                progress(number, _planned(number, [lanes[key] for key in waiting], plan))
        for key, worker in open_lanes.items():
            if lanes[key].reason is None:
                lanes[key].ended = worker.end(End(), END_SECONDS)
    return 1 + sum(not done.samples_ms for done in earlier)


def _opened(lanes: Mapping[str, Lane], plan: Plan, stack: ExitStack) -> Iterator[tuple[str, Worker]]:
    for key, lane in lanes.items():
        if lane.reason is not None:
            continue
        worker = stack.enter_context(Worker(lane.environment))
        try:
            reply = worker.ask(Open(lane.job), max(plan.max_seconds, OPEN_SECONDS))
        except WorkerError as failure:
            lane.reason, lane.log, lane.opening = failure.reason, failure.log, worker.log(lines=None)
            worker.kill()
            continue
        assert isinstance(reply, Ready)  # noqa: S101 - what opening is answered by
        lane.ready, lane.opening = reply, worker.log(lines=None)
        yield key, worker


def _round(
    keys: Sequence[str], lanes: Mapping[str, Lane], workers: Mapping[str, Worker], plan: Plan
) -> Iterator[tuple[str, float]]:
    for key in keys:
        lane = lanes[key]
        start = time.monotonic()
        try:
            reply = workers[key].ask(Time(1), max(plan.max_seconds - lane.spent_s, 1.0))
        except WorkerError as failure:
            lane.reason, lane.log = failure.reason, failure.log
            workers[key].kill()
            continue
        finally:
            lane.spent_s += time.monotonic() - start
        assert isinstance(reply, Times)  # noqa: S101 - what timing is answered by
        yield key, reply.samples_ms[0]


def _leaves(lane: Lane, plan: Plan) -> bool:
    if lane.reason is not None or lane.spent_s >= plan.max_seconds:
        return True
    return lane.reached(plan) and 0 < ENOUGH * plan.seconds <= lane.timed_s


def _planned(done: int, lanes: Sequence[Lane], plan: Plan) -> int:
    by_time = max((_rounds_for(lane, plan.seconds) for lane in lanes), default=0)
    return max(plan.runs, by_time, done)


def _rounds_for(lane: Lane, seconds: float) -> int:
    return round(len(lane.samples_ms) * seconds / lane.timed_s) if lane.timed_s > 0 else 0
