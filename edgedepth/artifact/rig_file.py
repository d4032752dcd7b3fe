"""``rig.toml``: the user's file that names the cameras of a vehicle, and one picture of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from edgedepth.artifact.rig import Pose, Rig, RigCamera, Row, ring_order
from edgedepth.artifact.rig_checks import require_rig
from edgedepth.errors import InputError
from edgedepth.toml_tables import fill, read_toml

# A camera's name becomes a file name.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
SEEN, OWN_VEHICLE = 255, 0
HALF = 128


@dataclass(frozen=True)
class CameraTable:
    """One ``[[cameras]]`` table. Every path is relative to the file.

    Attributes:
        name: unique; it names the camera's results.
        image: its picture.
        intrinsics: fx, fy, cx, cy in pixels of the picture as stored; pixel centres at whole coordinates.
        intrinsics_file: instead, an .npy with the 3x3 matrix.
        pose: rows of the 4x4 camera-to-vehicle motion.
        pose_file: instead, an .npy with it.
        mask: a picture of the same size: bright where the camera sees the world, black where it sees its own vehicle.
        mask_polygons: instead, outlines of its own vehicle, each a list of [x, y] in pixels.
    """

    name: str
    image: str
    intrinsics: tuple[float, ...] = ()
    intrinsics_file: str = ""
    pose: tuple[tuple[float, ...], ...] = ()
    pose_file: str = ""
    mask: str = ""
    mask_polygons: tuple[tuple[tuple[float, ...], ...], ...] = ()


@dataclass(frozen=True)
class RigTables:
    """The whole file.

    Attributes:
        cameras: at least one, in any order.
    """

    cameras: tuple[CameraTable, ...]


@dataclass(frozen=True)
class CameraOnDisk:
    """One camera as the file describes it.

    Attributes:
        camera: its facts; `RigCamera.mask` is None.
        image: where its picture is.
        seen: (H, W) boolean at the picture's size, False on its own vehicle; None without a mask.
    """

    camera: RigCamera
    image: Path
    seen: NDArray[np.bool_] | None


def read_rig(path: Path, known: Rig | None = None) -> tuple[CameraOnDisk, ...]:
    """Read and check a ``rig.toml``; of the pictures only the headers.

    Args:
        path: the file.
        known: the rig of an artifact; its intrinsics and pose hold for cameras whose table leaves them out.

    Returns:
        The cameras in ring order.

    Raises:
        UsageError: not such a file, an unknown or missing field, or fields that contradict each other.
        InputError: a picture, matrix or mask is missing, damaged or does not fit, or no such rig can be.
    """
    tables = _tables(path)
    cameras = [_camera(table, path, known) for table in tables]
    require_rig(cameras, path)
    order = ring_order([camera.pose for camera in cameras])
    return tuple(
        CameraOnDisk(cameras[i], path.parent / tables[i].image, _seen(tables[i], path, cameras[i].size)) for i in order
    )


def mask_png(seen: NDArray[np.bool_]) -> Image.Image:
    """A mask as the grey picture that an artifact stores."""
    return Image.fromarray(np.where(seen, SEEN, OWN_VEHICLE).astype(np.uint8))


def read_mask(path: Path, camera: str, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask: True where the picture is brighter than half.

    Raises:
        InputError: missing, damaged, of another size than the camera's picture, or dark everywhere.
    """
    try:
        with Image.open(path) as image:
            values = np.asarray(image.convert("L"))
    except (OSError, ValueError, SyntaxError) as error:
        raise _unreadable(path, "a mask", error) from error
    if values.shape != size:
        raise InputError(
            f"The mask of camera {camera} does not fit its picture.",
            f"{path} is {values.shape[1]}x{values.shape[0]} pixels, the picture {size[1]}x{size[0]}.",
            "Draw the mask at the picture's size.",
        )
    seen: NDArray[np.bool_] = values >= HALF
    if not seen.any():
        raise InputError(
            f"The mask of camera {camera} leaves nothing to see.",
            f"{path} is nowhere brighter than {values.max()} of 255.",
            "Draw 255 where the camera sees the world and 0 on its own vehicle.",
        )
    return seen


def _tables(path: Path) -> tuple[CameraTable, ...]:
    content = read_toml(path, "a rig")
    listed = content.get("cameras")
    if isinstance(listed, list):
        content["cameras"] = tuple(
            fill(CameraTable, table, f"{path}: camera {i + 1}{_called(table)}") for i, table in enumerate(listed)
        )
    tables = fill(RigTables, content, f"{path}: the top level").cameras
    if not tables:
        raise InputError(f"{path} has no camera.", "", "Add a [[cameras]] table for each.")
    names: dict[str, str] = {}
    for table in tables:
        if not NAME.fullmatch(table.name):
            raise InputError(
                f"{table.name!r} cannot name a camera in {path}.",
                "The name becomes a file name.",
                "Use letters, digits, _, - and ., at most 64, starting with a letter, digit or _.",
            )
        if table.name.casefold() in names:
            raise InputError(
                f"Two cameras of {path} are called {table.name}.",
                f"The other is {names[table.name.casefold()]}; names differ by more than capitals.",
                "Give each its own name.",
            )
        names[table.name.casefold()] = table.name
        for problem, remedy in _problems(table):
            raise InputError(f"Camera {table.name} of {path} is not described well.", problem, remedy)
    return tables


