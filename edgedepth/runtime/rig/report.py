"""What a rig run found, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgedepth.runtime.predictor import DepthPredictor
from edgedepth.runtime.rig.consistency import Agreement
from edgedepth.runtime.rig.view import View
from edgedepth.runtime.words import threads_in_words, weights_warnings


class CameraFacts(msgspec.Struct, frozen=True):
    """One camera.

    Attributes:
        name: its name.
        picture: (height, width) in pixels.
        seen: share of its pixels that see the world, not its own vehicle.
        solid: share of its pixels that went into the cloud, before `RigReport.max_range_m`.
        median_depth_m: of what it sees, metres; None where it has no depth.
    """

    name: str
    picture: tuple[int, int]
    seen: float
    solid: float
    median_depth_m: float | None

    @classmethod
    def of(cls, view: View, picture: NDArray[np.uint8]) -> CameraFacts:
        """The facts of a camera that has run."""
        depth = view.depth[view.valid]
        return cls(
            name=view.name,
            picture=(picture.shape[0], picture.shape[1]),
            seen=round(float(view.seen.mean()), 4),
            solid=round(float(view.solid.mean()), 4),
            median_depth_m=round(float(np.median(depth)), 3) if depth.size else None,
        )


class RigReport(msgspec.Struct, frozen=True):
    """One rig frame.

    Attributes:
        model_file, format, precision, size, batch, runtime, threads, weights: what ran.
        calls: of the graph, for all cameras.
        cameras: in ring order.
        points: in the cloud.
        max_range_m: how far the cloud and the bird's-eye picture reach, metres along the ground.
        consistency: of all neighbours together.
        pairs: of each pair of neighbours in the ring.
        ms: milliseconds of each part: reading the pictures, preparing them, the model, decoding, fusing the cloud,
            comparing the cameras, drawing and writing.
        peak_memory_bytes: of the whole process.
        outputs: relative to the output folder.
        warnings: what to know before believing the result.
    """

    model_file: str
    format: str
    precision: str
    size: tuple[int, int]
    batch: int
    calls: int
    runtime: str
    threads: int
    weights: str
    cameras: tuple[CameraFacts, ...]
    points: int
    max_range_m: float
    consistency: Agreement
    pairs: tuple[Agreement, ...]
    ms: dict[str, float]
    peak_memory_bytes: int
    outputs: tuple[str, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(
        cls, predictor: DepthPredictor, *, cameras: tuple[CameraFacts, ...], ms: Mapping[str, float], **found: Any
    ) -> RigReport:
        """A report; what ran is read from the predictor."""
        session = predictor.session
        return cls(
            model_file=session.entry.path,
            format=session.entry.format,
            precision=session.entry.precision,
            size=session.entry.size,
            batch=session.batch,
            calls=-(-len(cameras) // session.batch),
            runtime=session.runtime,
            threads=session.threads,
            weights=predictor.weights.statement,
            cameras=cameras,
            ms={name: round(spent, 1) for name, spent in ms.items()},
            warnings=weights_warnings(predictor.weights),
            **found,
        )

    def lines(self) -> list[str]:
        """For people."""
        total = sum(self.ms.values())
        parts = ", ".join(f"{name} {spent:.0f}" for name, spent in self.ms.items())
        calls = "one call" if self.calls == 1 else f"{self.calls} calls"
        threads = threads_in_words(self.threads)
        rows = [("all pairs", self.consistency), *((" - ".join(pair.cameras), pair) for pair in self.pairs)]
        width = max(len(name) for name, _ in rows)
        return [
            f"time    {total:.0f} ms for the {len(self.cameras)} cameras: {parts}",
            f"model   {self.model_file}, {calls} of batch {self.batch}, first run ({self.runtime}, {threads})",
            f"memory  {self.peak_memory_bytes / 2**20:.0f} MiB at most",
            f"cloud   {self.points:,} points within {self.max_range_m:g} m",
            "agreement of neighbours where both see the same",
            *(f"  {name:<{width}}  {_words(pair)}" for name, pair in rows),
        ]


def _words(pair: Agreement) -> str:
    if pair.median is None or pair.within is None:
        return f"no overlap ({pair.pixels} pixels)"
    return f"median difference {pair.median:6.1%}, {pair.within:6.1%} within 1.25, {pair.pixels:,} pixels"
