"""Cameras all around a vehicle, moment by moment, with LiDAR depth projected into each picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from edgedepth.artifact.rig import ring_order
from edgedepth.errors import InputError
from edgedepth.evaluation.datasets.base import DepthSample, around, damaged, finite, read_array, read_rgb
from edgedepth.evaluation.datasets.surround_checks import read_motion, require_agreement, require_centred

_LIDAR = "lidar.npz"
_INTRINSICS, _RIG_POSE, _DEPTH = "_K.npy", "_T_ego_cam.npy", "_depth_sparse.npz"
_FROM_LIDAR, _WORLD_POSE = "_T_cam_lidar.npy", "_T_world_cam.npy"
_PICTURES = (".jpg", ".png")
_REQUIRED = (_INTRINSICS, _RIG_POSE, _DEPTH)
LAYOUT = "CAMERA.jpg, CAMERA_K.npy, CAMERA_T_ego_cam.npy, CAMERA_depth_sparse.npz"


@dataclass(frozen=True)
class _Known:
    """A vehicle whose cameras are known by name."""

    title: str
    cameras: frozenset[str]
    licence: str


_KNOWN = (
    _Known(
        "DDAD",
        frozenset(f"CAMERA_{number:02d}" for number in (1, 5, 6, 7, 8, 9)),
        "Trained on DDAD pictures (CC BY-NC-SA 4.0, Guizilini et al.): for non-commercial use, to be shared alike.",
    ),
    _Known(
        "nuScenes",
        frozenset(f"CAM_{side}" for side in ("FRONT", "FRONT_LEFT", "FRONT_RIGHT", "BACK", "BACK_LEFT", "BACK_RIGHT")),
        "Trained on nuScenes pictures (CC BY-NC-SA 4.0, Caesar et al.): for non-commercial use, to be shared alike.",
    ),
)


class SurroundFrames:
    """Moments of one rig. A frame is called ``MOMENT/CAMERA``, or ``CAMERA`` where the folder is itself a moment.

    A moment is a folder that holds, for each camera, ``NAME.jpg`` or ``.png``; ``NAME_K.npy`` (3x3);
    ``NAME_T_ego_cam.npy`` (4x4, camera to vehicle); and ``NAME_depth_sparse.npz`` (metres under ``depth``, 0 is not
    measured). Where every frame has a ``NAME_T_world_cam.npy`` (4x4, camera to world) the moments are a sequence.
    ``lidar.npz`` with ``NAME_T_cam_lidar.npy`` lets every frame be checked against the points it was made from.

    Args:
        root: a moment, a folder of moments, or the folder around one such folder.

    Raises:
        InputError: several scenes, a camera that is not complete, poses without a ring, or pictures of several sizes.
    """

    def __init__(self, root: Path) -> None:
        found = _moments_of(_scene_of(root))
        cameras = sorted({camera for folder in found.values() for camera in _cameras_in(folder)})
        known = next((one for one in _KNOWN if one.cameras.issuperset(cameras)), None)
        self.title = known.title if known else root.name
        self.licence = known.licence if known else ""
        if known and len(cameras) < len(known.cameras):
            absent = sorted(known.cameras.difference(cameras))
            raise _incomplete(self.title, absent[0], f"There are only files of {', '.join(cameras)}.")
        self._frames = {
            f"{moment}/{camera}" if moment else camera: (folder, camera)
            for moment, folder in found.items()
            for camera in cameras
        }
        self._pictures = {name: self._picture(name, *frame) for name, frame in self._frames.items()}
        self._require_one_size()
        self._moving = all(_file(*frame, _WORLD_POSE).is_file() for frame in self._frames.values())
        first = next(iter(found.values()))
        order = ring_order([read_motion(_file(first, camera, _RIG_POSE)) for camera in cameras])
        self._ring = [cameras[index] for index in order]
        self.names = tuple(sorted(self._frames))
        self.moments = tuple(
            tuple(f"{moment}/{camera}" if moment else camera for camera in self._ring) for moment in found
        )

    @staticmethod
    def recognises(root: Path) -> bool:
        """Whether the folder has this layout."""
        return bool(_moments_of(root)) or any(map(_moments_of, _folders(root)))

    def read(self, name: str) -> DepthSample:
        """One camera at one moment."""
        folder, camera = self._frames[name]
        depth_file, lidar = _file(folder, camera, _DEPTH), folder / _LIDAR
        from_lidar, world = _file(folder, camera, _FROM_LIDAR), _file(folder, camera, _WORLD_POSE)
        sample = DepthSample(
            name,
            read_rgb(self._pictures[name]),
            finite(read_array(depth_file, "depth").astype("float32"), depth_file),
            read_array(_file(folder, camera, _INTRINSICS)),
            pose=read_motion(world) if self._moving else None,
            camera=camera,
            rig_pose=read_motion(_file(folder, camera, _RIG_POSE)),
        )
        require_centred(sample, self.title)
        if lidar.is_file() and from_lidar.is_file():
            beside = self._ring[self._ring.index(camera) - 1]
            require_agreement(
                sample,
                read_array(lidar, "points"),
                read_motion(from_lidar),
                read_motion(_file(folder, beside, _RIG_POSE)) @ read_motion(_file(folder, beside, _FROM_LIDAR)),
                beside,
            )
        return sample

    def neighbours(self, name: str, step: int = 1) -> tuple[str | None, str | None]:
        """The same camera in the moments before and after, where the moments are a sequence."""
        if not self._moving:
            return None, None
        camera = self._frames[name][1]
        return around([one for one in self.names if self._frames[one][1] == camera], name, step)

    def _picture(self, name: str, folder: Path, camera: str) -> Path:
        """The frame's picture, once all its files are there."""
        pictures = [path for suffix in _PICTURES if (path := _file(folder, camera, suffix)).is_file()]
        absent = [suffix for suffix in _REQUIRED if not _file(folder, camera, suffix).is_file()]
        if not pictures or absent:
            lacks = f"{camera}{absent[0] if pictures else _PICTURES[0]}"
            raise _incomplete(self.title, camera, f"Frame {name} lacks {folder / lacks}.")
        return pictures[0]

    def _require_one_size(self) -> None:
        sizes: dict[tuple[int, int], str] = {}
        for name, path in self._pictures.items():
            sizes.setdefault(_size_of(path), name)
        if len(sizes) > 1:
            shown = ", ".join(f"{name} {width}x{height}" for (width, height), name in sizes.items())
            raise InputError(
                f"The cameras of {self.title} have pictures of different sizes.",
                f"{shown}.",
                "A rig's pictures go through one network together: bring them to one size, and K with them.",
            )


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def _is_moment(folder: Path) -> bool:
    return any(folder.glob(f"*{_RIG_POSE}"))


