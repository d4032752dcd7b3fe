"""A whole rig frame: one picture of each camera in, metric depth of all of them out, seen as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgedepth.artifact.folder import require_free, whole_folder
from edgedepth.artifact.rig_file import CameraOnDisk
from edgedepth.errors import UsageError
from edgedepth.memory import peak_memory
from edgedepth.runtime.colour import beside
from edgedepth.runtime.pictures import read_picture
from edgedepth.runtime.predictor import DepthPredictor
from edgedepth.runtime.preprocess import resize
from edgedepth.runtime.rig.birdseye import birdseye
from edgedepth.runtime.rig.cloud import Cloud, fuse, write_ply
from edgedepth.runtime.rig.consistency import agreements
from edgedepth.runtime.rig.legend import coloured_depth, common_limits
from edgedepth.runtime.rig.report import CameraFacts, RigReport
from edgedepth.runtime.rig.view import View, scaled_intrinsics, scaled_mask
from edgedepth.runtime.writing import npy_bytes, png_bytes

CLOUD, BIRDSEYE, REPORT, DEPTH = "cloud.ply", "birdseye.png", "report.json", "depth"
LEAST_WIDTH = 480  # of a depth picture, so that its scale can be read

Picture = NDArray[np.uint8]
Map = NDArray[np.float32]


@dataclass(frozen=True)
class RigWanted:
    """What the user asked for.

    Attributes:
        output: the folder.
        max_range: metres along the ground that the cloud and the bird's-eye picture reach.
        npy: also write each camera's depth, float32 metres, at its picture's size.
        side_by_side: put each picture left of its depth.
        force: replace the results that are there.
    """

    output: Path
    max_range: float = 50.0
    npy: bool = False
    side_by_side: bool = False
    force: bool = False


@dataclass
class _Watch:
    """Milliseconds of each part, in the order of their end."""

    spent: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.spent[name] = self.spent.get(name, 0.0) + (perf_counter() - start) * 1000


def run_rig(predictor: DepthPredictor, cameras: Sequence[CameraOnDisk], wanted: RigWanted) -> RigReport:
    """Run one frame of a rig and write what came out; the output folder appears whole or not at all.

    Args:
        predictor: gives metric depth; of a batch of N it takes N cameras at a time.
        cameras: in ring order.
        wanted: where and what.

    Raises:
        UsageError: depth that is not metric, a range that is none, or a folder that may not be replaced.
        InputError: a picture cannot be read.
        OutputError: the folder cannot be written.
    """
    _require(predictor, wanted)
    watch = _Watch()
    with watch.part("read"):
        pictures = [read_picture(one.image) for one in cameras]
    maps, views = _views(predictor, cameras, pictures, watch)
    with watch.part("fuse"):
        cloud = fuse(views, wanted.max_range)
    with watch.part("compare"):
        pairs, overall = agreements(views)
    with whole_folder(wanted.output, force=wanted.force, mark=CLOUD, kind="the result of a rig") as folder:
        with watch.part("draw"):
            outputs = _draw(views, cloud, pictures, wanted, folder)
            if wanted.npy:
                outputs += _write_arrays(predictor, cameras, maps, folder)
        report = RigReport.of(
            predictor,
            cameras=tuple(CameraFacts.of(view, picture) for view, picture in zip(views, pictures, strict=True)),
            points=len(cloud.points),
            max_range_m=wanted.max_range,
            consistency=overall,
            pairs=tuple(pairs),
            ms=watch.spent,
            peak_memory_bytes=peak_memory(),
            outputs=(*outputs, REPORT),
        )
        (folder / REPORT).write_bytes(
            msgspec.json.format(msgspec.json.encode(report, order="sorted"), indent=1) + b"\n"
        )
    return report


def _require(predictor: DepthPredictor, wanted: RigWanted) -> None:
    if predictor.meaning.unit != "metres":
        raise UsageError(
            "A rig needs depth in metres.",
            f"{predictor.session.entry.path} gives {predictor.meaning.statement}.",
            "Use a metric model, such as surround-monodepth2.",
        )
    if not 0 < wanted.max_range < np.inf:
        raise UsageError(f"A range of {wanted.max_range:g} m shows nothing.", "", "For example --max-range 50")
    require_free(wanted.output, force=wanted.force, mark=CLOUD, kind="the result of a rig")


def _views(
    predictor: DepthPredictor, cameras: Sequence[CameraOnDisk], pictures: Sequence[Picture], watch: _Watch
) -> tuple[list[Map], list[View]]:
    maps: list[Map] = []
    small: list[Picture] = []
    for first in range(0, len(cameras), predictor.batch):
        group = pictures[first : first + predictor.batch]
        with watch.part("prepare"):
            small += [resize(picture, predictor.session.entry.size) for picture in group]
            batch = predictor.prepare(small[first:])
        with watch.part("model"):
            output = predictor.session.maps(batch)
        maps += list(output[: len(group)])
    with watch.part("decode"):
        views = [_view(predictor, *each) for each in zip(cameras, maps, small, strict=True)]
    return maps, views


def _view(predictor: DepthPredictor, one: CameraOnDisk, output: Map, small: Picture) -> View:
    camera, size = one.camera, (output.shape[0], output.shape[1])
    return View(
        name=camera.name,
        intrinsics=scaled_intrinsics(camera.intrinsics, camera.size, size),
        pose=camera.pose_matrix(),
        depth=predictor.decode(output, size).values,
        colours=resize(small, size),
        seen=scaled_mask(one.seen, size),
    )


def _draw(
    views: Sequence[View], cloud: Cloud, pictures: Sequence[Picture], wanted: RigWanted, folder: Path
) -> tuple[str, ...]:
    write_ply(cloud, folder / CLOUD)
    (folder / BIRDSEYE).write_bytes(png_bytes(birdseye(views, wanted.max_range)))
    (folder / DEPTH).mkdir()
    limits, outputs = common_limits(views), [CLOUD, BIRDSEYE]
    for view, picture in zip(views, pictures, strict=True):
        width = max(view.depth.shape[1], LEAST_WIDTH)
        size = (round(width * picture.shape[0] / picture.shape[1]), width)
        shown = coloured_depth(view, limits, size)
        if wanted.side_by_side:
            shown = beside(_above_white(picture, size, shown.shape[0]), shown)
        outputs.append(f"{DEPTH}/{view.name}.png")
        (folder / outputs[-1]).write_bytes(png_bytes(shown))
    return tuple(outputs)


def _above_white(picture: Picture, size: tuple[int, int], height: int) -> Picture:
    small = np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BOX))
    return np.pad(small, ((0, height - size[0]), (0, 0), (0, 0)), constant_values=255)


def _write_arrays(
    predictor: DepthPredictor, cameras: Sequence[CameraOnDisk], maps: Sequence[Map], folder: Path
) -> tuple[str, ...]:
    outputs = []
    for one, output in zip(cameras, maps, strict=True):
        outputs.append(f"{DEPTH}/{one.camera.name}.npy")
        (folder / outputs[-1]).write_bytes(npy_bytes(predictor.decode(output, one.camera.size).values))
    return tuple(outputs)
