"""Files appear whole or not at all."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from edgedepth.errors import OutputError, UsageError
from edgedepth.runtime.npy_stream import npy_stream
from edgedepth.runtime.writing import (
    npy_bytes,
    png_bytes,
    require_other,
    require_writable,
    whole_file,
    write_whole,
)


def test_a_file_appears_with_its_folders(tmp_path):
    target = tmp_path / "new" / "folder" / "a.bin"
    write_whole(target, b"abc")
    assert target.read_bytes() == b"abc"
    assert [p.name for p in target.parent.iterdir()] == ["a.bin"]


def test_nothing_is_there_before_the_block_ends(tmp_path):
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with whole_file(target) as passing:
        passing.write_bytes(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_interrupted_block_leaves_all_as_it_was(tmp_path, error):
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def write_half():
        with whole_file(target) as passing:
            passing.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_name_of_the_longest_length_can_be_written(tmp_path):
    target = tmp_path / ("n" * 251 + ".png")
    write_whole(target, b"x")
    assert target.exists()


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "a.png"
    with pytest.raises(OutputError, match="is not a folder"):
        require_writable(target)
    with pytest.raises(OutputError, match="could not be written"):
        write_whole(target, b"x")


def test_a_folder_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # a super-user may write anywhere
    with pytest.raises(OutputError, match="No permission"):
        require_writable(tmp_path / "a.png")


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from edgedepth.errors import OutputError
from edgedepth.runtime.npy_stream import npy_stream
from edgedepth.runtime.video import pick_encoder, video_writer
from edgedepth.runtime.writing import write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
target = Path(sys.argv[1])
try:
    if target.suffix == ".npy":
        with npy_stream(target) as stream:
            for _ in range(100):
                stream.append(np.zeros((20, 20), np.float32))
    elif target.suffix == ".mp4":
        rng = np.random.default_rng(0)
        with video_writer(target, pick_encoder(), 10, (240, 320)) as writer:
            for _ in range(60):
                writer.write(rng.integers(0, 255, (240, 320, 3), dtype=np.uint8))
    else:
        write_whole(target, bytes(50000))
except OutputError as error:
    print(error.evidence)
"""


@pytest.mark.parametrize("name", ["a.bin", "a.npy", "a.mp4"])
def test_a_disk_that_takes_no_more(tmp_path, name):
    """A real limit on file size stands for a full disk: both arrive as an OSError while writing."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / name)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "File too large"
    assert not list(tmp_path.iterdir())


def test_the_source_is_never_the_target(tmp_path):
    source = tmp_path / "a.png"
    source.touch()
    (tmp_path / "link.png").symlink_to(source)
    for target in (source, tmp_path / "link.png", tmp_path / "." / "a.png"):
        with pytest.raises(UsageError, match="is the source itself"):
            require_other(target, source)
    require_other(tmp_path / "b.png", source)


def test_png_and_npy_bytes_hold_what_was_given(picture):
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(picture)))), picture)
    values = np.random.default_rng(0).random((3, 4), dtype=np.float32)
    np.testing.assert_array_equal(np.load(io.BytesIO(npy_bytes(values))), values)


@pytest.mark.parametrize("count", [1, 9, 1234])
def test_a_stream_of_maps_is_one_array(tmp_path, count):
    maps = np.random.default_rng(0).random((count, 3, 5), dtype=np.float32)
    with npy_stream(tmp_path / "a.npy") as stream:
        for values in maps:
            stream.append(values)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", mmap_mode="r"), maps)


def test_an_interrupted_stream_leaves_nothing(tmp_path):
    def write_half():
        with npy_stream(tmp_path / "a.npy") as stream:
            stream.append(np.zeros((3, 5), np.float32))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert not list(tmp_path.iterdir())