def _called(table: object) -> str:
    return f" ({table['name']})" if isinstance(table, dict) and "name" in table else ""


def _problems(table: CameraTable) -> list[tuple[str, str]]:
    found = [
        (f"It has both {one} and {other}.", "Keep one of the two.")
        for one, other in (("intrinsics", "intrinsics_file"), ("pose", "pose_file"), ("mask", "mask_polygons"))
        if getattr(table, one) and getattr(table, other)
    ]
    if table.intrinsics and len(table.intrinsics) != 4:
        found.append((f"intrinsics has {len(table.intrinsics)} numbers.", "Give intrinsics = [fx, fy, cx, cy]."))
    if table.pose and [len(row) for row in table.pose] != [4, 4, 4, 4]:
        found.append(("pose is no 4x4 matrix.", "Give four rows of four numbers, the last 0, 0, 0, 1."))
    found += [
        (f"A polygon of mask_polygons is {list(outline)}.", "Give three or more [x, y] for each.")
        for outline in table.mask_polygons
        if len(outline) < 3 or any(len(point) != 2 for point in outline)
    ]
    return found


def _camera(table: CameraTable, where: Path, known: Rig | None) -> RigCamera:
    size = _size(where.parent / table.image, table.name)
    intrinsics, pose = _intrinsics(table, where.parent), _pose(table, where.parent)
    told = next((camera for camera in known.cameras if camera.name == table.name), None) if known else None
    if told is not None:
        intrinsics, pose = intrinsics or told.intrinsics, pose or told.pose
    for field, value in (("intrinsics", intrinsics), ("pose", pose)):
        if value is None:
            others = f"the model's rig has {', '.join(known.names())} only" if known else "no rig is known otherwise"
            raise InputError(
                f"Camera {table.name} of {where} has no {field}.",
                f"It has neither {field} nor {field}_file, and {others}.",
                f"Add {field} or {field}_file to its table.",
            )
    return RigCamera(table.name, cast("Row", intrinsics), size, cast("Pose", pose))


def _size(path: Path, camera: str) -> tuple[int, int]:
    if not path.is_file():
        raise InputError(
            f"The picture of camera {camera} is missing.",
            f"There is nothing at {path}.",
            "Add the picture, or take the camera out of the file.",
        )
    try:
        with Image.open(path) as image:
            turned = ImageOps.exif_transpose(image) if image.getexif().get(0x0112, 1) != 1 else image
            return turned.height, turned.width
    except (OSError, ValueError, SyntaxError) as error:
        raise _unreadable(path, f"the picture of camera {camera}", error) from error


def _intrinsics(table: CameraTable, root: Path) -> Row | None:
    if table.intrinsics_file:
        K = _matrix(root / table.intrinsics_file, (3, 3))
        if not np.array_equal(K[2], (0, 0, 1)) or K[0, 1] != 0 or K[1, 0] != 0:
            raise InputError(
                f"{root / table.intrinsics_file} is no pinhole camera without skew.",
                f"It is {K.tolist()}.",
                "Expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]].",
            )
        return float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2])
    return cast("Row", table.intrinsics) or None


def _pose(table: CameraTable, root: Path) -> Pose | None:
    rows = _matrix(root / table.pose_file, (4, 4)).tolist() if table.pose_file else table.pose
    return cast("Pose", tuple(tuple(row) for row in rows)) or None


def _matrix(path: Path, shape: tuple[int, int]) -> NDArray[np.float64]:
    try:
        values = np.asarray(np.load(path, allow_pickle=False), np.float64)
    except (ValueError, TypeError, EOFError) as error:  # NumPy's own words are about pickles
        raise _unreadable(path, "a matrix", ValueError("It is no .npy file of numbers.")) from error
    except OSError as error:
        raise _unreadable(path, "a matrix", error) from error
    if values.shape != shape:
        raise InputError(
            f"{path} has another shape.", f"It is {values.shape}; expected {shape}.", "Save that one matrix as .npy."
        )
    return values


def _seen(table: CameraTable, where: Path, size: tuple[int, int]) -> NDArray[np.bool_] | None:
    if table.mask:
        return read_mask(where.parent / table.mask, table.name, size)
    if not table.mask_polygons:
        return None
    canvas = Image.new("L", (size[1], size[0]), SEEN)
    for outline in table.mask_polygons:
        ImageDraw.Draw(canvas).polygon([(x, y) for x, y in outline], fill=OWN_VEHICLE)
    seen: NDArray[np.bool_] = np.asarray(canvas) >= HALF
    if not seen.any():
        raise InputError(
            f"The mask of camera {table.name} leaves nothing to see.",
            f"mask_polygons in {where} cover the whole picture of {size[1]}x{size[0]} pixels.",
            "Outline its own vehicle only.",
        )
    return seen


def _unreadable(path: Path, kind: str, error: Exception) -> InputError:
    return InputError(
        f"{path} cannot be read as {kind}.",
        "It does not exist." if not path.exists() else (str(error).splitlines() or [type(error).__name__])[0],
        "Correct the path, or replace the file.",
    )
