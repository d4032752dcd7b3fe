"""The demo app's contract, against a stand-in that is started as the app would be; and its documentation."""

from __future__ import annotations

import hashlib
import re
import stat
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.bench.device import app
from edgedepth.bench.device.app_contract import (
    AppAnswer,
    AppRequest,
    AppRuntime,
    AppTimes,
    Headroom,
    read_answer,
    request_of,
)
from edgedepth.bench.device.tools.base import Ask
from edgedepth.bench.schema import Memory, Minute, Phases, Plan, Reading
from edgedepth.errors import DeviceError, MissingDependencyError, UsageError

pytest_plugins = ["fake_device"]
SHA = "ab" * 32
NAME = "4f2a9c0d7e61b385"
DOCUMENT = Path(__file__).parents[2] / "docs" / "app-benchmark.md"
PLAN = Plan(runs=5, seconds=0.1, warmup_runs=3, warmup_seconds=0.5, max_seconds=600, sustained_minutes=2)
REQUEST = AppRequest(
    schema=1,
    token=NAME,
    model=f"{app.FILES}/models/{NAME}.tflite",
    accelerator="gpu",
    threads=None,
    strict=True,
    runs=5,
    seconds=0.1,
    warmup_runs=3,
    warmup_seconds=0.5,
    max_seconds=600.0,
    sustained_minutes=2.0,
)
ANSWER = AppAnswer(
    schema=1,
    token=NAME,
    app_version="1.0.0",
    model_sha256=SHA,
    runtime=AppRuntime(
        name="litert",
        version="2.3.0",
        accelerator="gpu",
        delegated=148,
        nodes=148,
        partitions=1,
        fully_accelerated=True,
    ),
    phases=Phases(init_ms=412.5, first_ms=31.25, warmup_ms=8.5, warmup_runs=61),
    times=AppTimes(samples_ms=[8.125, 8.0, 8.25, 8.0, 8.375], count=5, seconds=0.1),
    sustained=(
        Minute(minute=1, count=7200, median_ms=8.25, p90_ms=8.5, thermal_status=0, battery_c=31.5),
        Minute(minute=2, count=6900, median_ms=8.75, p90_ms=9.25, thermal_status=1, battery_c=33.0),
    ),
    memory=Memory(peak_mb=161.5, before_mb=92.25, method="Debug.MemoryInfo total PSS"),
    readings=(
        Reading(at_s=-1.0, thermal_status=0, battery_level=87, battery_c=30.5, plugged=False, screen_on=True),
        Reading(at_s=121.5, thermal_status=1, battery_level=85, battery_c=33.0, plugged=False, screen_on=True),
    ),
    headroom=(Headroom(at_s=-1.0, value=0.5), Headroom(at_s=121.5, value=0.875)),
)
FAILURE = AppAnswer(
    schema=1,
    token=NAME,
    app_version="1.0.0",
    failure="The GPU does not run the whole graph: GATHER_ND is not supported.",
)


def answered(**changes: Any) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(ANSWER, **changes))


def ask(accelerator: Any = "gpu", **more: Any) -> Ask:
    return Ask(accelerator=accelerator, threads=None, plan=PLAN, strict=True, **more)


def test_a_good_answer_is_a_result_with_raw_samples():
    got = read_answer(answered(), REQUEST, SHA)
    assert got.tool.failure is None
    assert got.tool.latency is not None
    assert got.tool.latency.samples_ms == [8.125, 8.0, 8.25, 8.0, 8.375]
    assert (got.tool.latency.median, got.tool.latency.seconds) == (8.125, 0.1)
    assert (got.tool.phases, got.tool.memory) == (ANSWER.phases, ANSWER.memory)
    assert (got.tool.delegated, got.tool.nodes, got.tool.fully_accelerated) == (148, 148, True)
    assert got.tool.version == "litert 2.3.0, app 1.0.0"
    assert got.sustained == ANSWER.sustained
    told = [reading for reading in got.readings if reading.headroom is not None]
    assert [(reading.at_s, reading.headroom) for reading in told] == [(-1.0, 0.5), (121.5, 0.875)]
    assert tuple(reading for reading in got.readings if reading.headroom is None) == ANSWER.readings
    assert [reading.at_s for reading in got.readings] == sorted(reading.at_s for reading in got.readings)


