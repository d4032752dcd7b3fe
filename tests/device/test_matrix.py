"""The matrix itself, in this process, on a device with the real adbd."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from edgedepth.bench.device import programs
from edgedepth.bench.device.cooling import cool_down
from edgedepth.bench.device.matrix import Case, Matrix, Settings
from edgedepth.bench.device.programs import ShellProgram, Target, asks, share
from edgedepth.bench.device.session import MeasurementStoppedError, Session
from edgedepth.bench.device.tools import TOOLS
from edgedepth.bench.device.tools.binaries import Binary
from edgedepth.bench.journal import Journal
from edgedepth.bench.schema import SCHEMA_VERSION, Conditions, Device, Plan, Record, Subject
from edgedepth.bench.statistics import latency_of
from edgedepth.bench.validity import judged
from edgedepth.errors import DeviceError

PHONE = Device(place="phone", id="p", name="A phone")
PLAN = Plan(runs=20, seconds=0.1, warmup_runs=1, warmup_seconds=0.0)


@pytest.fixture
def program(stand_in):
    return ShellProgram(TOOLS["benchmark_model"], Binary(stand_in, hashlib.sha256(stand_in.read_bytes()).hexdigest()))


@pytest.fixture
def cases(tmp_path, program):
    def make(count=1, plan=PLAN, **changed):
        found = []
        for number in range(count):
            file = tmp_path / f"{number}.tflite"
            file.write_bytes(bytes([number]))
            subject = Subject(
                label=file.name, sha256=hashlib.sha256(bytes([number])).hexdigest(), bytes=1, format="tflite"
            )
            found += [Case(Target(file, subject), program, ask) for ask in asks(["cpu"], [1], plan, {}, **changed)]
        return found

    return make


@pytest.fixture
def session(adb):
    with Session(adb, "matrix") as opened:
        yield opened


def tell(phone, facts):
    (phone.state / "benchmark").write_text(facts)


def test_every_round_has_an_order_of_its_own_and_all_come_to_their_turn(session, cases, tmp_path):
    said = []
    with Journal(tmp_path / "r.jsonl") as journal:
        records = Matrix(PHONE, cases(4), Settings(rounds=3), journal, said.append).run(session)
    orders = [[line.split(",")[0] for line in said[i : i + 4]] for i in (0, 4, 8)]
    assert all(sorted(order) == sorted(orders[0]) for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    assert all(record.valid for record in records), [record.invalid_reasons for record in records]
    assert [len(record.latency.parts_ms) for record in records] == [3] * 4


def test_a_sustained_run_has_its_minutes(session, cases, tmp_path, phone, monkeypatch):
    monkeypatch.setattr(programs, "MINUTE_S", 0.2)
    plan = Plan(runs=5, seconds=0.0, warmup_runs=0, warmup_seconds=0.0, sustained_minutes=3)
    with Journal(tmp_path / "r.jsonl") as journal:
        (record,) = Matrix(PHONE, cases(plan=plan), Settings(rounds=1), journal).run(session)
    assert record.valid, record.invalid_reasons
    assert [minute.minute for minute in record.sustained] == [1, 2, 3]
    assert all(minute.median_ms == pytest.approx(2.0, rel=0.05) for minute in record.sustained)
    assert all(minute.count >= 90 for minute in record.sustained)
    assert record.sustained[0].thermal_status == 0
    assert record.sustained[0].battery_c == pytest.approx(28.5)


def test_the_plan_is_spread_over_the_rounds():
    plan = Plan(runs=200, seconds=10.0, sustained_minutes=5)
    shares = [share(plan, 3, number) for number in range(3)]
    assert sum(one.runs for one in shares) >= 200
    assert sum(one.seconds for one in shares) == pytest.approx(10.0)
    assert [one.sustained_minutes for one in shares] == [0, 0, 5]


def test_results_that_were_complete_but_invalid_are_measured_anew(session, cases, tmp_path, phone):
    path = tmp_path / "r.jsonl"
    phone.facts.thermal(status=1, skin=30.0)
    with Journal(path) as journal:
        (record,) = Matrix(PHONE, cases(), Settings(rounds=2, cooldown_s=0.0), journal).run(session)
        assert not record.valid
    phone.facts.thermal(status=0, skin=30.0)
    said = []
    with Journal(path) as journal:
        (record,) = Matrix(PHONE, cases(), Settings(rounds=2, cooldown_s=0.0), journal, said.append).run(session)
    assert record.valid, record.invalid_reasons
    assert len(said) == 2


def test_a_result_spares_only_what_it_answers(cases, tmp_path):
    (case,) = cases()
    latency = latency_of([1.0 + 0.001 * i for i in range(PLAN.runs)], 1.0)
    done = judged(
        Record(
            schema_version=SCHEMA_VERSION,
            edgedepth="0",
            matrix="earlier",
            started="2026-01-02T03:04:05Z",
            subject=case.target.subject,
            device=PHONE,
            runtime=case.runtime(),
            plan=PLAN,
            latency=latency,
        )
    )
    assert done.valid, done.invalid_reasons
    (longer,) = cases(plan=msgspec.structs.replace(PLAN, runs=PLAN.runs + 1))
    (sustained,) = cases(plan=msgspec.structs.replace(PLAN, sustained_minutes=1))
    with Journal(tmp_path / "r.jsonl") as journal:
        journal.append(done)

        def left(one, **settings):
            return Matrix(PHONE, [one], Settings(**settings), journal).left

        assert left(case) == 0
        assert left(longer) == 1
        assert left(sustained) == 1
        assert left(case, fixed_performance=True) == 1
        journal.append(msgspec.structs.replace(done, conditions=Conditions(fixed_performance=True)))
        assert left(case) == left(case, fixed_performance=True) == 0


def test_an_allowed_warmth_is_no_throttling(session, cases, tmp_path, phone):
    phone.facts.thermal(status=1, skin=30.0)
    settings = Settings(rounds=1, cooldown_s=0.0, max_thermal=1)
    with Journal(tmp_path / "r.jsonl") as journal:
        (record,) = Matrix(PHONE, cases(), settings, journal).run(session)
    assert record.valid, record.invalid_reasons


def test_a_device_that_stays_warm_is_given_up_on(session, phone):
    phone.facts.thermal(status=0, skin=30.0)
    assert cool_down(session, 28.0, None).cool is True
    phone.facts.thermal(status=0, skin=40.0)
    rest = cool_down(session, 28.0, None, longest_s=0.3)
    assert (rest.cool, rest.degrees) == (False, 40.0)
    assert rest.seconds >= 0.3


def test_a_restart_is_noticed(session, phone):
    session.look()
    phone.facts.boot_id("00000000-0000-4000-8000-00000000ffff")
    with pytest.raises(DeviceError, match="restarted"):
        session.look()


def test_a_program_that_does_not_end_is_ended_on_the_device_too(session, phone, adb):
    with pytest.raises(DeviceError, match="did not end in time"):
        session.run(["sleep", "600"], "", [], limit_s=0.5)
    assert "sleep 600" not in adb.shell("ps -A -o ARGS 2>/dev/null || ps").stdout


def test_stopping_ends_a_program_at_once(adb, phone):
    asked = iter([False] * 3)
    with Session(adb, "stopping", stopped=lambda: next(asked, True)) as session, pytest.raises(MeasurementStoppedError):
        session.run(["sleep", "600"], "", [], limit_s=60)
    assert not adb.exists("/data/local/tmp/edgedepth/stopping")


def test_files_of_one_name_do_not_meet_and_results_come_back(session, tmp_path, adb):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "lib.so").write_text(name)
    paths = [session.put(tmp_path / name / "lib.so") for name in "aba"]
    assert paths[0] == paths[2] != paths[1]
    assert [adb.shell(["cat", path]).stdout for path in paths[:2]] == ["a", "b"]
    result = f"{session.folder}/out.json"
    done = session.run(["sh", "-c", f"echo 5 > {result}"], "", [result, f"{session.folder}/absent"], limit_s=30)
    assert done.files == {result: b"5\n"}
    assert [reading.at_s < 0 for reading in done.readings] == [True, False]


def test_keep_leaves_the_folder_and_says_so(adb, phone):
    with Session(adb, "kept", keep=True) as session:
        pass
    assert session.left_behind == "/data/local/tmp/edgedepth/kept"
    assert adb.exists(session.left_behind)
