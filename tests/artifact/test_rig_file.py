"""rig.toml: what is read, and what is refused with which words."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from rig_poses import looking

from edgedepth.artifact.rig import Rig
from edgedepth.artifact.rig_file import mask_png, read_mask, read_rig
from edgedepth.errors import InputError, UsageError

SIZE = (48, 80)
INTRINSICS = [50.0, 50.5, 40.0, 23.5]
HEADINGS = {"left": 0.9, "front": 0.05, "right": -1.0}


def pose_of(name):
    pose = looking(HEADINGS[name])
    pose[:3, 3] = 1.0, HEADINGS[name], 1.5
    return pose


class File:
    """A rig.toml in the making: tables by camera name, and their pictures."""

    def __init__(self, folder):
        self.folder, self.path = folder, folder / "rig.toml"
        self.tables = {
            name: {"image": f"{name}.png", "intrinsics": INTRINSICS, "pose": pose_of(name).tolist()}
            for name in HEADINGS
        }
        for name in HEADINGS:
            self.picture(f"{name}.png")

    def picture(self, name, size=SIZE, value=90):
        Image.fromarray(np.full(size, value, np.uint8)).save(self.folder / name)

    def write(self, extra=""):
        lines = [extra]
        for name, table in self.tables.items():
            named = {"name": name, **table}
            lines += ["[[cameras]]", *(f"{key} = {written(value)}" for key, value in named.items())]
        self.path.write_text("\n".join(lines), encoding="utf-8")
        return self.path

    def read(self, known=None):
        return read_rig(self.write(), known)


def written(value):
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.fixture
def file(tmp_path):
    return File(tmp_path)


def refusal(file, *words, kind=InputError):
    with pytest.raises(kind) as caught:
        file.read()
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert caught.value.exit_code == 2
    assert len(text.splitlines()) <= 3
    return caught.value


def test_cameras_come_in_ring_order_with_what_the_file_says(file):
    cameras = file.read()
    assert [one.camera.name for one in cameras] == ["front", "right", "left"]
    front = cameras[0]
    assert front.camera.intrinsics == tuple(INTRINSICS)
    assert front.camera.size == SIZE
    np.testing.assert_array_equal(front.camera.pose_matrix(), pose_of("front"))
    assert front.image == file.folder / "front.png"
    assert front.seen is None


def test_matrices_may_lie_in_files_of_their_own(file):
    plain = file.read()
    for name, table in file.tables.items():
        fx, fy, cx, cy = table.pop("intrinsics")
        np.save(file.folder / f"{name}_K.npy", np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]))
        np.save(file.folder / f"{name}_T.npy", np.array(table.pop("pose")))
        table |= {"intrinsics_file": f"{name}_K.npy", "pose_file": f"{name}_T.npy"}
    assert [one.camera for one in file.read()] == [one.camera for one in plain]


def test_a_picture_held_sideways_counts_upright(file):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in HEADINGS:
        turned = Image.open(file.folder / f"{name}.png").transpose(Image.Transpose.ROTATE_90)
        turned.save(file.folder / f"{name}.png", exif=exif)
    assert {one.camera.size for one in file.read()} == {SIZE}


def test_polygons_and_pictures_of_the_own_vehicle(file):
    seen = np.ones(SIZE, bool)
    seen[30:, 10:20] = False
    mask_png(seen).save(file.folder / "mask.png")
    file.tables["left"]["mask"] = "mask.png"
    file.tables["right"]["mask_polygons"] = [[[0, 40], [79, 40], [79, 47], [0, 47]], [[0, 0], [5, 0], [0, 5]]]
    front, right, left = file.read()
    assert front.seen is None
    np.testing.assert_array_equal(left.seen, seen)
    assert not right.seen[40:].any()
    assert right.seen[6:40].all()
    assert not right.seen[1, 1]
    np.testing.assert_array_equal(read_mask(file.folder / "mask.png", "left", SIZE), seen)


def test_a_known_rig_tells_what_the_file_leaves_out(file):
    cameras = [one.camera for one in file.read()]
    for table in file.tables.values():
        del table["intrinsics"], table["pose"]
    assert [one.camera for one in file.read(Rig(tuple(cameras)))] == cameras
    refusal(file, "Camera left", "has no intrinsics", "no rig is known otherwise")
    with pytest.raises(InputError, match="the model's rig has front only"):
        file.read(Rig((cameras[0],)))


def test_what_is_no_such_file(tmp_path, file):
    with pytest.raises(InputError, match=r"cannot be read as a rig"):
        read_rig(tmp_path / "none.toml")
    file.write("camera = 3\n")
    with pytest.raises(UsageError, match="no field 'camera'"):
        read_rig(file.path)
    (tmp_path / "empty.toml").write_text("cameras = []")
    with pytest.raises(InputError, match="has no camera"):
        read_rig(tmp_path / "empty.toml")
    (tmp_path / "wrong.toml").write_text("cameras = 3")
    with pytest.raises(UsageError, match="wrong type"):
        read_rig(tmp_path / "wrong.toml")


def test_an_unknown_field_is_named_with_its_camera(file):
    file.tables["left"]["intrinsic"] = [1.0]
    refusal(file, "camera 1 (left)", "'intrinsic'", "intrinsics", kind=UsageError)


def test_a_missing_field_is_named(file):
    del file.tables["right"]["image"]
    refusal(file, "(right)", "'image'", kind=UsageError)


def test_names(file):
    file.tables["Left"] = dict(file.tables["left"])
    refusal(file, "Two cameras", "Left")
    del file.tables["Left"]
    file.tables["../x"] = file.tables["left"]
    refusal(file, "'../x' cannot name a camera")


def test_a_missing_camera_picture(file):
    (file.folder / "right.png").unlink()
    refusal(file, "picture of camera right is missing", "right.png")


def test_a_picture_that_is_none(file):
    (file.folder / "right.png").write_text("no picture")
    refusal(file, "right.png", "cannot be read as the picture of camera right")


def test_pictures_of_different_sizes_name_both_cameras(file):
    file.picture("right.png", (40, 80))
    refusal(file, "different sizes", "left is 80x48", "right is 80x40")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([50.0, 50.0, 40.0], "intrinsics has 3 numbers"),
        ([50.0, 50.0, 23.5, 39.5], "with cx and cy exchanged"),
        ([50.0, 50.0, 81.0, 23.5], "principal point (81.0, 23.5) lies outside"),
        ([5.0, 50.0, 40.0, 23.5], "focal lengths of 5.0"),
        ([50.0, 500.0, 40.0, 23.5], "focal lengths of 50.0 and 500.0"),
        ([25.0, 25.25, 19.75, 11.5], "as if made for a picture of about 40x24"),
        ([100.0, 101.0, 79.0, 47.0], "as if made for a picture of about 159x95"),
        ([float("nan"), 50.0, 40.0, 23.5], "not all numbers"),
    ],
)
def test_intrinsics_that_cannot_be(file, values, words):
    file.tables["front"]["intrinsics"] = values
    refusal(file, "front", words)


def test_a_principal_point_of_a_crop_is_none_of_another_size(file):
    file.tables["front"]["intrinsics"] = [50.0, 50.0, 40.0, 12.0]
    assert len(file.read()) == 3


def test_skewed_or_misshapen_matrices(file):
    del file.tables["front"]["intrinsics"]
    file.tables["front"]["intrinsics_file"] = "K.npy"
    np.save(file.folder / "K.npy", np.array([[50, 3, 40], [0, 50, 20], [0, 0, 1.0]]))
    refusal(file, "K.npy", "without skew")
    np.save(file.folder / "K.npy", np.eye(4))
    refusal(file, "K.npy", "(4, 4)", "(3, 3)")
    (file.folder / "K.npy").write_bytes(b"nothing")
    refusal(file, "K.npy", "cannot be read as a matrix", "no .npy file of numbers")
    np.savez(file.folder / "K.npz", np.eye(3))
    (file.folder / "K.npz").rename(file.folder / "K.npy")
    refusal(file, "K.npy", "no .npy file of numbers")
    (file.folder / "K.npy").unlink()
    refusal(file, "K.npy", "It does not exist")


def changed(pose, what):
    pose = pose.copy()
    if what == "mirrored":
        pose[:3, 0] *= -1
    elif what == "scaled":
        pose[:3, :3] *= 1.01
    elif what == "last row":
        pose[3, 0] = 1
    elif what == "not a number":
        pose[0, 3] = np.nan
    return pose


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("mirrored", "the determinant is -1"),
        ("scaled", "off orthonormal by 0.02"),
        ("last row", "Its last row is"),
        ("not a number", "values that are not numbers"),
    ],
)
def test_poses_that_are_no_rigid_motion(file, what, words):
    pose = changed(pose_of("front"), what)
    file.tables["front"]["pose"] = [[float(x) for x in row] for row in pose]
    refusal(file, "pose of camera front", "not a rigid motion", words)


def test_a_pose_of_another_shape(file):
    file.tables["front"]["pose"] = pose_of("front")[:3].tolist()
    refusal(file, "front", "pose is no 4x4 matrix")


def test_a_pose_in_the_world_is_not_on_the_vehicle(file):
    pose = pose_of("front")
    pose[:2, 3] = 310.0, 420.0
    file.tables["front"]["pose"] = pose.tolist()
    refusal(file, "Camera front", "not on the vehicle", "from the vehicle's origin")


def test_two_cameras_in_one_place(file):
    file.tables["front"]["pose"] = file.tables["left"]["pose"]
    refusal(file, "left and front", "same pose")


def test_poses_the_other_way_round(file):
    for name, table in file.tables.items():
        table["pose"] = np.linalg.inv(pose_of(name)).tolist()
    refusal(file, "not camera-to-vehicle", "try the inverse")


def test_masks_that_do_not_fit(file):
    file.picture("mask.png", (24, 40), 255)
    file.tables["left"]["mask"] = "mask.png"
    refusal(file, "mask of camera left", "40x24", "80x48")
    file.picture("mask.png", SIZE, 1)
    refusal(file, "mask of camera left", "leaves nothing to see", "brighter than 1 of 255")
    (file.folder / "mask.png").unlink()
    refusal(file, "mask.png", "It does not exist")
    del file.tables["left"]["mask"]
    file.tables["left"]["mask_polygons"] = [[[-1, -1], [90, -1], [90, 60], [-1, 60]]]
    refusal(file, "mask of camera left", "cover the whole picture")
    file.tables["left"]["mask_polygons"] = [[[0, 0], [9, 9]]]
    refusal(file, "left", "polygon")
    file.tables["left"] |= {"mask_polygons": [[[0, 0], [9, 9], [0, 9]]], "mask": "mask.png"}
    refusal(file, "both mask and mask_polygons")
