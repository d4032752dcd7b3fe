"""Reference and calibration pictures: the same everywhere, or the user's own."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from edgedepth.errors import InputError
from edgedepth.export.references import (
    CALIBRATION_SCENES,
    MOST_CALIBRATION_PICTURES,
    calibration,
    reference_pictures,
)

SIZE = (64, 96)


def save(path, seed=0, size=SIZE):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def test_references_are_a_street_and_noise_and_always_the_same():
    first, again = reference_pictures(SIZE, None), reference_pictures(SIZE, None)
    assert [p.name for p in first] == ["street", "noise"]
    for a, b in zip(first, again, strict=True):
        assert a.pixels.shape == (*SIZE, 3)
        assert a.pixels.dtype == np.uint8
        assert np.array_equal(a.pixels, b.pixels)
        assert a.pixels.std() > 10


def test_a_picture_as_a_tensor():
    picture = reference_pictures(SIZE, None)[0]
    tensor = picture.tensor()
    assert tensor.shape == (1, 3, *SIZE)
    assert float(tensor[0, 1, 2, 3]) == pytest.approx(picture.pixels[2, 3, 1] / 255)


def test_the_users_own_picture_is_taken_as_it_is(tmp_path):
    pixels = save(tmp_path / "own.png")
    own, noise = reference_pictures(SIZE, tmp_path / "own.png")
    assert own.name == "picture"
    assert np.array_equal(own.pixels, pixels)
    assert noise.name == "noise"
    assert "own.png" not in own.description


def test_another_size_is_resized(tmp_path):
    save(tmp_path / "own.jpg", size=(50, 50))
    assert reference_pictures(SIZE, tmp_path / "own.jpg")[0].pixels.shape == (*SIZE, 3)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n cut"])
def test_what_is_no_picture_is_refused(tmp_path, content):
    (tmp_path / "own.png").write_bytes(content)
    with pytest.raises(InputError, match=r"own\.png cannot be read as a picture"):
        reference_pictures(SIZE, tmp_path / "own.png")


def test_a_cut_picture_is_refused(tmp_path):
    save(tmp_path / "own.png")
    whole = (tmp_path / "own.png").read_bytes()
    (tmp_path / "own.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        reference_pictures(SIZE, tmp_path / "own.png")


def test_default_calibration_differs_from_the_references():
    found = calibration(SIZE, None)
    street = reference_pictures(SIZE, None)[0]
    assert len(found.pictures) == CALIBRATION_SCENES
    assert len(found.sha256) == 64
    assert found.sha256 == calibration(SIZE, None).sha256
    assert not any(np.array_equal(p.pixels, street.pixels) for p in found.pictures)


@pytest.mark.parametrize("count", [1, 2, 16, 17, 31, 40])
def test_a_folder_gives_an_even_spread_by_name(tmp_path, count):
    for i in range(count):
        save(tmp_path / f"{i:02}.png", seed=i, size=(32, 32))
    (tmp_path / "notes.txt").write_text("not a picture")
    found = calibration((32, 32), tmp_path)
    numbers = [int(p.name) for p in found.pictures]
    assert len(numbers) == min(count, MOST_CALIBRATION_PICTURES)
    steps = set(np.diff(numbers).tolist())
    assert numbers[0] == 0
    assert numbers[-1] == count - 1
    assert not steps or (min(steps) >= 1 and max(steps) - min(steps) <= 1)
    assert f"of {count} pictures of a folder" in found.description


def test_the_digest_is_of_the_pixels(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        save(tmp_path / name / f"{name}.png", seed=5)
    same = [calibration(SIZE, tmp_path / name).sha256 for name in ("a", "b")]
    save(tmp_path / "b" / "b.png", seed=6)
    assert same[0] == same[1] != calibration(SIZE, tmp_path / "b").sha256


def test_folders_without_pictures_are_refused(tmp_path):
    with pytest.raises(InputError, match="no pictures"):
        calibration(SIZE, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="no folder"):
        calibration(SIZE, tmp_path / "file")
