"""Videos as monocular sequences; they need the ``video`` extra."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import InputError
from edgedepth.evaluation.datasets.base import DepthSample, read_array
from edgedepth.evaluation.datasets.camera import require_camera
from edgedepth.runtime.video import SUFFIXES, probe, read_frames


@dataclass(frozen=True)
class Clip:
    """One video and its camera's 3x3 matrix at the video's size."""

    path: Path
    intrinsics: NDArray[np.float64]


class VideoClips:
    """Frames of videos, named ``CLIP-000042``; without depth.

    Reading goes fastest in the order of names: a step back decodes the clip again from its start.

    Args:
        title: what to call the set.
        clips: by name.
        licence: of the videos.
    """

    moments: tuple[tuple[str, ...], ...] = ()

    def __init__(self, title: str, clips: dict[str, Clip], licence: str = "") -> None:
        self.title, self.licence, self._clips = title, licence, clips
        self._counts = {name: _count(clip.path) for name, clip in clips.items()}
        self.names = tuple(f"{name}-{i:06d}" for name in sorted(clips) for i in range(self._counts[name]))
        self._playing: str | None = None
        self._frames: Iterator[NDArray[np.uint8]] = iter(())
        self._next = 0

    def read(self, name: str) -> DepthSample:
        """One frame; its depth is 0 everywhere."""
        clip, index = self._split(name)
        image = self._frame(clip, index)
        sample = DepthSample(name, image, np.zeros(image.shape[:2], np.float32), self._clips[clip].intrinsics)
        require_camera(sample, f"{self.title}/{clip}")
        return sample

    def neighbours(self, name: str, step: int = 1) -> tuple[str | None, str | None]:
        """The frames before and after in the same clip."""
        clip, index = self._split(name)
        before, after = index - step, index + step
        return (
            f"{clip}-{before:06d}" if before >= 0 else None,
            f"{clip}-{after:06d}" if after < self._counts[clip] else None,
        )

    @staticmethod
    def _split(name: str) -> tuple[str, int]:
        clip, _, index = name.rpartition("-")
        return clip, int(index)

    def _frame(self, clip: str, index: int) -> NDArray[np.uint8]:
        if clip != self._playing or index < self._next:
            self._playing, self._frames, self._next = clip, read_frames(self._clips[clip].path), 0
        for image in self._frames:
            self._next += 1
            if self._next == index + 1:
                return image
        path = self._clips[clip].path
        raise InputError(
            f"{path} is shorter than it says.",
            f"It has {self._next} frames; frame {index} was asked for.",
            "Convert it again.",
        )


def _count(path: Path) -> int:
    declared = probe(path).count
    return declared if declared is not None else sum(1 for _ in read_frames(path))


def is_video(path: Path) -> bool:
    """Whether the file's suffix is a video's."""
    return path.suffix.lower() in SUFFIXES


def recognises(root: Path) -> bool:
    """Whether the folder holds videos and cameras by size, ``K_960x540.npy``."""
    return any(root.glob("K_*x*.npy")) and any(is_video(path) for path in root.glob("*"))


def open_clips(root: Path) -> VideoClips:
    """Every video of the folder, each with the camera of its size.

    Raises:
        InputError: no camera of a video's size.
    """
    clips = {}
    for path in sorted(filter(is_video, root.iterdir())):
        height, width = next(read_frames(path)).shape[:2]
        clips[path.stem] = Clip(path, read_array(root / f"K_{width}x{height}.npy"))
    return VideoClips(root.name, clips)
