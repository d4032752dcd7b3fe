"""What a kill or a full disk leaves behind, with real processes and real limits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from edgedepth.errors import OutputError
from edgedepth.training.recipe_file import read_recipe
from edgedepth.training.trainer import LOG, STATE, WEIGHTS, Trainer

resource = pytest.importorskip("resource")

STEPS = 8
RECIPE = f"""
model = "flex-nano"
seed = 1
report_every = 1
save_every = 2
monitor_every = 100

[[sources]]
folder = "drive"
stereo = true

[[stages]]
objective = "photometric"
steps = {STEPS}
height = 64
width = 192
batch = 2

[optimisation]
warmup = 2
"""
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


def command(recipe, data, output, *options):
    script = "from edgedepth.cli import main; main()"
    return [sys.executable, "-c", script, "train", str(recipe), "--data", str(data), "-o", str(output), *options]


def losses_of(folder):
    lines = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if "loss" in line}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.usefixtures("one_thread")
def test_after_a_kill_the_losses_are_those_of_a_run_that_was_left_alone(recipe, drive, tmp_path):
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        command(recipe, drive, killed), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 120
        while not (killed / LOG).is_file() or len((killed / LOG).read_text().splitlines()) < 5:
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    reached = len(losses_of(killed))
    assert reached < STEPS
    subprocess.run(command(recipe, drive, killed, "--resume"), env=ENVIRONMENT, check=True, capture_output=True)

    alone = Trainer(read_recipe(recipe), drive, tmp_path / "alone")
    alone.run()
    assert losses_of(killed) == losses_of(tmp_path / "alone")
    assert (killed / WEIGHTS).read_bytes() == (tmp_path / "alone" / WEIGHTS).read_bytes()


@pytest.fixture
def smallest_files():
    """``smallest_files(bytes)``: from then on no file of this process can grow beyond that, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("one_thread")
def test_a_full_disk_in_the_middle_of_a_state_loses_nothing(recipe, drive, tmp_path, smallest_files):
    settings, folder = read_recipe(recipe), tmp_path / "run"
    Trainer(settings, drive, folder).run(until=2)
    state, weights = (folder / STATE).read_bytes(), (folder / WEIGHTS).read_bytes()

    trainer = Trainer(settings, drive, folder)
    trainer.resume()
    smallest_files(len(state) // 2)
    with pytest.raises(OutputError, match=r"state\.pt could not be written[\s\S]*--resume"):
        trainer.run(until=4)
    smallest_files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])

    assert (folder / STATE).read_bytes() == state
    assert (folder / WEIGHTS).read_bytes() == weights
    assert not list(folder.glob("*.partial"))
    again = Trainer(settings, drive, folder)
    again.resume()
    assert again.step == 2
    again.run(until=4)
    assert sorted(losses_of(folder)) == [1, 2, 3, 4]


@pytest.mark.usefixtures("one_thread")
def test_a_log_that_cannot_grow_is_an_error_too(recipe, drive, tmp_path, smallest_files):
    trainer = Trainer(read_recipe(recipe), drive, tmp_path / "run")
    smallest_files(10)
    with pytest.raises(OutputError, match=r"log\.jsonl could not be written"):
        trainer.run(until=1)
