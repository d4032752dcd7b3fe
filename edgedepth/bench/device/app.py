"""The demo app as a benchmark: a request by intent, an answer as a file (`app_contract`).

An app in the foreground is scheduled as users get it; a program started from a shell is not. The app also keeps every
single run's time, which LiteRT's programs do not.
"""

from __future__ import annotations

import base64
import secrets
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.app_contract import AppRequest, AppResult, read_answer, request_of
from edgedepth.bench.device.tools.base import Ask, ToolResult
from edgedepth.bench.device.tools.text import shortened
from edgedepth.errors import DeviceError, MissingDependencyError

PACKAGE = "io.edgedepth.demo"
ACTIVITY = f"{PACKAGE}/.BenchmarkActivity"
FILES = f"/sdcard/Android/data/{PACKAGE}/files"
"""The app's own external folder: a shell and the app may both write there."""

PATIENCE_S = 60.0
"""Beyond what was asked for: starting, reading the model, compiling it for a GPU, writing the answer."""
POLL_S = 1.0


def start_command(request: AppRequest) -> list[str]:
    """The words that start the app with a request; a running one is stopped first."""
    packed = base64.urlsafe_b64encode(msgspec.json.encode(request)).decode()
    return ["am", "start", "-S", "-n", ACTIVITY, "--es", "request", packed]


def answer_path(token: str) -> str:
    """Where the app puts the answer, whole or not at all."""
    return f"{FILES}/bench/{token}.json"


def run_app(
    adb: Adb, model: Path, model_sha256: str, ask: Ask, *, patience_s: float = PATIENCE_S, poll_s: float = POLL_S
) -> AppResult:
    """Push a model, let the app measure it, fetch the answer, clean up.

    Raises:
        UsageError: what the app cannot do.
        MissingDependencyError: the app is not installed.
        DeviceError: the device went away, or takes no files.
    """
    token = secrets.token_hex(8)
    remote = f"{FILES}/models/{token}{model.suffix}"
    request = request_of(ask, remote, token)
    try:
        adb.make_folder(f"{FILES}/models")
        adb.push(model, remote)
        _start(adb, request)
        failure = _wait(adb, request, patience_s, poll_s)
        if failure is not None:
            return AppResult(ToolResult(failure=failure, log_tail=_crash_log(adb)))
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "answer.json"
            adb.pull(answer_path(token), local)
            return read_answer(local.read_bytes(), request, model_sha256)
    finally:
        with suppress(DeviceError):  # of a device that is gone nothing can be removed
            adb.shell(["am", "force-stop", PACKAGE])
            adb.remove(remote)
            adb.remove(answer_path(token))


def _start(adb: Adb, request: AppRequest) -> None:
    answer = adb.shell(start_command(request))
    said = f"{answer.stdout}\n{answer.stderr}"
    if "does not exist" in said or "Unable to resolve" in said:
        raise MissingDependencyError(
            "The demo app is not installed on the device.",
            f"There is no {ACTIVITY}.",
            "Build and install it: docs/app-benchmark.md",
        )
    if answer.code or "Error" in said:
        line = next((line for line in said.splitlines() if "Error" in line), said)
        raise DeviceError(
            "The demo app could not be started.", shortened(line), "Unlock the phone and leave its screen on."
        )


def _wait(adb: Adb, request: AppRequest, patience_s: float, poll_s: float) -> str | None:
    """Until the answer is there: None; or why it will not come."""
    asked_s = request.max_seconds + request.warmup_seconds + 60 * request.sustained_minutes
    until = time.monotonic() + asked_s + patience_s
    alive = False
    while not adb.exists(answer_path(request.token)):
        running = adb.shell(["pidof", PACKAGE]).code == 0
        if alive and not running and not adb.exists(answer_path(request.token)):
            return "the app ended without an answer"
        alive = alive or running
        if time.monotonic() > until:
            return f"the app gave no answer within {asked_s + patience_s:.0f} s"
        time.sleep(poll_s)
    return None


def _crash_log(adb: Adb) -> str:
    answer = adb.shell(["logcat", "-b", "crash", "-d", "-t", "40"])
    return "\n".join(shortened(line, 300) for line in answer.stdout.splitlines()[-20:] if line.strip())
