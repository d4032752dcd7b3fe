"""What a killed measurement leaves, and two that want the same file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from made_records import record

from edgedepth.bench.journal import Journal, Round, read_records
from edgedepth.errors import InputError, OutputError, UsageError


def test_what_was_appended_is_read_again_in_order(tmp_path):
    path = tmp_path / "deep" / "results.jsonl"
    one, two = record(label="one"), record(label="two")
    with Journal(path) as journal:
        journal.append(Round(matrix="m", number=0, samples_ms={one.key: 1.5}))
        journal.append(one)
        journal.append(two)
        assert [r.subject.label for r in journal.records] == ["one", "two"]
    assert read_records([path]) == [one, two]
    with Journal(path) as journal:
        assert journal.records == [one, two]
        assert journal.rounds("m") == [Round(matrix="m", number=0, samples_ms={one.key: 1.5})]
        assert journal.rounds("another") == []


def test_the_last_record_of_a_configuration_counts(tmp_path):
    path = tmp_path / "r.jsonl"
    first, again = record(invalid_reasons=("too hot",)), record()
    with Journal(path) as journal:
        journal.append(first)
        journal.append(again)
    assert read_records([path]) == [again]


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_cut_last_line_is_dropped_and_the_next_one_stands_alone(tmp_path, kept):
    path = tmp_path / "r.jsonl"
    with Journal(path) as journal:
        journal.append(record(label="whole"))
    line = msgspec.json.encode(record(label="cut"))
    with path.open("ab") as file:
        file.write(line[:kept])
    assert [r.subject.label for r in read_records([path])] == ["whole"]
    with Journal(path) as journal:
        journal.append(record(label="after"))
    assert [r.subject.label for r in read_records([path])] == ["whole", "after"]


def test_a_second_measurement_is_refused_until_the_first_ends(tmp_path):
    path = tmp_path / "r.jsonl"
    program = f"""
import sys
from pathlib import Path
from edgedepth.bench.journal import Journal
with Journal(Path({str(path)!r})):
    print("open", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(UsageError, match="Another measurement"), Journal(path):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with Journal(path) as journal:
        journal.append(record())


def test_a_process_killed_while_appending_loses_no_finished_line(tmp_path):
    path = tmp_path / "r.jsonl"
    program = f"""
from itertools import count
from pathlib import Path
from edgedepth.bench.journal import Journal, Round
with Journal(Path({str(path)!r})) as journal:
    for number in count():
        journal.append(Round(matrix="m", number=number, samples_ms={{"k" * 5000: 1.0}}))
        print(number, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as writer:
        said = [int(writer.stdout.readline()) for _ in range(50)]
        time.sleep(0.01)
        writer.kill()
    with Journal(path) as journal:
        numbers = [entry.number for entry in journal.rounds("m")]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= said[-1] + 1


@pytest.mark.parametrize("content", [b"\xff\xfe\n", b"{}\n", b'{"type":"record"}\n', b"not json", b"[1]\n{}\n"])
def test_another_kind_of_file_is_named_as_such(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a result file"):
        read_records([path])
    with pytest.raises(InputError, match="not a result file"), Journal(path):
        pass
    assert path.read_bytes() == content


def test_a_newer_schema_and_a_missing_file(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(record(), schema_version=99)) + b"\n")
    with pytest.raises(InputError, match="newer"):
        read_records([path])
    with pytest.raises(InputError, match="no results"):
        read_records([tmp_path / "absent.jsonl"])


def test_a_fresh_journal_forgets(tmp_path):
    path = tmp_path / "r.jsonl"
    with Journal(path) as journal:
        journal.append(record(label="old"))
    with Journal(path, fresh=True) as journal:
        assert journal.records == []
        journal.append(record(label="new"))
    assert [r.subject.label for r in read_records([path])] == ["new"]


def test_fields_of_the_future_are_ignored(tmp_path):
    path = tmp_path / "r.jsonl"
    raw = msgspec.to_builtins(record())
    raw["colour"] = "red"
    raw["subject"]["smell"] = 3
    path.write_bytes(msgspec.json.encode(raw) + b"\n")
    assert read_records([path]) == [record()]


def fill(journal):
    for number in range(200):
        journal.append(Round(matrix="m", number=number, samples_ms={"k" * 1000: 1.0}))


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting a small disk needs root on Linux")
def test_a_full_disk_keeps_what_was_written(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with Journal(disk / "r.jsonl") as journal:
            journal.append(record(label="kept"))
            with pytest.raises(OutputError, match="could not be written"):
                fill(journal)
        assert [r.subject.label for r in read_records([disk / "r.jsonl"])] == ["kept"]
        with Journal(disk / "r.jsonl") as journal:
            assert [entry.number for entry in journal.rounds("m")] == list(range(len(journal.rounds("m"))))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
