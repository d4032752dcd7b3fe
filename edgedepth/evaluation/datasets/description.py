"""What ``dataset.toml`` says: where a folder keeps its pictures, its depth and its camera."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedepth.errors import InputError
from edgedepth.toml_tables import fill, read_toml

FILE_NAME = "dataset.toml"
NAME = "{name}"  # stands for a frame's name in paths
FORMATS = {
    "npz": "an .npz with metres under `key`",
    "npy": "an .npy with metres",
    "png256": "a 16-bit PNG, metres times 256",
    "png-mm": "a 16-bit PNG, millimetres",
}


@dataclass(frozen=True)
class DepthFiles:
    """One depth map per frame.

    Attributes:
        files: path with ``{name}`` in it.
        format: one of `FORMATS`; 0 means unknown in each.
        key: the entry of an .npz.
        dense: 0 does not mean unknown but that nothing is within reach, such as sky.
    """

    files: str
    format: str
    key: str = "depth"
    dense: bool = False


@dataclass(frozen=True)
class Description:
    """A folder of frames from one camera. Every path is relative to the folder.

    Attributes:
        images: a glob such as ``left/*.jpg``; a frame's name is its file name without suffix. Or one video.
        title: what to call the set in tables; empty is the folder's name.
        licence: of the pictures; goes into the notes of weights trained on them.
        intrinsics: fx, fy, cx, cy in pixels of the pictures as stored; pixel centres at whole coordinates.
        intrinsics_file: instead, an .npy with the 3x3 matrix.
        sequence: the frames, sorted by name, are consecutive.
        right: path of the right view of a rectified pair, with ``{name}`` in it; `baseline` in metres goes with it.
        poses: camera to world, one per frame in the order of names: a text with 12 numbers a line (the upper
            three rows), or an .npy of (N, 4, 4) or (N, 3, 4).
        moving: path of a picture that is above 0 where things move, with ``{name}`` in it.
        depth: measured depth, or none.
        teacher: depth that another network gave; never used as ground truth.
    """

    images: str
    title: str = ""
    licence: str = ""
    intrinsics: tuple[float, ...] = ()
    intrinsics_file: str = ""
    sequence: bool = False
    right: str = ""
    baseline: float = 0.0
    poses: str = ""
    moving: str = ""
    depth: tuple[DepthFiles, ...] = ()
    teacher: tuple[DepthFiles, ...] = ()


def read_description(path: Path) -> Description:
    """Read and check a ``dataset.toml``.

    Raises:
        UsageError: not TOML, an unknown or missing field, or fields that contradict each other.
    """
    content: dict[str, Any] = read_toml(path, "a description of frames")
    for key in ("depth", "teacher"):
        if key in content:
            content[key] = (fill(DepthFiles, content[key], f"{path}: [{key}]"),)
    description = fill(Description, content, f"{path}: the top level")
    for problem, remedy in _problems(description):
        raise InputError(f"{path} does not describe a set of frames.", problem, remedy)
    return description


def _problems(said: Description) -> list[tuple[str, str]]:
    found = []
    if bool(said.intrinsics) == bool(said.intrinsics_file):
        found.append(("It needs one of intrinsics and intrinsics_file.", "Give intrinsics = [fx, fy, cx, cy]."))
    if said.intrinsics and len(said.intrinsics) != 4:
        found.append((f"intrinsics has {len(said.intrinsics)} numbers.", "Give intrinsics = [fx, fy, cx, cy]."))
    if bool(said.right) != (said.baseline > 0):
        found.append(("Only one of right and baseline is given.", "Give both, the baseline in metres above 0."))
    named = {"right": said.right, "moving": said.moving}
    for depth in (*said.depth, *said.teacher):
        named[depth.format] = depth.files
        if depth.format not in FORMATS:
            known = "; ".join(f"{name}: {what}" for name, what in FORMATS.items())
            found.append((f"It knows no depth format {depth.format!r}.", known))
    found += [
        (f"{template!r} is the same file for every frame.", "Write {name} where the frame's name belongs.")
        for template in named.values()
        if template and NAME not in template
    ]
    if Path(said.images).is_absolute():
        found.append((f"images = {said.images!r} is absolute.", "Write it relative to the file."))
    return found