def _moments_of(root: Path) -> dict[str, Path]:
    """Moments by name: the folder itself, without a name, or those in it."""
    if _is_moment(root):
        return {"": root}
    return {folder.name: folder for folder in _folders(root) if _is_moment(folder)}


def _scene_of(root: Path) -> Path:
    if _moments_of(root):
        return root
    scenes = [folder for folder in _folders(root) if _moments_of(folder)]
    if len(scenes) > 1:
        raise InputError(
            f"{root} holds several scenes.",
            f"They are {', '.join(scene.name for scene in scenes)}.",
            f"Name one of them, such as {scenes[0]}.",
        )
    return scenes[0]


def _cameras_in(folder: Path) -> set[str]:
    """Every camera of which there is any calibration or depth; a picture alone may be something else."""
    suffixes = (*_REQUIRED, _FROM_LIDAR, _WORLD_POSE)
    return {path.name.removesuffix(end) for path in folder.iterdir() for end in suffixes if path.name.endswith(end)}


def _file(folder: Path, camera: str, suffix: str) -> Path:
    return folder / f"{camera}{suffix}"


def _size_of(picture: Path) -> tuple[int, int]:
    """Width and height, by the file's head."""
    try:
        with Image.open(picture) as image:
            return image.size
    except (OSError, UnidentifiedImageError) as error:
        raise damaged(picture, "an image", error) from error


def _incomplete(title: str, camera: str, evidence: str) -> InputError:
    return InputError(
        f"Camera {camera} of {title} is missing or not complete.",
        evidence,
        f"Copy the dataset again; each moment needs, of every camera, {LAYOUT}.",
    )
