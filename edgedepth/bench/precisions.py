"""The files of an artifact beside its fp32 files: bytes, parity, depth, time, and what XNNPACK takes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from edgedepth.artifact import Artifact, FileEntry
from edgedepth.artifact.manifest import Manifest, Quantization
from edgedepth.bench.host import bench_host, row_key
from edgedepth.bench.matrix import Choice, configurations
from edgedepth.bench.protocol import Progress
from edgedepth.bench.schema import Plan, Runtime
from edgedepth.bench.statistics import Ratio, Summary, ratio_of_medians, summarize
from edgedepth.errors import OperatorError
from edgedepth.evaluation.metrics import DepthMetrics
from edgedepth.preflight.xnnpack import Partitions, xnnpack_partitions

FULL = "fp32"
"""The precision that the others are compared with."""


class WorstParity(msgspec.Struct, frozen=True):
    """The largest error and the lowest correlation that the manifest states over the reference inputs."""

    max_abs: float
    correlation: float


class ToFp32(msgspec.Struct, frozen=True):
    """A file against the fp32 file of the same artifact, format and size.

    Attributes:
        file: the fp32 file, relative to the artifact's folder.
        bytes: this size over that one's.
        time: this median over that one's, both of the same rounds.
        abs_rel, delta1: this metric minus that one's; None where depth was not measured.
    """

    file: str
    bytes: float
    time: Ratio
    abs_rel: float | None
    delta1: float | None


class PrecisionRow(msgspec.Struct, frozen=True):
    """One file.

    Attributes:
        artifact: what to call the folder.
        file: relative to it.
        size: (height, width) in pixels.
        parity: None when the export ran unchecked.
        quantization: what the manifest says of it; None for a float file.
        depth: mean over frames; None where it was not measured.
        runtime: with version and delegate or provider.
        samples_ms: one per round, in the order of the rounds.
        xnnpack: .tflite only.
        to_fp32: None where the artifact has no such fp32 file.
    """

    artifact: str
    file: str
    model: str
    weights: Literal["checkpoint", "shipped", "random"]
    size: tuple[int, int]
    format: str
    precision: str
    sha256: str
    bytes: int
    parity: WorstParity | None
    quantization: Quantization | None
    depth: DepthMetrics | None
    runtime: str
    samples_ms: list[float]
    summary: Summary
    xnnpack: Partitions | None
    to_fp32: ToFp32 | None

    @property
    def title(self) -> str:
        """What to call it in a sentence."""
        return f"{self.artifact}/{self.file}"


def precision_rows(
    name: str,
    artifact: Artifact,
    manifest: Manifest,
    threads: int,
    plan: Plan,
    depths: Mapping[str, DepthMetrics],
    progress: Progress | None = None,
) -> list[PrecisionRow]:
    """Time every file of an artifact in the same rounds, and put beside it what else is known of the file.

    Args:
        name: what to call the artifact.
        artifact, manifest: an opened folder and what it says.
        threads: of every runtime.
        plan: how long to measure.
        depths: mean metrics by `FileEntry.path`, of the files whose depth was measured.
        progress: called after each round.

    Returns:
        One row per file, in the manifest's order.

    Raises:
        InputError: a file is damaged.
        OperatorError: a file cannot be measured.
    """
    times = _times(artifact, threads, plan, progress)
    return [
        PrecisionRow(
            name,
            entry.path,
            manifest.model.name,
            manifest.source.kind,
            entry.size,
            entry.format,
            entry.precision,
            entry.sha256,
            entry.bytes,
            _worst(entry),
            entry.quantization,
            depths.get(entry.path),
            times[entry.path].runtime,
            times[entry.path].samples_ms,
            summarize(times[entry.path].samples_ms),
            xnnpack_partitions(artifact.path(entry)) if entry.format == "tflite" else None,
            _to_fp32(entry, artifact, times, depths),
        )
        for entry in artifact.files
    ]


class _Timed(NamedTuple):
    runtime: str
    samples_ms: list[float]


def _times(artifact: Artifact, threads: int, plan: Plan, progress: Progress | None) -> dict[str, _Timed]:
    """By `FileEntry.path`, all of the same rounds; files of equal content share one measurement."""
    paths = {str(artifact.path(entry)): entry.path for entry in artifact.files}
    asked = configurations(list(paths), Choice(threads=(threads,)), plan)
    records = {record.key: record for record in bench_host(asked, plan, progress=progress).records}
    found = {}
    for one in asked:
        record = records[row_key(one)]
        if record.latency is None:
            raise OperatorError(f"{one.job.graph} cannot be measured.", "; ".join(record.invalid_reasons), "")
        found[paths[one.job.graph]] = _Timed(_title(record.runtime), record.latency.samples_ms)
    return found


def _title(runtime: Runtime) -> str:
    if runtime.name == "litert":
        return f"LiteRT {runtime.version} XNNPACK"
    return f"ONNX Runtime {runtime.version} CPU"


def _worst(entry: FileEntry) -> WorstParity | None:
    if not entry.parity:
        return None
    found = entry.parity.values()
    return WorstParity(max(one.max_abs for one in found), min(one.correlation for one in found))


def _to_fp32(
    entry: FileEntry, artifact: Artifact, times: Mapping[str, _Timed], depths: Mapping[str, DepthMetrics]
) -> ToFp32 | None:
    wanted = (FULL, entry.format, entry.size)
    full = next((one for one in artifact.files if (one.precision, one.format, one.size) == wanted), None)
    if full is None:
        return None
    own, other = depths.get(entry.path), depths.get(full.path)
    return ToFp32(
        full.path,
        entry.bytes / full.bytes,
        ratio_of_medians(times[entry.path].samples_ms, times[full.path].samples_ms),
        None if own is None or other is None else own.abs_rel - other.abs_rel,
        None if own is None or other is None else own.delta1 - other.delta1,
    )
