"""What goes wrong with phones, behind the real client: every fault is an error that says so, never a short answer."""

from __future__ import annotations

import time

import pytest
from fake_adbd import until_dead

from edgedepth.bench.device import adb as room
from edgedepth.bench.device.conditions import look
from edgedepth.bench.device.discovery import devices
from edgedepth.bench.device.facts import device_of
from edgedepth.bench.device.overview import overview
from edgedepth.errors import DeviceError

pytest_plugins = ["fake_device"]
TMP = "/data/local/tmp"


def _state(server, serial, wanted, seconds=5.0):
    """Wait until adb lists the device in that state."""
    until = time.monotonic() + seconds
    state = None
    while time.monotonic() < until:
        state = {found.serial: found.state for found in devices(server)}.get(serial)
        if state == wanted:
            return True
        time.sleep(0.05)
    raise AssertionError(f"{serial} is {state}, not {wanted}")


def test_a_device_that_vanishes_is_told_from_one_that_answered(fake_adb, fake_phone, fake_server):
    fake_phone.vanish_after = 4000
    answer = fake_adb.client("shell", "yes | head -c 100000")
    assert answer.code == 0  # what makes the end mark needed
    assert len(answer.stdout) < 100_000
    _state(fake_server, fake_phone.serial, "device")
    with pytest.raises(DeviceError, match="went away in the middle") as caught:
        fake_adb.shell("yes | head -c 100000")
    assert caught.value.exit_code == 6
    assert fake_phone.serial in caught.value.evidence
    assert fake_phone.serial not in caught.value.cause


def test_vanishing_before_the_first_byte_is_told_too(fake_adb, fake_phone):
    fake_phone.vanish_after = 0
    with pytest.raises(DeviceError, match=r"went away|does not take commands|is not there|not ready"):
        fake_adb.shell("echo x")


def test_it_may_come_back_and_the_next_command_runs(fake_adb, fake_phone, fake_server):
    fake_phone.vanish_after = 100
    with pytest.raises(DeviceError):
        fake_adb.shell("yes | head -c 1000")
    fake_phone.vanish_after = None
    _state(fake_server, fake_phone.serial, "device")
    assert fake_adb.shell("echo back").stdout == "back\n"


def test_truncated_output_is_no_answer(fake_adb, fake_phone):
    fake_phone.truncate_after = 1000
    with pytest.raises(DeviceError, match="went away in the middle"):
        fake_adb.shell("yes | head -c 100000; exit 3")


@pytest.mark.parametrize("kept", [20, 33, 36, 41, 60, 73])
def test_a_cut_anywhere_in_the_marks_is_no_answer(fake_adb, fake_phone, kept):
    fake_phone.truncate_after = kept
    with pytest.raises(DeviceError):
        fake_adb.shell("echo 123456")


def test_a_hanging_device_meets_our_own_clock(fake_adb, fake_phone, monkeypatch):
    monkeypatch.setattr(room, "_PATIENCE", 0.3)
    fake_phone.hang = True
    begun = time.monotonic()
    with pytest.raises(DeviceError, match="did not answer in time"):
        fake_adb.shell("true", timeout=0.5)
    assert time.monotonic() - begun < 5


def test_an_old_shell_gives_exit_codes_and_plain_line_ends(fake_server, make_fake):
    device = make_fake()
    device.shell_v2 = False
    fake_server.client("connect", device.serial)
    adb = fake_server.on(device.serial)
    assert "shell_v2" not in adb.features()
    assert adb.client("shell", "exit 7").code == 0  # what makes the end mark needed
    answer = adb.shell("echo one; echo two >&2; exit 7")
    assert (sorted(answer.stdout.splitlines()), answer.stderr, answer.code) == (["one", "two"], "", 7)
    assert "\r" not in answer.stdout
    with adb.start("echo a; echo b") as running:
        assert list(running.lines(5)) == ["a", "b"]
    assert adb.sections({"x": "echo 1", "y": "echo 2"}) == {"x": "1\n", "y": "2\n"}


def test_a_full_disk_is_named_and_nothing_is_left(fake_adb, fake_phone, tmp_path):
    (tmp_path / "model").write_bytes(b"x" * 300_000)
    fake_phone.write(f"{TMP}/model", "half")
    fake_phone.disk_full = True
    with pytest.raises(DeviceError, match="could not be copied to the device") as caught:
        fake_adb.push(tmp_path / "model", f"{TMP}/model")
    assert "No space left" in caught.value.evidence
    assert "room" in caught.value.remedy
    assert not fake_phone.path(f"{TMP}/model").exists()


def test_a_damaged_push_is_seen_and_removed(fake_adb, fake_phone, tmp_path):
    (tmp_path / "model").write_bytes(b"x" * 300_000)
    fake_phone.corrupt = True
    with pytest.raises(DeviceError, match="arrived damaged"):
        fake_adb.push(tmp_path / "model", f"{TMP}/model")
    assert not fake_phone.path(f"{TMP}/model").exists()


def test_a_push_to_where_none_may_write_says_where_to(fake_adb, fake_phone, tmp_path):
    (tmp_path / "model").write_bytes(b"x")
    with pytest.raises(DeviceError, match="could not be copied") as caught:
        fake_adb.push(tmp_path / "model", "/data/none/there/model")
    assert "No such file" in caught.value.evidence


