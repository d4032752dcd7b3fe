"""Whether the rig that a user runs is the one that a model was exported for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgedepth.artifact.reading import Artifact
from edgedepth.artifact.rig import Rig, RigCamera
from edgedepth.artifact.rig_file import CameraOnDisk, read_mask
from edgedepth.errors import InputError

PIXELS = 1.0
METRES = 0.01
DEGREES = 0.1


def match(cameras: Sequence[CameraOnDisk], artifact: Artifact, where: Path) -> tuple[CameraOnDisk, ...]:
    """The same cameras, with the artifact's masks where `where` gives none.

    Args:
        cameras: of the user's file.
        artifact: as opened; without a rig, every rig fits.
        where: the user's file, for messages.

    Raises:
        InputError: a camera is missing, one is too many, or a picture size, intrinsics or pose are not the
            artifact's, within `PIXELS`, `METRES` and `DEGREES`.
    """
    rig = artifact.manifest.rig if artifact.manifest else None
    if rig is None:
        return tuple(cameras)
    known = {camera.name: camera for camera in rig.cameras}
    _require_names([one.camera.name for one in cameras], known, where)
    for one in cameras:
        _require_same(one.camera, known[one.camera.name], rig, where)
    return tuple(_masked(one, known[one.camera.name], artifact.folder) for one in cameras)


def _require_names(given: Sequence[str], known: Iterable[str], where: Path) -> None:
    missing, extra = sorted(set(known) - set(given)), sorted(set(given) - set(known))
    if missing:
        raise InputError(
            f"{where} lacks {_cameras(missing)}.",
            f"The model was exported for a rig of {', '.join(known)}.",
            "Add what is missing, or export the model for this rig.",
        )
    if extra:
        raise InputError(
            f"{where} has {_cameras(extra)} too many.",
            f"The model was exported for a rig of {', '.join(known)}.",
            "Take it out, or export the model for this rig.",
        )


def _cameras(names: Sequence[str]) -> str:
    return f"camera{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _require_same(given: RigCamera, known: RigCamera, rig: Rig, where: Path) -> None:
    if given.size != known.size:
        raise InputError(
            f"The picture of camera {given.name} in {where} has another size than the model's rig.",
            f"It is {given.size[1]}x{given.size[0]} pixels; the rig was exported with {known.size[1]}x{known.size[0]}.",
            "Give pictures as the camera takes them, or export the model for this rig.",
        )
    for what, same in (("intrinsics", _same_intrinsics), ("pose", _same_pose)):
        if same(given, known):
            continue
        other = next((c.name for c in rig.cameras if c.name != given.name and same(given, c)), None)
        raise InputError(
            f"The {what} of camera {given.name} in {where} "
            + (f"are those of camera {other}: swapped." if other else "are not those of the model's rig."),
            _difference(given, known, what),
            "Give each camera its own." if other else "Correct the file, or export the model for this rig.",
        )


def _same_intrinsics(one: RigCamera, other: RigCamera) -> bool:
    return max(abs(a - b) for a, b in zip(one.intrinsics, other.intrinsics, strict=True)) <= PIXELS


def _same_pose(one: RigCamera, other: RigCamera) -> bool:
    apart, turned = _motion_between(one, other)
    return apart <= METRES and turned <= DEGREES


def _motion_between(one: RigCamera, other: RigCamera) -> tuple[float, float]:
    a, b = one.pose_matrix(), other.pose_matrix()
    cosine = (np.trace(a[:3, :3] @ b[:3, :3].T) - 1) / 2
    return float(np.linalg.norm(a[:3, 3] - b[:3, 3])), math.degrees(math.acos(min(max(cosine, -1), 1)))


def _difference(given: RigCamera, known: RigCamera, what: str) -> str:
    if what == "pose":
        apart, turned = _motion_between(given, known)
        return f"It is {apart:.3f} m and {turned:.2f} degrees off; {METRES:g} m and {DEGREES:g} degrees are allowed."
    values = [", ".join(f"{value:.1f}" for value in camera.intrinsics) for camera in (given, known)]
    return f"fx, fy, cx, cy are {values[0]}; the model's are {values[1]}, and {PIXELS:g} pixel off is allowed."


def _masked(one: CameraOnDisk, known: RigCamera, folder: Path) -> CameraOnDisk:
    if one.seen is not None or known.mask is None:
        return one
    return replace(one, seen=read_mask(folder / known.mask.path, known.name, known.size))
