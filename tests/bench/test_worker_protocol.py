"""The protocol: who runs when, and what happens when somebody cannot. No time is ever asserted."""

from __future__ import annotations

from collections import Counter

import pytest

from edgedepth.bench import protocol
from edgedepth.bench.job import End, Ended, Job, Open, Ready, Time, Times
from edgedepth.bench.journal import Round
from edgedepth.bench.process import WorkerError
from edgedepth.bench.protocol import Lane, measure
from edgedepth.bench.schema import Plan

QUICK = Plan(runs=20, seconds=0.0, warmup_runs=0, warmup_seconds=0.0, seed=1)


class Script:
    """What the stand-ins for the processes were asked, in order, and what they answer.

    Attributes:
        ms: of every timed run, or by graph.
        failing: by graph, ``open`` or the number of the timed run at which it fails.
    """

    def __init__(self, ms=1.0, **failing):
        self.asked, self.killed, self.ms, self.failing = [], [], ms, failing

    def worker(self, _):
        return StandIn(self)


class StandIn:
    """One process that is none."""

    def __init__(self, script):
        self.script, self.graph, self.timed = script, None, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def ask(self, request, seconds):
        assert seconds > 0
        return self.opened(request.job.graph) if isinstance(request, Open) else self.times(request)

    def opened(self, graph):
        self.graph = graph
        self.script.asked.append(("open", graph))
        if self.script.failing.get(graph) == "open":
            raise WorkerError("cannot be opened", "its log")
        return Ready(init_ms=3, first_ms=2, warmup_ms=1, warmup_runs=1, version="1", before_mb=1)

    def times(self, request):
        assert request == Time(1)
        self.script.asked.append(("time", self.graph))
        self.timed += 1
        if self.script.failing.get(self.graph) == self.timed - 1:
            raise WorkerError("killed by SIGKILL", "its last lines")
        ms = self.script.ms
        return Times([ms[self.graph] if isinstance(ms, dict) else ms])

    def end(self, request, _):
        assert isinstance(request, End)
        self.script.asked.append(("end", self.graph))
        return Ended(peak_mb=2, memory_method="none")

    def log(self, **_):
        return "log"

    def kill(self):
        self.script.killed.append(self.graph)


@pytest.fixture
def play(monkeypatch):
    """``play(script, names, plan, ...)``: lanes and rounds after a matrix of stand-ins."""

    def run(script, names, plan=QUICK, **more):
        monkeypatch.setattr(protocol, "Worker", script.worker)
        lanes = {name: Lane(Job(runtime="litert", accelerator="cpu", graph=name)) for name in names}
        rounds = []
        sittings = measure(lanes, plan, "m", append=rounds.append, **more)
        return lanes, rounds, sittings

    return run


def test_every_round_times_everyone_once_in_an_order_of_its_own(play):
    script = Script()
    lanes, rounds, sittings = play(script, "abcd")
    assert sittings == 1
    assert [graph for kind, graph in script.asked if kind == "open"] == list("abcd")
    timed = [graph for kind, graph in script.asked if kind == "time"]
    orders = [tuple(timed[4 * r : 4 * r + 4]) for r in range(20)]
    assert len(timed) == 80
    assert all(sorted(order) == list("abcd") for order in orders)
    assert len(set(orders)) > 5
    assert all(len(lane.samples_ms) == 20 for lane in lanes.values())
    assert rounds[0].samples_ms == {}
    assert [one.number for one in rounds[1:]] == list(range(20))
    assert all(one.samples_ms == dict.fromkeys("abcd", 1.0) for one in rounds[1:])
    assert sorted(set(script.killed)) == list("abcd")


def test_equal_seeds_give_equal_orders(play):
    def order(seed):
        script = Script()
        play(script, "abcde", Plan(runs=6, seconds=0, seed=seed))
        return script.asked

    assert order(3) == order(3) != order(4)


def test_goes_on_until_both_runs_and_seconds_are_reached(play):
    seen = []
    lanes, _, _ = play(
        Script(ms=10.0), "a", Plan(runs=3, seconds=0.1), progress=lambda done, planned: seen.append((done, planned))
    )
    assert len(lanes["a"].samples_ms) == 10
    assert seen[-1] == (10, 10)
    assert all(done <= planned for done, planned in seen)


def test_slow_ones_leave_when_fast_ones_need_very_many_runs(play):
    script = Script(ms={"fast": 1.0, "slow": 500.0})
    lanes, _, _ = play(script, ["fast", "slow"], Plan(runs=3, seconds=0.1))
    assert (len(lanes["fast"].samples_ms), len(lanes["slow"].samples_ms)) == (100, 3)
    near = Script(ms={"fast": 10.0, "slow": 30.0})
    lanes, _, _ = play(near, ["fast", "slow"], Plan(runs=3, seconds=0.1))
    assert (len(lanes["fast"].samples_ms), len(lanes["slow"].samples_ms)) == (10, 10)


def test_one_that_cannot_be_opened_leaves_the_others_alone(play):
    script = Script(b="open")
    lanes, rounds, _ = play(script, "abc")
    assert lanes["b"].reason == "cannot be opened"
    assert lanes["b"].log == "its log"
    assert lanes["b"].samples_ms == {}
    assert all(set(one.samples_ms) == {"a", "c"} for one in rounds[1:])
    assert lanes["a"].ended is not None
    assert lanes["b"].ended is None


def test_one_that_dies_in_between_leaves_the_others_alone(play):
    lanes, rounds, _ = play(Script(b=7), "abc")
    assert lanes["b"].reason == "killed by SIGKILL"
    assert len(lanes["b"].samples_ms) == 7
    assert Counter(name for one in rounds for name in one.samples_ms) == {"a": 20, "b": 7, "c": 20}


def test_all_failing_ends_it(play):
    lanes, rounds, _ = play(Script(a="open", b=0), "ab")
    assert all(lane.reason for lane in lanes.values())
    assert [one.samples_ms for one in rounds] == [{}, {}]


def test_a_later_sitting_goes_on_where_the_earlier_one_ended(play):
    earlier = [Round(matrix="m", number=0, samples_ms={})]
    earlier += [Round(matrix="m", number=n, samples_ms={"a": 5.0, "b": 6.0, "other": 1.0}) for n in range(12)]
    script = Script()
    lanes, rounds, sittings = play(script, "ab", earlier=earlier)
    assert sittings == 2
    assert [one.number for one in rounds] == [12, *range(12, 20)]
    assert list(lanes["a"].samples_ms.values()) == [5.0] * 12 + [1.0] * 8
    whole = Script()
    play(whole, "ab")
    resumed = [one for one in script.asked if one[0] == "time"]
    assert resumed == [one for one in whole.asked if one[0] == "time"][24:]


def test_nothing_is_left_behind_when_it_is_interrupted(play):
    script = Script()

    def interrupt(done, planned):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(script, "abc", progress=interrupt)
    assert sorted(script.killed) == list("abc")
