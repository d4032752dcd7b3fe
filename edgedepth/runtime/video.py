"""Video through PyAV: frames in, frames out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import InputError, MissingDependencyError, OutputError
from edgedepth.runtime.writing import whole_file

SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".3gp", ".wmv"})
# Best first: H.264 plays everywhere; MPEG-4 part 2 is in every build.
ENCODERS = ("libx264", "h264_videotoolbox", "libopenh264", "mpeg4")
ENCODER_OPTIONS = {"libx264": {"crf": "18", "preset": "veryfast"}}
# Enough for smooth colour maps with an encoder that has no constant-quality mode.
BITS_PER_PIXEL = 0.25
# FFmpeg's numbers. Stated in the file, because players guess differently for small and large pictures.
BT709, LIMITED_RANGE = 1, 1
LARGEST_RATE_TERM = 1001  # MPEG-4 cannot state finer rates; 30000/1001 stays exact


@dataclass(frozen=True)
class VideoFacts:
    """What a video says about itself.

    Attributes:
        rate: frames per second, averaged where they are unevenly spaced.
        count: frames that the file declares; None where it does not.
    """

    rate: Fraction
    count: int | None


def require_av() -> ModuleType:
    """PyAV.

    Raises:
        MissingDependencyError: not installed.
    """
    try:
        import av  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise MissingDependencyError(
            "Video needs PyAV.", str(error), 'Install it with: pip install "edgedepth[video]"'
        ) from error
    module: ModuleType = av
    return module


def probe(path: Path) -> VideoFacts:
    """Look at a video without decoding it.

    Raises:
        InputError: not a video, or one that states no frame rate.
        MissingDependencyError: PyAV is not installed.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        if not rate:
            raise InputError(f"{path} states no frame rate.", "", "Convert it to MP4 first.")
        return VideoFacts(Fraction(rate).limit_denominator(LARGEST_RATE_TERM), stream.frames or None)


def read_frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Decode a video frame by frame, turned upright where the camera was held sideways; sound is left out.

    Yields:
        (H, W, 3) uint8 RGB, all of one size.

    Raises:
        InputError: not a video, damaged, or changing its size midway.
        MissingDependencyError: PyAV is not installed.
    """
    av = require_av()
    first: tuple[int, ...] | None = None
    count = 0
    with _opened(path) as container:
        container.streams.video[0].thread_type = "AUTO"
        frames = container.decode(video=0)
        while True:
            try:
                frame = next(frames, None)
            except av.error.FFmpegError as error:
                raise InputError(
                    f"{path} is damaged.", f"After {count} frames: {error.strerror}.", "Replace the file."
                ) from error
            if frame is None:
                return
            picture = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
            first = first or picture.shape
            if picture.shape != first:
                raise InputError(
                    f"{path} changes its size.",
                    f"Frame {count} is {picture.shape}, the first {first}.",
                    "Split it.",
                )
            count += 1
            yield np.ascontiguousarray(picture)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    av = require_av()
    try:
        container = av.open(str(path))
    except av.error.FFmpegError as error:
        raise InputError(f"{path} is not a video.", f"{error.strerror}.", "Name an image or a video.") from error
    with container:
        if not container.streams.video:
            raise InputError(f"{path} holds no picture.", "It has no video stream.", "Name an image or a video.")
        yield container


def pick_encoder() -> str:
    """The best encoder that this PyAV has.

    Raises:
        MissingDependencyError: none, or no PyAV.
    """
    av = require_av()
    for name in ENCODERS:
        try:
            av.codec.Codec(name, "w")
        except av.codec.codec.UnknownCodecError:
            continue
        return name
    raise MissingDependencyError(
        "This PyAV cannot write video.", f"It has none of {', '.join(ENCODERS)}.", "Install PyAV's own wheel."
    )


class VideoWriter:
    """Encodes (H, W, 3) uint8 RGB frames of one size; odd sizes grow by one repeated row or column.

    Args:
        container: an opened PyAV output.
        encoder: one of `ENCODERS`.
        rate: frames per second.
        size: (height, width).
    """

    def __init__(self, container: Any, encoder: str, rate: Fraction, size: tuple[int, int]) -> None:
        height, width = size
        self._spare = (height % 2, width % 2)  # H.264 stores colour at half the size, so both must be even
        self._container = container
        self._stream = container.add_stream(encoder, rate=rate)
        self._stream.height, self._stream.width = height + self._spare[0], width + self._spare[1]
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        self._stream.options = ENCODER_OPTIONS.get(encoder, {})
        if encoder not in ENCODER_OPTIONS:
            self._stream.bit_rate = int(height * width * rate * BITS_PER_PIXEL)

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Add one frame."""
        av = require_av()
        down, across = self._spare
        even = np.pad(picture, ((0, down), (0, across), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(even, format="rgb24")
        self._container.mux(self._stream.encode(frame.reformat(format="yuv420p", dst_colorspace=BT709)))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))


@contextmanager
def video_writer(target: Path, encoder: str, rate: Fraction, size: tuple[int, int]) -> Iterator[VideoWriter]:
    """A `VideoWriter` for an MP4 that appears when the block ends well.

    Raises:
        OutputError: the disk is full or read-only, or the encoder refuses the frames.
    """
    av = require_av()
    with whole_file(target) as passing:
        try:
            with av.open(str(passing), "w", format="mp4", options={"movflags": "+faststart"}) as container:
                writer = VideoWriter(container, encoder, rate, size)
                yield writer
                writer.finish()
        except OSError:
            raise  # whole_file says it better
        except av.error.FFmpegError as error:
            raise OutputError(f"{target} could not be encoded.", f"{encoder}: {error.strerror}.") from error
