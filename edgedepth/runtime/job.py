"""A whole run: every frame of a source through a predictor into a sink, with the time of each part."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any

from edgedepth.errors import InputError
from edgedepth.runtime.predictor import DepthPredictor
from edgedepth.runtime.sinks import Sink
from edgedepth.runtime.sources import Source
from edgedepth.runtime.words import threads_in_words, weights_warnings


@dataclass
class Times:
    """Seconds per frame; frames that ran in one batch share its time equally.

    Attributes:
        before: reading and pre-processing.
        model: the runtime alone, from its input to its output.
        after: decoding, colouring and writing.
    """

    before: list[float] = field(default_factory=list)
    model: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)

    def add(self, frames: int, before: float, model: float, after: float) -> None:
        """Note one batch."""
        self.before += [before / frames] * frames
        self.model += [model / frames] * frames
        self.after += [after / frames] * frames

    def medians_ms(self) -> dict[str, float]:
        """Median milliseconds per frame of each part."""
        parts = {"before": self.before, "model": self.model, "after": self.after}
        return {name: round(statistics.median(seconds) * 1000, 3) for name, seconds in parts.items()}


@dataclass(frozen=True)
class Summary:
    """What a run did."""

    source: Source
    predictor: DepthPredictor
    sink: Sink
    times: Times

    @property
    def frames(self) -> int:
        """Frames that were run."""
        return len(self.times.model)

    def as_object(self) -> dict[str, Any]:
        """For ``--json``."""
        session = self.predictor.session
        return {
            "model_file": session.entry.path,
            "format": session.entry.format,
            "precision": session.entry.precision,
            "size": list(session.entry.size),
            "batch": session.batch,
            "runtime": session.runtime,
            "threads": session.threads,
            "weights": self.predictor.weights.statement,
            "source": str(self.source.path),
            "kind": self.source.kind,
            "frames": self.frames,
            "ms_per_frame": self.times.medians_ms(),
            "values": {
                "quantity": self.predictor.meaning.quantity,
                "unit": self.predictor.meaning.unit,
            },
            "outputs": [str(path) for path in self.sink.outputs],
            "warnings": self.warnings(),
        }

    def lines(self) -> list[str]:
        """For people: time, meaning, outputs."""
        session, spent = self.predictor.session, self.times.medians_ms()
        threads = threads_in_words(session.threads)
        counted = "1 frame, the first run" if self.frames == 1 else f"median of {self.frames} frames"
        outputs = [str(path) for path in self.sink.outputs]
        if self.source.kind == "folder":
            outputs = [f"{len(outputs)} files in {self.sink.outputs[0].parent}"]
        before, after = f"{spent['before']:.1f} ms", f"{spent['after']:.1f} ms"
        return [
            f"model   {spent['model']:.1f} ms/frame ({counted}; {session.runtime}, {threads})",
            f"rest    {before} reading and pre-processing, {after} decoding, colouring and writing",
            f"values  {self.predictor.meaning.statement}",
            *(f"output  {line}" for line in outputs),
        ]

    def warnings(self) -> list[str]:
        """What a user should know before believing the result."""
        found = list(weights_warnings(self.predictor.weights))
        declared = self.source.count
        if declared is not None and self.frames < declared:
            found.append(f"{self.source.path} declares {declared} frames; only {self.frames} could be read.")
        return found


def run_source(
    predictor: DepthPredictor,
    source: Source,
    sink: Sink,
    on_frame: Callable[[], None] = lambda: None,
) -> Summary:
    """Run all frames, as many at a time as the graph takes.

    Args:
        predictor: what turns pictures into depth.
        source: where frames come from.
        sink: where results go; it is entered and left here.
        on_frame: called after each frame.

    Raises:
        InputError: a frame cannot be read, or there is none.
        OutputError: a result cannot be written. Files that are complete stay, nothing half-written does.
    """
    times = Times()
    with sink, closing(source.frames()) as frames:
        while True:
            start = perf_counter()
            group = list(islice(frames, predictor.batch))
            if not group:
                break
            batch = predictor.prepare([frame.picture for frame in group])
            ready = perf_counter()
            output = predictor.session.maps(batch)
            ran = perf_counter()
            for frame, raw in zip(group, output, strict=False):  # a padded batch gives more maps than frames
                sink.write(frame, predictor.decode(raw, (frame.picture.shape[0], frame.picture.shape[1])))
                on_frame()
            times.add(len(group), ready - start, ran - ready, perf_counter() - ran)
        if not times.model:
            raise InputError(f"{source.path} holds no frame.", "", "Name another video.")
    return Summary(source, predictor, sink, times)