def test_a_newer_app_may_say_more():
    content = answered().replace(b'{"schema"', b'{"camera":"back","schema"')
    assert read_answer(content, REQUEST, SHA).tool.latency is not None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (answered()[:-40], "cannot be read"),
        (b"[" * 200_000, "cannot be read"),
        (answered().replace(b"8.125", b"NaN"), "cannot be read"),
        (answered().replace(b"8.125", b'"8.125"'), "cannot be read"),
        (answered(schema=2), "version 2"),
        (answered(token=NAME[::-1]), "another request"),
        (answered(model_sha256="cd" * 32), "another model"),
        (answered(times=None), "no times and no reason"),
        (msgspec.json.encode(FAILURE), "GATHER_ND is not supported"),
        (answered(times=AppTimes(samples_ms=[], count=0, seconds=1)), "0 runs"),
        (answered(times=AppTimes(samples_ms=[8.0], count=2, seconds=1)), "2 runs and 1 samples"),
        (answered(times=AppTimes(samples_ms=[8.0, 0.0], count=2, seconds=1)), "not a time"),
        (answered(times=AppTimes(samples_ms=[8.0, -1.0], count=2, seconds=1)), "not a time"),
        (answered(times=AppTimes(samples_ms=[800.0] * 5, count=5, seconds=1)), "took longer"),
        (answered(phases=Phases(init_ms=-1.0)), "phase"),
        (answered(runtime=AppRuntime(name="litert", version="2", accelerator="cpu")), "ran on cpu"),
        (
            answered(runtime=AppRuntime(name="litert", version="2", accelerator="gpu", delegated=9, nodes=8)),
            "contradict",
        ),
        (answered().replace(b'"warmup_runs":61', b'"warmup_runs":' + b"9" * 400), "phase"),
        (answered().replace(b'"nodes":148', b'"nodes":' + b"9" * 400), "nodes and partitions"),
        (answered().replace(b'"battery_level":87', b'"battery_level":870'), "out of range"),
        (answered(memory=Memory(peak_mb=0.0, before_mb=None, method="")), "memory"),
        (answered(sustained=ANSWER.sustained[1:]), "minutes are not"),
        (answered(sustained=(msgspec.structs.replace(ANSWER.sustained[0], p90_ms=1.0),)), "minute's times"),
    ],
)
def test_an_answer_that_does_not_fit_is_a_failure(content, says):
    got = read_answer(content, REQUEST, SHA)
    assert got.tool.latency is None
    assert says in (got.tool.failure or "")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_answer_never_raises(data):
    content = bytearray(answered())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=6))
        if not content:
            break
    got = read_answer(bytes(content), REQUEST, SHA)
    assert (got.tool.latency is None) != (got.tool.failure is None)


def test_what_the_app_cannot_do_is_refused():
    for asked in (ask("npu"), ask(options={"gpu_backend": "opengl"}), ask(profile=True)):
        with pytest.raises(UsageError):
            request_of(asked, "m", "t")


# ---- driven through the real client

STAND_IN = """#!{python} -S
import base64, hashlib, json, os, subprocess, sys, time
root, mode = {root!r}, open({root!r} + "/mode").read()
if mode == "not installed":
    print("Starting: Intent {{ cmp=io.edgedepth.demo/.BenchmarkActivity }}\\nError type 3")
    print("Error: Activity class {{io.edgedepth.demo/...}} does not exist.")
    sys.exit(0)
if mode == "locked":
    print("Error: java.lang.SecurityException: not now")
    sys.exit(255)
assert sys.argv[1:5] == ["start", "-S", "-n", "io.edgedepth.demo/.BenchmarkActivity"], sys.argv
assert sys.argv[5:7] == ["--es", "request"], sys.argv
request = json.loads(base64.urlsafe_b64decode(sys.argv[7]))
print("Starting: Intent")
sys.stdout.flush()
if os.fork() == 0:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if mode == "hangs" or mode == "crashes":
        open(root + "/alive", "w").close()
        time.sleep(0.5)
        if mode == "crashes":
            os.unlink(root + "/alive")
        os._exit(1)
    open(root + "/alive", "w").close()
    time.sleep(0.3)
    answer = json.load(open(root + "/answer"))
    answer["token"] = request["token"]
    answer["model_sha256"] = hashlib.sha256(open(root + request["model"], "rb").read()).hexdigest()
    folder = root + os.path.dirname(request["model"]).replace("/models", "/bench")
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/partial", "w") as file:
        json.dump(answer, file)
    os.rename(folder + "/partial", folder + "/" + request["token"] + ".json")
    os._exit(0)
"""


