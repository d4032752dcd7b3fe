"""Folders that describe themselves with ``dataset.toml``, sequences and videos."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedepth.errors import InputError, UsageError
from edgedepth.evaluation.datasets import open_dataset

DATA = Path(__file__).parents[3] / "shared" / "data"
SIZE = (6, 10)
HEAD = """
title = "my street"
licence = "CC BY 4.0"
images = "pictures/*.png"
intrinsics = [8.0, 8.5, 4.5, 2.5]
"""


def real(folder):
    if not (DATA / folder).is_dir():
        pytest.skip(f"no {folder} beside the repository")
    return open_dataset(DATA / folder)


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture
def folder(tmp_path):
    """Three pictures of ten columns each, described by `HEAD`."""
    for index in range(3):
        save(tmp_path / "pictures" / f"{index}.png", np.full((*SIZE, 3), 40 * index, np.uint8))
    (tmp_path / "dataset.toml").write_text(HEAD)
    return tmp_path


def describe(folder, text):
    """The folder's dataset with these lines added."""
    (folder / "dataset.toml").write_text(HEAD + text)
    return open_dataset(folder)


def test_pictures_and_a_camera_are_enough(folder):
    dataset = open_dataset(folder)
    sample = dataset.read("2")
    assert (dataset.title, dataset.names) == ("my street", ("0", "1", "2"))
    assert sample.image[0, 0, 0] == 80
    assert not sample.depth.any()
    assert sample.intrinsics.tolist() == [[8, 0, 4.5], [0, 8.5, 2.5], [0, 0, 1]]
    assert (sample.right, sample.moving, sample.pose, sample.dense) == (None, None, None, False)
    assert dataset.neighbours("1") == (None, None)


def test_a_sequence_has_neighbours(folder):
    dataset = describe(folder, "sequence = true")
    assert dataset.neighbours("1") == ("0", "2")
    assert dataset.neighbours("0") == (None, "1")
    assert dataset.neighbours("0", step=2) == (None, "2")


@pytest.mark.parametrize("form", ["npz", "npy", "png256", "png-mm"])
def test_depth_formats(folder, form):
    metres = np.round(np.linspace(0, 60, 60).reshape(SIZE) * 4) / 4
    path = folder / "far" / f"1{'.png' if 'png' in form else '.' + form}"
    path.parent.mkdir()
    if form == "npz":
        np.savez(path, metres=metres)
    elif form == "npy":
        np.save(path, metres)
    else:
        save(path, (metres * (256 if form == "png256" else 1000)).astype(np.uint16))
    text = f'[depth]\nfiles = "far/{{name}}{path.suffix}"\nformat = "{form}"\nkey = "metres"\ndense = true\n'
    sample = describe(folder, text).read("1")
    np.testing.assert_allclose(sample.depth, metres, rtol=1e-6)
    assert sample.dense


