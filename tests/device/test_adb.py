"""The client on a device that behaves: commands, lines as they come, files."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest
from fake_adbd import alive, until_dead

from edgedepth.bench.device.adb import Adb
from edgedepth.errors import DeviceError, MissingDependencyError

pytest_plugins = ["fake_device"]
TMP = "/data/local/tmp"


@pytest.mark.parametrize("code", [0, 1, 7, 126, 255])
def test_exit_code_and_both_streams_come_back(fake_adb, code):
    answer = fake_adb.shell(f"echo out; echo err >&2; exit {code}")
    assert (answer.stdout, answer.stderr, answer.code, answer.left_out) == ("out\n", "err\n", code, 0)


def test_a_signal_is_128_and_its_number(fake_adb):
    assert fake_adb.shell("kill -9 $$").code == 137


def test_output_is_kept_to_the_byte(fake_adb):
    assert fake_adb.shell("printf 'no end'").stdout == "no end"
    assert fake_adb.shell("printf '\\n\\n'").stdout == "\n\n"
    assert fake_adb.shell("true").stdout == ""


@pytest.mark.parametrize(
    "word",
    ["a b", "it's", '"', "$HOME", "`date`", "a;b", "&", "*", "\\", "~", "-n", "", "äß日", "a\nb", "(", "#", "!"],
)
def test_words_arrive_as_they_are(fake_adb, word):
    assert fake_adb.shell(["printf", "%s|", word, "end"]).stdout == f"{word}|end|"


def test_a_syntax_error_is_an_exit_code_and_no_lost_device(fake_adb):
    answer = fake_adb.shell("if then (")
    assert answer.code == 2
    assert "yntax error" in answer.stderr


def test_exec_and_standard_input_do_no_harm(fake_adb):
    assert fake_adb.shell("exec echo replaced").stdout == "replaced\n"
    assert fake_adb.shell("cat; echo over", timeout=5).stdout == "over\n"


def test_lines_come_while_the_command_is_at_work(fake_adb):
    with fake_adb.start("echo first; echo; sleep 0.6; echo second >&2; printf last") as running:
        begun = time.monotonic()
        assert list(running.lines(0.3)) == ["first"]  # the empty line might still be the end mark's
        assert time.monotonic() - begun < 0.55
        assert not running.ended
        assert fake_adb.shell("echo meanwhile").stdout == "meanwhile\n"
        with pytest.raises(RuntimeError):
            running.answer()
        assert sorted(running.lines(5)) == ["", "last", "second"]
        assert running.ended
        answer = running.answer()
    assert (answer.stdout, answer.stderr, answer.code) == ("first\n\nlast", "second\n", 0)


def test_leaving_the_block_ends_everything_on_the_device(fake_adb):
    command = "sleep 8611 & setsid sleep 8611 & echo started; sleep 8611; echo never"
    with fake_adb.start(command) as running:
        assert list(running.lines(1.0)) == ["started"]
        assert len(alive("8611")) == 3
    assert until_dead("8611")
    assert running.ended


def test_an_exception_in_the_block_ends_it_too(fake_adb):
    def interrupted():
        with fake_adb.start("sleep 8612") as running:
            while not alive("8612"):
                assert not running.wait(0.02)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert until_dead("8612")


def test_too_slow_is_an_error_and_ends_it(fake_adb):
    with pytest.raises(DeviceError, match="did not answer in time") as caught:
        fake_adb.shell("sleep 8613", timeout=0.4)
    assert "sleep 8613 took more than 0.4 s" in caught.value.evidence
    assert until_dead("8613")


def test_sections_are_told_apart_and_failures_stay_empty(fake_adb):
    got = fake_adb.sections(
        {
            "one": "echo 1; echo 11",
            "none": "true",
            "bad": "no-such-program",
            "open": "printf end",
            "blank": "echo; echo x",
        }
    )
    assert got == {"one": "1\n11\n", "none": "", "bad": "", "open": "end", "blank": "\nx\n"}
    assert list(got) == ["one", "none", "bad", "open", "blank"]


def test_push_and_pull_keep_every_byte(fake_adb, fake_phone, tmp_path):
    content = bytes(range(256)) * 9001
    local = tmp_path / "a file'with signs"
    local.write_bytes(content)
    remote = f"{TMP}/run 1/a file'with signs"
    fake_adb.make_folder(f"{TMP}/run 1")
    assert fake_adb.push(local, remote) == hashlib.sha256(content).hexdigest()
    assert fake_phone.path(remote).read_bytes() == content
    assert fake_adb.exists(remote)
    back = tmp_path / "back"
    fake_adb.pull(remote, back)
    assert back.read_bytes() == content
    assert sorted(tmp_path.glob(".pull-*")) == []
    fake_adb.remove(f"{TMP}/run 1")
    assert not fake_adb.exists(f"{TMP}/run 1")
    fake_adb.remove(f"{TMP}/run 1")


def test_an_empty_file_travels_too(fake_adb, tmp_path):
    (tmp_path / "empty").touch()
    assert fake_adb.push(tmp_path / "empty", f"{TMP}/empty") == hashlib.sha256().hexdigest()


def test_pulling_what_is_not_there_leaves_the_old_file(fake_adb, tmp_path):
    (tmp_path / "old").write_text("old")
    with pytest.raises(DeviceError, match="not on the device"):
        fake_adb.pull(f"{TMP}/none", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "old"


@pytest.mark.parametrize(
    "path", ["/", "/data", "/data/local", "data/local/tmp/x", "/data/local/tmp/../../x", "/sdcard/x"]
)
def test_only_folders_of_ours_are_removed(path):
    with pytest.raises(ValueError, match="not removed"):
        Adb("none", Path("/no/adb")).remove(path)


def test_features_tell_the_protocols(fake_adb):
    assert {"shell_v2", "cmd"} <= fake_adb.features()


def test_no_client_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingDependencyError) as caught:
        Adb().client("devices")
    assert caught.value.exit_code == 5
    assert "apt-get install adb" in caught.value.remedy
    with pytest.raises(MissingDependencyError):
        Adb(tool=Path("/no/adb")).shell("true")