@pytest.fixture
def phone(fake_phone, monkeypatch):
    """A device with a stand-in for the activity manager; the app's folder lies where the fake device keeps files."""
    monkeypatch.setattr(app, "FILES", "/data/local/tmp/app/files")
    programs = {
        "am": STAND_IN.format(python=sys.executable, root=str(fake_phone.root)),
        "pidof": f"#!/bin/sh\ntest -e {fake_phone.root}/alive\n",
        "logcat": "#!/bin/sh\necho 'E AndroidRuntime: FATAL EXCEPTION: main'\n",
    }
    for name, text in programs.items():
        program = fake_phone.root / "bin" / name
        program.write_text(text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (fake_phone.root / "answer").write_bytes(answered())
    return fake_phone


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "net.tflite"
    file.write_bytes(bytes(range(256)) * 40)
    return file


def measure(fake_adb, phone, model, mode, **more):
    (phone.root / "mode").write_text(mode)
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    return app.run_app(fake_adb, model, sha256, ask(), poll_s=0.1, **more)


def left_over(phone):
    return [path for path in phone.path("/data/local/tmp").rglob("*") if path.is_file()]


def test_the_app_is_asked_answers_and_leaves_nothing(fake_adb, phone, model):
    got = measure(fake_adb, phone, model, "works")
    assert got.tool.failure is None
    assert got.tool.latency is not None
    assert got.tool.latency.count == 5
    assert left_over(phone) == []


def test_an_answer_of_an_earlier_request_is_not_taken(fake_adb, phone, model):
    phone.write("/data/local/tmp/app/files/bench/0123456789abcdef.json", "{}")
    assert measure(fake_adb, phone, model, "works").tool.latency is not None
    assert [path.name for path in left_over(phone)] == ["0123456789abcdef.json"]


def test_an_app_that_crashes_says_so_with_its_log(fake_adb, phone, model):
    got = measure(fake_adb, phone, model, "crashes")
    assert "ended without an answer" in (got.tool.failure or "")
    assert "FATAL EXCEPTION" in got.tool.log_tail
    assert left_over(phone) == []


def test_an_app_that_never_answers_is_waited_for_no_longer_than_that(fake_adb, phone, model, monkeypatch):
    got = measure(fake_adb, phone, model, "hangs", patience_s=1.0 - 600.0 - 0.5 - 120.0)
    assert "no answer within 1 s" in (got.tool.failure or "")
    assert left_over(phone) == []


def test_an_app_that_is_not_there_is_a_missing_tool(fake_adb, phone, model):
    with pytest.raises(MissingDependencyError, match="not installed"):
        measure(fake_adb, phone, model, "not installed")
    assert left_over(phone) == []


def test_an_app_that_may_not_start_is_said(fake_adb, phone, model):
    with pytest.raises(DeviceError, match="SecurityException"):
        measure(fake_adb, phone, model, "locked")


# ---- the document


def blocks() -> list[bytes]:
    return [found.encode() for found in re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)]


def test_the_documents_examples_are_exactly_what_is_sent_and_read():
    request, answer, failure = blocks()
    assert msgspec.json.decode(request, type=AppRequest) == REQUEST
    assert msgspec.json.decode(answer, type=AppAnswer) == ANSWER
    assert msgspec.json.decode(failure, type=AppAnswer) == FAILURE
    assert msgspec.json.decode(request) == msgspec.to_builtins(REQUEST)
    assert read_answer(answer, REQUEST, SHA).tool.latency is not None


@pytest.mark.parametrize("struct", [AppRequest, AppAnswer, AppRuntime, AppTimes, Headroom, Phases, Minute, Memory])
def test_the_document_names_every_field(struct):
    text = DOCUMENT.read_text()
    missing = [field.name for field in msgspec.structs.fields(struct) if f"`{field.name}`" not in text]
    assert missing == []


def test_the_document_shows_the_command():
    command = " ".join(app.start_command(REQUEST))
    assert command.rsplit(" ", 1)[0] in DOCUMENT.read_text()
    assert app.FILES in DOCUMENT.read_text()