def test_without_sha256sum_the_user_hears_what_is_missing(fake_adb, fake_phone, tmp_path):
    for name in ("sha256sum", "toybox"):
        fake_phone.write(f"/bin/{name}", "#!/bin/sh\necho 'not found' >&2\nexit 127\n")
        fake_phone.path(f"/bin/{name}").chmod(0o755)
    (tmp_path / "model").write_bytes(b"x")
    with pytest.raises(DeviceError, match="cannot say whether files arrived whole") as caught:
        fake_adb.push(tmp_path / "model", f"{TMP}/model")
    assert "sha256sum" in caught.value.evidence
    assert not fake_phone.path(f"{TMP}/model").exists()


def test_another_device_behind_the_same_address_is_told(fake_adb, fake_phone, fake_server):
    fake_phone.properties(ro__serialno="A1", ro__build__fingerprint="maker/one:15")
    before, what = look(fake_adb, 0.0), device_of(fake_adb)
    assert before.device == what.id
    fake_phone.properties(ro__serialno="A1", ro__build__fingerprint="maker/two:15")
    fake_phone.drop()
    _state(fake_server, fake_phone.serial, "device")
    after = look(fake_adb, 1.0)
    assert after.device != before.device
    assert after.device == device_of(fake_adb).id


def test_a_restart_is_told_by_the_boot_id(fake_adb, fake_phone):
    fake_phone.write("/proc/sys/kernel/random/boot_id", "1111-2222\n")
    before = look(fake_adb, 0.0)
    fake_phone.write("/proc/sys/kernel/random/boot_id", "3333-4444\n")
    assert (before.boot, look(fake_adb, 1.0).boot) == ("1111-2222", "3333-4444")
    fake_phone.path("/proc/sys/kernel/random/boot_id").unlink()
    assert look(fake_adb, 2.0).boot == ""


def test_lines_of_64_kb_come_whole(fake_adb):
    with fake_adb.start("for i in 1 2 3; do head -c 65536 /dev/zero | tr '\\0' $i; echo; done") as running:
        assert list(running.lines(10)) == [str(i) * 65536 for i in (1, 2, 3)]
        assert running.answer().stdout == "".join(str(i) * 65536 + "\n" for i in (1, 2, 3))


def test_endless_output_is_bounded_and_said_to_be(fake_adb):
    answer = fake_adb.shell("echo first; yes 0123456 | head -c 20000000; echo last; exit 4", timeout=60)
    assert answer.code == 4
    assert answer.stdout.startswith("first\n0123456\n")
    assert answer.stdout.endswith("0123456\nlast\n")
    assert len(answer.stdout) < 9 << 20
    assert answer.left_out > 10_000_000
    assert f"[{answer.left_out} bytes left out]" in answer.stdout


def test_one_endless_line_does_not_fill_the_memory(fake_adb):
    with fake_adb.start("head -c 12000000 /dev/zero | tr '\\0' x") as running:
        assert running.wait(60)
        assert sum(map(len, running.lines(1))) <= 4 << 20
        assert running.answer().code == 0


def test_every_state_is_reported_with_its_remedy(fake_server, make_fake):
    unauthorized, recovery, sideload, gone = (make_fake() for _ in range(4))
    unauthorized.unauthorized = True
    recovery.banner, sideload.banner = "recovery", "sideload"
    for device in (unauthorized, recovery, sideload, gone):
        fake_server.client("connect", device.serial)
    gone.unplug()
    _state(fake_server, gone.serial, "offline")
    _state(fake_server, unauthorized.serial, "unauthorized")
    _state(fake_server, recovery.serial, "recovery")
    _state(fake_server, sideload.serial, "sideload")
    rows = {row.serial: row for row in overview(fake_server)}
    assert "allow USB debugging" in rows[unauthorized.serial].remedy
    assert "offline" in rows[gone.serial].remedy
    assert f"adb -s {recovery.serial} reboot" in rows[recovery.serial].remedy
    assert not any(row.ready for row in rows.values())
    for device, said in ((unauthorized, "unauthorized"), (gone, "offline")):
        with pytest.raises(DeviceError, match="not ready") as caught:
            fake_server.on(device.serial).shell("true")
        assert said in caught.value.cause
        assert caught.value.remedy == rows[device.serial].remedy
    with pytest.raises(DeviceError, match="is not there"):
        fake_server.on("127.0.0.1:1").shell("true")


def test_a_listed_device_that_says_nothing_does_not_hold_up_the_others(fake_server, fake_phone, make_fake, monkeypatch):
    monkeypatch.setattr(room, "_PATIENCE", 0.3)
    silent = make_fake()
    fake_server.client("connect", silent.serial)
    silent.hang = True
    fake_phone.properties(ro__product__model="Fine", ro__build__version__release="15", ro__build__version__sdk="35")
    begun = time.monotonic()
    rows = {row.serial: row for row in overview(fake_server, timeout=1.0)}
    assert time.monotonic() - begun < 8
    assert rows[fake_phone.serial].ready
    assert rows[fake_phone.serial].device.name == "Fine"
    assert (rows[silent.serial].state, rows[silent.serial].ready) == ("silent", False)
    assert "did not answer in time" in rows[silent.serial].remedy


def test_a_client_that_starts_another_is_ended_with_it(tmp_path, monkeypatch):
    """As a wrapper does that enters another network first."""
    monkeypatch.setattr(room, "_PATIENCE", 0.3)
    wrapper = tmp_path / "adb"
    wrapper.write_text("#!/bin/sh\nsleep 8621 &\nsleep 8621\n")
    wrapper.chmod(0o755)
    adb = room.Adb("A", wrapper)
    for work in (lambda: adb.client("devices", timeout=0.3), lambda: adb.shell("true", timeout=0.3)):
        with pytest.raises(DeviceError, match="did not answer in time"):
            work()
    assert until_dead("8621")
