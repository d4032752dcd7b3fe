"""From one converted float graph to a quantized one that keeps the contract."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgedepth.artifact.manifest import ContractOutcome, FileEntry, Quantization
from edgedepth.errors import GateError
from edgedepth.export.calibration import CalibrationSet
from edgedepth.export.formats import CALIBRATED
from edgedepth.export.quantize import onnx, tflite
from edgedepth.export.quantize.contract import Contract, Map, judge
from edgedepth.export.quantize.feeds import Feed
from edgedepth.export.quantize.groups import Group
from edgedepth.export.quantize.search import Trial, fewest_kept, sensitivities
from edgedepth.runtime.decode import decode
from edgedepth.runtime.preprocess import to_batch
from edgedepth.runtime.session import Session

_ROUNDS = 25
_FEW = 4
"""Calibrating batches while single layers are tried: enough to rank them."""
WriteTo = Callable[[Any, Path], FileEntry]
"""Writes a graph into a folder as a whole file; gives its entry."""


@dataclass(frozen=True)
class Made:
    """A quantized graph, what the manifest says of it, and the error if it misses the contract."""

    content: Any
    facts: Quantization
    rejection: GateError | None


class Quantizer:
    """Quantizes one float graph and measures what that does to depth.

    Args:
        file_format: ``onnx`` or ``tflite``.
        content: the float graph, float input.
        write: puts a graph on disk, to run it as users will.
        pictures: calibrating and held out.
        contract: what has to hold.
        exact: writes a graph as `write` does, but for an output that stays in float; given where `write` rounds it to
            integers. What that alone costs the float graph then comes on top of the contract.
    """

    INSTEAD = "--precision auto"
    """What may keep a contract that was missed."""

    def __init__(
        self,
        file_format: str,
        content: Any,
        write: WriteTo,
        pictures: CalibrationSet,
        contract: Contract,
        exact: WriteTo | None = None,
    ) -> None:
        self.room: Any = onnx if file_format == "onnx" else tflite
        self.content, self.write, self.pictures, self.contract = content, write, pictures, contract
        self.groups: tuple[Group, ...] = self.room.groups(content)
        self.reference, spec = self._depths(content)
        self.batches = self._batches(spec)
        if exact is not None:
            rounded, self.reference = self.reference, self._run(content, exact)[0]
            self.contract = contract.widened(self._outcome(rounded, spec))

    def make(self, precision: str) -> Made:
        """One precision; ``auto`` keeps in float what the contract needs."""
        if precision == "auto":
            return self._auto()
        trial = self._attempt(precision, frozenset())
        missed = self.contract.missed(trial.outcome)
        harm = self._harm(precision) if missed else {}
        facts = self._facts(precision, trial, harm)
        return Made(trial.content, facts, self._rejection(precision, missed, harm) if missed else None)

    def _auto(self) -> Made:
        full = self._attempt("w8a8", frozenset())
        harm = self._harm("w8a8")
        trial = fewest_kept(full, harm, self.contract, lambda kept: self._attempt("w8a8", kept))
        if trial is not None and self._is_faster(trial.content):
            return Made(trial.content, self._facts("w8a8", trial, harm), None)
        # Nothing gained by integers in the arithmetic: small weights are still worth having.
        weights = self._attempt("w8", frozenset())
        missed = self.contract.missed(weights.outcome)
        facts = self._facts("w8", weights, harm)
        return Made(weights.content, facts, self._rejection("auto", missed, harm) if missed else None)

    def _attempt(self, precision: str, kept: frozenset[str], most: int | None = None) -> Trial[Any]:
        content = self.room.quantize(self.content, precision, self.batches[:most], kept)
        return Trial(content, kept, self._outcome(*self._depths(content)))

    def _outcome(self, found: list[Map], entry: FileEntry) -> ContractOutcome:
        pictures = self.pictures
        metric = entry.output.value_range if entry.output.meaning == "metric-depth" else None
        return judge(found, self.reference, pictures.held_out, rendered=pictures.facts.synthetic, metric=metric)

    def _harm(self, precision: str) -> dict[str, float]:
        layers = [group.name for group in self.groups if group.name not in self.room.ALWAYS_FLOAT]
        return sensitivities(layers, lambda kept: self._attempt(precision, kept, _FEW))

    def _batches(self, entry: FileEntry) -> Sequence[Feed]:
        """What the graph is calibrated on."""
        return self.pictures.batches(entry.input.tensor.shape[0], entry.input.tensor.layout)

    def _depths(self, content: Any) -> tuple[list[Map], FileEntry]:
        """Of the held-out pictures, and the graph's entry."""
        return self._run(content, self.write)

    def _run(self, content: Any, write: WriteTo) -> tuple[list[Map], FileEntry]:
        with tempfile.TemporaryDirectory() as scratch:
            entry = write(content, Path(scratch))
            session = Session(Path(scratch) / entry.path, entry, threads=1)
            found = []
            for item in self.pictures.held_out:
                size = (item.image.shape[0], item.image.shape[1])
                output = session.maps(to_batch([item.image], entry.input))
                decoded = decode(output[0], entry.output, size)
                values = decoded.values.astype(np.float64)
                found.append(values if decoded.meaning.quantity == "depth" else 1.0 / values)
        return found, entry

    def _is_faster(self, content: Any) -> bool:
        """Whether the graph runs faster than the float one here; interleaved, one thread, medians."""
        with tempfile.TemporaryDirectory() as scratch:
            sessions = []
            for name, graph in (("own", content), ("float", self.content)):
                folder = Path(scratch) / name
                folder.mkdir()
                entry = self.write(graph, folder)
                session = Session(folder / entry.path, entry, threads=1)
                sessions.append((session, to_batch([self.pictures.held_out[0].image], entry.input)))
            times: list[list[float]] = [[], []]
            for _ in range(_ROUNDS):
                for (session, values), kept in zip(sessions, times, strict=True):
                    start = time.perf_counter()
                    session.run(values)
                    kept.append(time.perf_counter() - start)
        return statistics.median(times[0]) < statistics.median(times[1])

    def _facts(self, scheme: str, trial: Trial[Any], harm: dict[str, float]) -> Quantization:
        return Quantization(
            scheme=scheme,
            kept=tuple(group.name for group in self.groups if group.name in trial.kept),
            calibration=self.pictures.facts if scheme in CALIBRATED else None,
            outcome=trial.outcome,
            sensitivity=tuple((name, round(value, 6)) for name, value in harm.items()),
        )

    def _rejection(self, precision: str, missed: list[str], harm: dict[str, float]) -> GateError:
        worst = ", ".join(f"{name} {value:+.4f}" for name, value in list(harm.items())[:4])
        return GateError(
            f"The {precision} file does not keep the accuracy contract.",
            f"{'; '.join(missed)}, on {len(self.pictures.held_out)} held-out pictures. "
            f"Layers that hurt most, each quantized alone: {worst}.",
            "The files are kept in the .rejected folder beside the output, every layer in report.json. Try "
            f"{self.INSTEAD}, more pictures in --calib, or wider bounds with --max-absrel-drop and --max-d1-drop.",
        )
