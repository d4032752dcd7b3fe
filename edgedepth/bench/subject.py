"""What is measured, in a result's words: from the manifest, the file's own metadata and its graph, never its name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from edgedepth.artifact import open_artifact, sha256
from edgedepth.artifact.embed import read_embedded
from edgedepth.bench.backends.inputs import require_fixed
from edgedepth.bench.schema import Subject
from edgedepth.errors import InputError


def file_subject(path: Path, macs: int | None = None) -> Subject:
    """A .tflite or .onnx file.

    Args:
        path: the file.
        macs: multiply-adds per run, instead of counting them in the graph.

    Raises:
        InputError: it is damaged, an input's size is not fixed, or it is not the file that its manifest describes.
    """
    digest = sha256(path)
    batch, counted = _graph(path)
    plain = Subject(
        label=path.name,
        sha256=digest,
        bytes=path.stat().st_size,
        format=path.suffix.removeprefix("."),
        batch=batch,
        macs=counted if macs is None else macs,
    )
    try:
        artifact = open_artifact(path)
    except InputError:
        return plain  # a graph that edgedepth did not write says no more
    (entry,) = artifact.files
    if entry.sha256 != digest:
        raise InputError(
            f"{path} is not the file that was exported.",
            f"sha256 {digest[:12]}, the manifest says {entry.sha256[:12]}.",
            "Export the model again, or measure the file outside this folder.",
        )
    manifest = artifact.manifest
    if manifest is not None:
        refiner = next((one for one in manifest.refiners if one.graph.path == entry.path), None)
        model, parameters, weights = manifest.model.name, manifest.model.parameters, manifest.source.statement
        if refiner is not None:
            parameters = refiner.parameters
    else:
        inside = read_embedded(path)
        model, parameters, weights = inside.model, None, inside.source.statement
    return replace(
        plain, precision=entry.precision, model=model, size=entry.size, parameters=parameters, weights=weights
    )


def model_subject(
    name: str, precision: str, size: tuple[int, int] | None, batch: int, seed: int, macs: int | None = None
) -> Subject:
    """A registered model that PyTorch runs, with its shipped or with seeded weights.

    Args:
        name: the registry's.
        precision: ``fp32`` or ``fp16``.
        size: (height, width); None is the card's.
        batch: pictures per run.
        seed: of weights that do not ship.
        macs: multiply-adds per picture, instead of counting them.

    Raises:
        UsageError: there is no such model, or it cannot take that size.
    """
    from edgedepth.models import card  # noqa: PLC0415 - not needed where only files are measured

    spec = card(name).input
    size = size or (spec.height, spec.width)
    known = _network(name, size, seed)
    return replace(known, precision=precision, batch=batch, macs=batch * ((known.macs or 0) if macs is None else macs))


@cache
def _network(name: str, size: tuple[int, int], seed: int) -> Subject:
    """One picture per run."""
    from edgedepth.bench.backends.torch import network  # noqa: PLC0415 - torch takes seconds to load
    from edgedepth.models.counting import count  # noqa: PLC0415 - the same

    module, weights = network(name, seed)
    digest, total = hashlib.sha256(), 0
    for key, value in sorted(module.state_dict().items()):
        content = value.numpy().tobytes()
        digest.update(key.encode() + content)
        total += len(content)
    counts = count(module, size)
    return Subject(
        label=name,
        sha256=digest.hexdigest(),
        bytes=total,
        format="pytorch",
        model=name,
        size=size,
        macs=counts.macs,
        parameters=counts.parameters,
        weights=weights,
    )


def _graph(path: Path) -> tuple[int, int | None]:
    """Pictures per run, and multiply-adds where they can be counted."""
    if path.suffix == ".onnx":
        from edgedepth.artifact.onnx_graph import read_onnx  # noqa: PLC0415 - only for such files

        onnx = read_onnx(path)
        inputs = [(onnx.tensors[name].name, onnx.tensors[name].shape or (-1,)) for name in onnx.inputs]
        return _batch(path, inputs), _counted(onnx.macs)
    from edgedepth.artifact.tflite_graph import read_tflite  # noqa: PLC0415 - only for such files

    tflite = read_tflite(path)
    inputs = [(tflite.tensors[i].name, tflite.tensors[i].shape) for i in tflite.inputs]
    return _batch(path, inputs), _counted(tflite.macs)


def _batch(path: Path, inputs: list[tuple[str, tuple[int, ...]]]) -> int:
    for name, shape in inputs:
        require_fixed(str(path), name, shape)
    shape = inputs[0][1] if inputs else ()
    return shape[0] if len(shape) == 4 else 1


def _counted(macs: Callable[[], int]) -> int | None:
    try:
        return macs()
    except InputError:
        return None
