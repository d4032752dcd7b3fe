"""Whatever mode a picture has, it arrives upright as 8-bit RGB."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from edgedepth.errors import InputError
from edgedepth.runtime.pictures import read_picture, to_rgb


def test_png_is_read_exactly(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), picture)


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (1, lambda p: p),
        (2, lambda p: p[:, ::-1]),
        (3, lambda p: p[::-1, ::-1]),
        (4, lambda p: p[::-1]),
        (5, lambda p: p.transpose(1, 0, 2)),
        (6, np.rot90),
        (7, lambda p: np.rot90(p, 2).transpose(1, 0, 2)),
        (8, lambda p: np.rot90(p, -1)),
    ],
)
def test_every_exif_orientation_is_turned_upright(tmp_path, picture, orientation, undo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(undo(picture))).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), picture)


def test_16_bit_grey_is_scaled_not_clipped(tmp_path):
    values = np.array([[0, 128, 129, 257], [32768, 65280, 65535, 300]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    read = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(read[..., 0], np.rint(values / 257))
    assert (read == read[..., :1]).all()


def test_wide_integers_that_fit_16_bits_are_read_and_others_refused(tmp_path):
    Image.fromarray(np.full((4, 4), 65535, np.int32)).save(tmp_path / "a.tif")
    assert (read_picture(tmp_path / "a.tif") == 255).all()
    Image.fromarray(np.full((4, 4), 65536, np.int32)).save(tmp_path / "b.tif")
    with pytest.raises(InputError, match=r"b\.tif: Its pixels do not fit 16 bits"):
        read_picture(tmp_path / "b.tif")


def test_float_pictures_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match="floats"):
        read_picture(tmp_path / "a.tif")


def test_palettes_are_looked_up(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), mode="P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").tolist() == [
        [[10, 20, 30], [40, 50, 60]],
        [[70, 80, 90], [40, 50, 60]],
    ]


def test_a_transparent_palette_entry_shows_white(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8), mode="P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "a.png", transparency=1)
    assert read_picture(tmp_path / "a.png").tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_transparency_shows_white():
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8)
    assert to_rgb(Image.fromarray(rgba)).tolist() == [[[10, 20, 30], [255, 255, 255], [127, 127, 127]]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK", "YCbCr", "HSV", "RGBX", "I;16"])
def test_other_modes_become_three_channels(mode):
    grey = Image.fromarray(np.full((3, 5), 255, np.uint8))
    image = Image.fromarray(np.full((3, 5), 65535, np.uint16)) if mode == "I;16" else grey.convert("RGB").convert(mode)
    made = to_rgb(image)
    assert made.shape == (3, 5, 3)
    assert made.dtype == np.uint8
    assert made.min() >= 254


def test_text_named_jpg_says_how_it_starts(tmp_path):
    (tmp_path / "a.jpg").write_text("hello there, this is text")
    with pytest.raises(InputError, match="is not an image") as caught:
        read_picture(tmp_path / "a.jpg")
    assert "hello there" in caught.value.evidence
    assert caught.value.remedy


def test_an_empty_file_is_not_an_image(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(InputError, match="is not an image") as caught:
        read_picture(tmp_path / "a.png")
    assert "empty" in caught.value.evidence


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_a_truncated_picture_is_an_input_error(tmp_path, picture, kind):
    held = io.BytesIO()
    Image.fromarray(picture).save(held, format=kind)
    path = tmp_path / "a.img"
    path.write_bytes(held.getvalue()[: len(held.getvalue()) // 2])
    with pytest.raises(InputError, match=r"a\.img"):
        read_picture(path)


def test_a_missing_picture_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_picture(tmp_path / "none.png")


def test_a_picture_too_large_to_be_true_is_refused(tmp_path, monkeypatch, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match="too large"):
        read_picture(tmp_path / "a.png")


def test_real_pictures_of_several_kinds(real_data):
    for name in ("kitti2015_dev/left", "hires", "rgbd/open3d_sun"):
        path = next(
            p
            for p in sorted((real_data / name).iterdir())
            if p.suffix in {".png", ".jpg", ".jpeg"} and "depth" not in p.name
        )
        read = read_picture(path)
        assert read.ndim == 3
        assert read.std() > 10
