"""Pictures, folders and videos as frames."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from edgedepth.errors import InputError
from edgedepth.runtime import open_source, video


def save(path, picture):
    Image.fromarray(picture).save(path)
    return path


def test_a_picture(tmp_path, picture):
    source = open_source(save(tmp_path / "a.png", picture))
    assert (source.kind, source.count, source.rate) == ("picture", 1, None)
    (frame,) = source.frames()
    assert frame.name == "a.png"
    np.testing.assert_array_equal(frame.picture, picture)


def test_a_pictures_name_need_not_say_that_it_is_one(tmp_path, picture):
    save(tmp_path / "a.png", picture).rename(tmp_path / "photo")
    assert len(list(open_source(tmp_path / "photo").frames())) == 1


def test_a_folder_in_order_without_what_is_no_picture(tmp_path, picture):
    for name in ("b.PNG", "a.jpg", "c.bmp"):
        save(tmp_path / name, picture)
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden.png").write_text("not shown")
    (tmp_path / "deeper").mkdir()
    source = open_source(tmp_path)
    assert (source.kind, source.count) == ("folder", 3)
    assert [frame.name for frame in source.frames()] == ["a.jpg", "b.PNG", "c.bmp"]
    assert len(list(source.frames())) == 3  # and again


def test_a_video(tmp_path):
    pytest.importorskip("av")
    path = tmp_path / "a.MP4"
    with video.video_writer(path, video.pick_encoder(), Fraction(10), (32, 48)) as writer:
        for _ in range(4):
            writer.write(np.zeros((32, 48, 3), np.uint8))
    source = open_source(path)
    assert (source.kind, source.count, source.rate) == ("video", 4, 10)
    assert [frame.name for frame in source.frames()] == ["0", "1", "2", "3"]


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="There is nothing"):
        open_source(tmp_path / "none.png")


@pytest.mark.parametrize("held", [[], ["a.txt", "b.csv"]])
def test_a_folder_without_pictures_says_what_it_has(tmp_path, held):
    for name in held:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="holds no image") as caught:
        open_source(tmp_path)
    assert f"{len(held)} files" in caught.value.evidence