def test_right_view_mask_teacher_and_poses(folder):
    save(folder / "r" / "1.png", np.full((*SIZE, 3), 7, np.uint8))
    save(folder / "m" / "1.png", (np.eye(*SIZE) * 255).astype(np.uint8))
    np.save(folder / "t1.npy", np.full(SIZE, 5.0))
    poses = np.tile(np.eye(4)[:3], (3, 1, 1))
    poses[:, 2, 3] = (0, 1.5, 3)
    np.savetxt(folder / "poses.txt", poses.reshape(3, 12))
    text = 'right = "r/{name}.png"\nbaseline = 0.5\nmoving = "m/{name}.png"\nposes = "poses.txt"\n'
    sample = describe(folder, text + '[teacher]\nfiles = "t{name}.npy"\nformat = "npy"\n').read("1")
    assert sample.right[0, 0, 0] == 7
    assert sample.baseline == 0.5
    np.testing.assert_array_equal(sample.moving, np.eye(*SIZE) > 0)
    np.testing.assert_array_equal(sample.teacher, 5)
    assert sample.pose.shape == (4, 4)
    assert sample.pose[2, 3] == 1.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('intrinsics_file = "K.npy"', "one of intrinsics"),
        ("baseline = 0.5", "Only one of right and baseline"),
        ('right = "r/{name}.png"', "Only one of right and baseline"),
        ('moving = "mask.png"', "same file for every frame"),
        ('[depth]\nfiles = "{name}.exr"\nformat = "exr"', "no depth format 'exr'"),
        ('[depth]\nformat = "npy"', "lacks the field 'files'"),
        ("sequenze = true", "Did you mean sequence"),
        ("sequence = 1", "wrong type"),
        ("title", "cannot be read"),
    ],
)
def test_mistakes_in_the_description_are_named(folder, text, message):
    with pytest.raises(UsageError) as caught:
        describe(folder, text)
    assert message in str(caught.value)
    assert "dataset.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ("[8.0, 8.0, 12.0, 2.0]", "principal point (12.0, 2.0) lies outside"),
        ("[721.5, 721.5, 4.0, 2.0]", "focal lengths of 721.5 and 721.5"),
        ("[-8.0, 8.0, 4.0, 2.0]", "focal lengths of -8.0"),
        ("[1.0, 1.0, 0.0, 0.0]", "focal lengths of 1.0"),
    ],
)
def test_intrinsics_that_do_not_match_the_frames(folder, camera, message):
    text = HEAD.replace("[8.0, 8.5, 4.5, 2.5]", camera)
    (folder / "dataset.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        open_dataset(folder).read("0")
    assert message in str(caught.value)
    assert "Frame 0 is 10x6" in str(caught.value)


def test_intrinsics_that_are_no_matrix(folder):
    np.save(folder / "K.npy", np.ones((3, 4)))
    (folder / "dataset.toml").write_text('images = "pictures/*.png"\nintrinsics_file = "K.npy"\n')
    with pytest.raises(InputError, match=r"shape \(3, 4\)"):
        open_dataset(folder).read("0")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_depth_that_is_not_a_number_is_counted(folder, bad):
    depth = np.full(SIZE, 3.0)
    depth[0, :4] = bad
    np.save(folder / "0.npy", depth)
    dataset = describe(folder, '[depth]\nfiles = "{name}.npy"\nformat = "npy"\n')
    with pytest.raises(InputError, match=r"0\.npy holds depth[\s\S]*4 of 60 pixels"):
        dataset.read("0")


def test_negative_depth_is_refused(folder):
    np.save(folder / "0.npy", np.full(SIZE, -3.0))
    with pytest.raises(InputError, match=r"smallest value is -3\.0"):
        describe(folder, '[depth]\nfiles = "{name}.npy"\nformat = "npy"\n').read("0")


def test_sixteen_bit_pictures_are_refused(folder):
    save(folder / "pictures" / "0.png", np.full(SIZE, 9000, np.uint16))
    with pytest.raises(InputError, match="not 8 bits per channel"):
        open_dataset(folder).read("0")


def test_poses_must_be_one_per_frame(folder):
    np.savetxt(folder / "poses.txt", np.zeros((2, 12)))
    with pytest.raises(InputError, match=r"one pose per frame[\s\S]*3 frames"):
        describe(folder, 'poses = "poses.txt"')


def test_frames_that_share_a_name(folder):
    save(folder / "pictures" / "more" / "0.png", np.zeros((*SIZE, 3), np.uint8))
    (folder / "dataset.toml").write_text(HEAD.replace("pictures/*", "pictures/**/*"))
    with pytest.raises(InputError, match=r"share a name[\s\S]*4 files with 3 names"):
        open_dataset(folder)


@pytest.fixture
def clip(tmp_path):
    """A video of five frames, ever brighter."""
    pytest.importorskip("av")
    from edgedepth.runtime.video import pick_encoder, video_writer

    with video_writer(tmp_path / "drive.mp4", pick_encoder(), Fraction(5), (64, 96)) as writer:
        for index in range(5):
            writer.write(np.full((64, 96, 3), 30 + 40 * index, np.uint8))
    return tmp_path


def brightness(dataset, name):
    return float(dataset.read(name).image.mean())


def test_a_video_with_a_description(clip):
    (clip / "dataset.toml").write_text('images = "drive.mp4"\nintrinsics = [90.0, 90.0, 47.5, 31.5]\n')
    dataset = open_dataset(clip)
    assert dataset.names == tuple(f"drive-00000{i}" for i in range(5))
    assert dataset.neighbours("drive-000000", 2) == (None, "drive-000002")
    for index in (0, 1, 3, 2):  # the last is a step back
        assert brightness(dataset, f"drive-00000{index}") == pytest.approx(30 + 40 * index, abs=4)


def test_videos_find_the_camera_of_their_size(clip):
    np.save(clip / "K_96x64.npy", np.array([[90, 0, 47.5], [0, 90, 31.5], [0, 0, 1.0]]))
    dataset = open_dataset(clip)
    assert dataset.read("drive-000004").intrinsics[0, 0] == 90
    (clip / "K_96x64.npy").rename(clip / "K_96x63.npy")
    with pytest.raises(InputError, match=r"K_96x64\.npy"):
        open_dataset(clip)


@pytest.mark.parametrize(
    ("folder", "count", "size"),
    [
        ("kitti_tiny", 7, (375, 1242)),
        ("video/kitti_odom_gray_seq1", 51, (192, 640)),
        ("video/udacity", 259, (540, 960)),
    ],
)
def test_real_sequences(folder, count, size):
    dataset = real(folder)
    assert len(dataset.names) == count
    assert dataset.read(dataset.names[0]).image.shape[:2] == size
    assert dataset.neighbours(dataset.names[1]) == (dataset.names[0], dataset.names[2])


def test_real_poses_advance_as_the_readme_says():
    dataset = real("video/kitti_odom_gray_seq1")
    first, second = (dataset.read(name).pose for name in dataset.names[:2])
    assert np.linalg.norm(second[:3, 3] - first[:3, 3]) == pytest.approx(1.2, abs=0.05)
    assert real("video/kitti2015_stereo_640x192").neighbours("000003") == (None, None)
    assert real("video/kitti_sfnd_640x192").neighbours("0000000002", 2) == ("0000000000", "0000000004")
