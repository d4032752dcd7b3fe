"""Where results go: coloured pictures and arrays beside each other, or one video."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

from edgedepth.errors import UsageError
from edgedepth.runtime import video
from edgedepth.runtime.colour import SteadyRange, beside, colourize
from edgedepth.runtime.decode import DepthMap
from edgedepth.runtime.npy_stream import NpyStream, npy_stream
from edgedepth.runtime.sources import Frame, Source
from edgedepth.runtime.writing import npy_bytes, png_bytes, require_other, require_writable, write_whole


@dataclass(frozen=True)
class Wanted:
    """What the user asked for.

    Attributes:
        output: a .png or .npy for a picture, a folder for a folder, a .mp4 for a video.
        npy: also write the values as float32.
        side_by_side: put the picture left of its colours.
        force: in an output folder, replace what earlier runs wrote.
    """

    output: Path
    npy: bool = False
    side_by_side: bool = False
    force: bool = False


class Sink(Protocol):
    """Takes results inside a ``with`` block.

    Attributes:
        outputs: the files that are complete, in the order of their writing.
    """

    outputs: list[Path]

    def __enter__(self) -> Sink: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, frame: Frame, depth: DepthMap) -> None:
        """Take one frame's result."""
        ...


def open_sink(source: Source, wanted: Wanted) -> Sink:
    """Check everything that can be checked before a model runs, and make the sink that fits the source.

    A single output file is replaced when it exists, in one step; the source never is. In a folder, existing
    pictures are replaced only with `Wanted.force`.

    Raises:
        UsageError: an output that does not fit the source, or would replace what it must not.
        OutputError: an output that cannot be written.
        MissingDependencyError: no encoder for a video.
    """
    require_other(wanted.output, source.path)
    require_writable(wanted.output)
    if source.kind == "folder":
        return FileSink(_targets_in_folder(source, wanted), side_by_side=wanted.side_by_side)
    if wanted.output.is_dir():
        raise UsageError(
            f"{wanted.output} is a folder, and {source.path.name} gives one file.",
            "",
            f"For example -o {wanted.output / source.path.stem}{_legal_suffixes(source)[0]}",
        )
    _require_suffix(source, wanted)
    if source.kind == "video":
        if source.rate is None:
            raise ValueError("a video source has a rate")
        return VideoSink(wanted, source.rate)
    return FileSink({source.path.name: _targets(wanted)}, side_by_side=wanted.side_by_side)


def _legal_suffixes(source: Source) -> tuple[str, ...]:
    return (".mp4",) if source.kind == "video" else (".png", ".npy")


def _require_suffix(source: Source, wanted: Wanted) -> None:
    suffix, legal = wanted.output.suffix.lower(), _legal_suffixes(source)
    if suffix not in legal:
        raise UsageError(
            f"A {source.kind} cannot be written to {wanted.output.name}.",
            f"The output of a {source.kind} ends in {' or '.join(legal)}.",
            f"For example -o {wanted.output.with_suffix(legal[0])}",
        )
    if suffix == ".npy" and wanted.side_by_side:
        raise UsageError(
            "--side-by-side needs a picture to be written.",
            f"{wanted.output.name} holds numbers only.",
            f"For both: --npy -o {wanted.output.with_suffix('.png')}",
        )


@dataclass(frozen=True)
class _Targets:
    png: Path | None
    npy: Path | None

    def existing(self) -> list[Path]:
        return [path for path in (self.png, self.npy) if path is not None and path.exists()]


def _targets(wanted: Wanted) -> _Targets:
    if wanted.output.suffix.lower() == ".npy":
        return _Targets(None, wanted.output)
    return _Targets(wanted.output, wanted.output.with_suffix(".npy") if wanted.npy else None)


def _targets_in_folder(source: Source, wanted: Wanted) -> dict[str, _Targets]:
    folder = wanted.output
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file.", "The output of a folder is a folder.", "Name another -o.")
    stems = Counter(file.stem for file in source.files)
    targets = {}
    for file in source.files:
        # a.jpg and a.png in one folder would meet in a.png: such names keep their suffix.
        stem = file.stem if stems[file.stem] == 1 else file.name
        targets[file.name] = _Targets(folder / f"{stem}.png", folder / f"{stem}.npy" if wanted.npy else None)
    existing = [path for target in targets.values() for path in target.existing()]
    if existing and not wanted.force:
        raise UsageError(
            f"{folder} already holds results.",
            f"{len(existing)} would be replaced, such as {existing[0].name}.",
            "Add --force to replace them, or name another folder with -o.",
        )
    return targets


class FileSink:
    """One .png, one .npy or both for each frame, each whole or not at all; what is complete stays.

    Args:
        targets: by frame name.
        side_by_side: put the picture left of its colours.
    """

    def __init__(self, targets: dict[str, _Targets], *, side_by_side: bool) -> None:
        self._targets, self._side_by_side = targets, side_by_side
        self.outputs: list[Path] = []

    def __enter__(self) -> FileSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    def write(self, frame: Frame, depth: DepthMap) -> None:
        """Write one frame's files."""
        target = self._targets[frame.name]
        if target.png is not None:
            coloured = colourize(depth.closeness)
            self._put(target.png, png_bytes(beside(frame.picture, coloured) if self._side_by_side else coloured))
        if target.npy is not None:
            self._put(target.npy, npy_bytes(depth.values))

    def _put(self, path: Path, content: bytes) -> None:
        write_whole(path, content)
        self.outputs.append(path)


class VideoSink:
    """An .mp4 of coloured frames and, if wanted, one .npy of all values, (frames, H, W); both appear last.

    Args:
        wanted: its output is the .mp4; the .npy gets the same name.
        rate: frames per second.
    """

    def __init__(self, wanted: Wanted, rate: Fraction) -> None:
        self._encoder = video.pick_encoder()
        self._wanted, self._rate = wanted, rate
        self._limits = SteadyRange()
        self._open = ExitStack()
        self._video: video.VideoWriter | None = None
        self._npy: NpyStream | None = None
        self._promised: list[Path] = []
        self.outputs: list[Path] = []

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Publish the files, or remove them where the block did not end well."""
        self._open.__exit__(kind, error, trace)
        if kind is None:
            self.outputs += self._promised

    def write(self, frame: Frame, depth: DepthMap) -> None:
        """Append one frame."""
        coloured = colourize(depth.closeness, self._limits.follow(depth.closeness))
        shown = beside(frame.picture, coloured) if self._wanted.side_by_side else coloured
        if self._video is None:
            self._video = self._start((shown.shape[0], shown.shape[1]))
        self._video.write(shown)
        if self._npy is not None:
            self._npy.append(depth.values)

    def _start(self, size: tuple[int, int]) -> video.VideoWriter:
        output = self._wanted.output
        writer = self._open.enter_context(video.video_writer(output, self._encoder, self._rate, size))
        self._promised.append(output)
        if self._wanted.npy:
            beside_it = output.with_suffix(".npy")
            self._npy = self._open.enter_context(npy_stream(beside_it))
            self._promised.append(beside_it)
        return writer
