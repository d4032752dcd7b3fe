"""Everything that can be said of a file by reading it and loading it once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgedepth.artifact import FileEntry, open_artifact, sha256
from edgedepth.artifact.embed import KEY, read_embedded
from edgedepth.artifact.manifest import FILE_NAME, InputContract, Lowering, OutputContract, Parity, RefinerEntry, Source
from edgedepth.artifact.onnx_graph import OnnxGraph, read_onnx
from edgedepth.artifact.tflite_graph import TfliteGraph, read_tflite
from edgedepth.errors import InputError
from edgedepth.preflight.gpu import GpuVerdict, check_gpu
from edgedepth.preflight.rules import (
    Finding,
    explained_xnnpack,
    input_transposes,
    miscomputed_by_gpu,
    predicted_gpu_refusals,
)
from edgedepth.preflight.xnnpack import Partitions, xnnpack_partitions


@dataclass(frozen=True)
class Statement:
    """What an artifact says about one of its files; `refiner`: of a refiner, all that its manifest says."""

    model: str
    source: Source
    precision: str
    input: InputContract
    output: OutputContract
    lowering: tuple[Lowering, ...]
    parity: dict[str, Parity]
    refiner: RefinerEntry | None = None


@dataclass(frozen=True)
class Delegates:
    """What mobile delegates do with a .tflite file.

    Attributes:
        xnnpack: measured.
        outside: why each operator is outside XNNPACK.
        gpu_predicted: what the GPU accelerator is expected to refuse, by the table of `preflight.rules`.
        gpu_miscomputed: what it is known to take and compute wrong, by the same table.
        gpu: what it did, where it was asked.
    """

    xnnpack: Partitions
    outside: tuple[Finding, ...]
    gpu_predicted: tuple[Finding, ...]
    gpu_miscomputed: tuple[Finding, ...]
    gpu: GpuVerdict | None


@dataclass(frozen=True)
class Inspection:
    """One file.

    Attributes:
        statement: None for a file that edgedepth did not write.
        ranks: how many tensors have each rank.
        transposes: how many; `input_transposes` of them only change the layout of an input.
        macs: multiply-adds; None where a size is not fixed.
        opset: ONNX only.
        subgraphs: graphs in a .tflite file; only the first one is inspected.
        delegates: .tflite only.
    """

    file: str
    format: str
    sha256: str
    bytes: int
    statement: Statement | None
    operators: dict[str, int]
    ranks: dict[int, int]
    transposes: int
    input_transposes: int
    macs: int | None
    opset: int | None
    subgraphs: int
    delegates: Delegates | None


def inspect_file(path: Path, icd: Path | None = None) -> Inspection:
    """Read a file, load it with XNNPACK, and ask the GPU accelerator where a driver is given.

    Raises:
        InputError: damaged, or neither a .tflite nor a .onnx file.
        OperatorError: LiteRT cannot load it.
    """
    if path.suffix == ".onnx":
        return _inspect_onnx(path, read_onnx(path))
    return _inspect_tflite(path, read_tflite(path), icd)


def _inspect_tflite(path: Path, graph: TfliteGraph, icd: Path | None) -> Inspection:
    partitions = xnnpack_partitions(path)
    delegates = Delegates(
        partitions,
        explained_xnnpack(graph, partitions.outside),
        predicted_gpu_refusals(graph),
        miscomputed_by_gpu(graph),
        check_gpu(path, icd) if icd is not None else None,
    )
    return Inspection(
        str(path),
        "tflite",
        sha256(path),
        path.stat().st_size,
        _statement(path, graph.metadata),
        graph.histogram(),
        _counted([tensor.rank for tensor in graph.tensors]),
        len(graph.transposes()),
        len(input_transposes(graph)),
        _macs(graph),
        None,
        graph.subgraphs,
        delegates,
    )


def _inspect_onnx(path: Path, graph: OnnxGraph) -> Inspection:
    near = set(graph.inputs)
    return Inspection(
        str(path),
        "onnx",
        sha256(path),
        path.stat().st_size,
        _statement(path, graph.metadata),
        graph.histogram(),
        _counted([tensor.rank for tensor in graph.tensors.values() if tensor.rank is not None]),
        len(graph.transposes()),
        sum(operator.inputs[0] in near for operator in graph.transposes()),
        _macs(graph),
        graph.opset,
        1,
        None,
    )


def _macs(graph: TfliteGraph | OnnxGraph) -> int | None:
    try:
        return graph.macs()
    except InputError:
        return None


def _counted(ranks: Sequence[int]) -> dict[int, int]:
    return dict(sorted(Counter(ranks).items()))


def _statement(path: Path, metadata: Sequence[str]) -> Statement | None:
    """What the manifest beside the file says, or else what the file carries."""
    if (path.parent / FILE_NAME).is_file():
        manifest = open_artifact(path.parent).manifest
        if manifest is not None:
            refiners = {one.graph.path: one for one in manifest.refiners}
            entries = {one.path: one for one in manifest.graphs}
            if path.name in entries:
                entry = entries[path.name]
                return _of_entry(manifest.model.name, manifest.source, entry, refiners.get(entry.path))
    if KEY not in metadata:
        return None
    inside = read_embedded(path)
    return Statement(inside.model, inside.source, inside.precision, inside.input, inside.output, inside.lowering, {})


def _of_entry(model: str, source: Source, entry: FileEntry, refiner: RefinerEntry | None) -> Statement:
    return Statement(model, source, entry.precision, entry.input, entry.output, entry.lowering, entry.parity, refiner)


def as_object(inspections: Sequence[Inspection]) -> dict[str, object]:
    """For programs."""
    return {"files": msgspec.to_builtins(list(inspections), str_keys=True)}
