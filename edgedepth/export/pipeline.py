"""From a request to a verified artifact folder."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from torch import nn

from edgedepth import __version__
from edgedepth.artifact.folder import whole_folder
from edgedepth.artifact.manifest import (
    FILE_NAME,
    SCHEMA_VERSION,
    FileEntry,
    Lowering,
    Manifest,
    ModelFacts,
    Reference,
    RefinerEntry,
    encode,
)
from edgedepth.errors import GateError
from edgedepth.export import checking, writing
from edgedepth.export import rig as rigs
from edgedepth.export.calibration import calibration_set
from edgedepth.export.formats import QUANTIZED
from edgedepth.export.interface import disparity_constants
from edgedepth.export.lowered import lower_with_record
from edgedepth.export.lowering import Target
from edgedepth.export.quantize.contract import Contract
from edgedepth.export.quantize.making import Quantizer
from edgedepth.export.references import calibration
from edgedepth.export.refiner.pair import export_pairs, takes_picture
from edgedepth.export.request import ExportRequest, require_pair, require_range, require_size, validate
from edgedepth.export.source import Network, load_network
from edgedepth.export.threads import one_thread
from edgedepth.export.verify import require_varied
from edgedepth.export.windows import Window, choose_windows
from edgedepth.memory import peak_memory
from edgedepth.models.counting import count
from edgedepth.models.shared.dysample import DySample

T = TypeVar("T")
_TOOLS = (
    "torch",
    "litert-torch",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "onnx",
    "onnxruntime",
    "onnxsim",
    "onnxscript",
)


@dataclass(frozen=True)
class Exported:
    """What an export made.

    Attributes:
        folder: the artifact.
        manifest: what is in it.
        stages: seconds per stage, in order.
        peak_memory_bytes: of this process.
    """

    folder: Path
    manifest: Manifest
    stages: dict[str, float]
    peak_memory_bytes: int


@dataclass
class _Job:
    """One export in progress: what was asked, and what there is so far."""

    request: ExportRequest
    network: Network
    folder: Path
    progress: Callable[[str], None]
    seconds: dict[str, float]
    files: list[FileEntry] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    rejections: list[GateError] = field(default_factory=list)
    refiners: list[RefinerEntry] = field(default_factory=list)

    def stage(self, name: str, work: Callable[[], T]) -> T:
        """Tell the progress, do the work and time it."""
        return _timed(name, work, self.progress, self.seconds)


def _timed(name: str, work: Callable[[], T], progress: Callable[[str], None], seconds: dict[str, float]) -> T:
    progress(name)
    start = time.perf_counter()
    result = work()
    seconds[name] = round(time.perf_counter() - start, 3)
    return result


def export(
    request: ExportRequest,
    output: Path,
    *,
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Export, verify and write an artifact folder.

    Args:
        request: what to export.
        output: the folder; it appears complete or not at all.
        force: replace the artifact that is there.
        progress: told the name of each stage as it starts.

    Raises:
        UsageError: the request cannot work.
        CheckpointError: the weights do not fit.
        GateError: a file differs from the PyTorch model; the files are kept in ``<output>.rejected``.
        OutputError: the folder cannot be written.
    """
    validate(request)
    seconds: dict[str, float] = {}
    with whole_folder(output, force=force) as folder, one_thread():
        network = _timed("load the network", lambda: load_network(request), progress, seconds)
        sizes = request.sizes or (network.size,)
        require_range(network.card, request)
        for size in sizes:
            require_size(network.card, size)
        if request.rig is not None:
            rigs.require_metric(network.card)
        if network.card.takes == "patches":
            require_pair(network.card, request)
        job = _Job(request, network, folder, progress, seconds)
        for size in sizes:
            (_export_pairs if network.card.takes == "patches" else _export_size)(job, size)
        manifest = _manifest(job)
        (folder / FILE_NAME).write_bytes(encode(manifest, indent=1))
        (folder / "report.json").write_bytes(_report(manifest))
        if job.rejections:
            _keep_rejected(folder, output)
            raise job.rejections[0]
    return Exported(output, manifest, seconds, peak_memory())


def _export_size(job: _Job, size: tuple[int, int]) -> None:
    request, module = job.request, job.network.module
    label = f"{size[0]}x{size[1]}"
    expected = job.stage(
        f"{label}: run the PyTorch model",
        lambda: checking.expectations(module, size, request.batch, request.reference),
    )
    if request.check:
        for item in expected:
            require_varied(item.outputs[0], disparity_constants(job.network.card))
    job.references += checking.store(expected, size, job.folder)
    windows: dict[str, Window] = {}
    record: dict[str, str] = {}
    if request.lowering == "auto" and any(isinstance(m, DySample) for m in module.modules()):
        pictures = calibration(size, request.calibration)
        inputs = [p.tensor() for p in (*pictures.pictures, *(item.picture for item in expected))]
        windows = job.stage(f"{label}: choose sampling windows", lambda: choose_windows(module, inputs))
        record = {"pictures": f"{pictures.description} and the reference pictures", "sha256": pictures.sha256}
    for file_format in request.formats:
        lowered: nn.Module = module
        applied: tuple[Lowering, ...] = ()
        if request.lowering == "auto":
            target: Target = "onnx" if file_format == "onnx" else "tflite"
            lowered, applied = lower_with_record(module, target, windows, record)
        _export_format(job, file_format, size, lowered, applied, expected)


def _export_pairs(job: _Job, size: tuple[int, int]) -> None:
    made = export_pairs(job.request, job.network, size, job.folder, job.stage)
    job.files += made.files
    job.refiners += made.refiners
    job.references += made.references
    job.rejections += made.rejections


def _export_format(
    job: _Job,
    file_format: str,
    size: tuple[int, int],
    lowered: nn.Module,
    applied: tuple[Lowering, ...],
    expected: list[checking.Expectation],
) -> None:
    label = f"{size[0]}x{size[1]} {file_format}"
    request, network = job.request, job.network
    converted = job.stage(f"{label}: convert", lambda: writing.convert(lowered, network, request, file_format, size))
    quantizer: Quantizer | None = None
    for precision in request.precisions:
        graph, facts = converted, None
        if precision in QUANTIZED:
            quantizer = quantizer or job.stage(f"{label}: calibrate", lambda: _quantizer(job, converted, applied))
            made = job.stage(f"{label} {precision}: quantize", partial(quantizer.make, precision))
            graph, facts = dataclasses.replace(converted, content=made.content), made.facts
            job.rejections += [made.rejection] if made.rejection and request.check else []

        def write(precision: str = precision, graph: writing.Converted = graph) -> FileEntry:
            return writing.write(graph, precision, network, request, applied, job.folder)

        entry = msgspec.structs.replace(job.stage(f"{label} {precision}: write", write), quantization=facts)
        if request.check:

            def check(entry: FileEntry = entry) -> tuple[FileEntry, GateError | None]:
                constants = disparity_constants(network.card)
                return checking.check(job.folder / entry.path, entry, lowered, expected, constants)

            entry, rejected = job.stage(f"{label} {precision}: verify", check)
            job.rejections += [rejected] if rejected else []
        job.files.append(entry)


def _quantizer(job: _Job, converted: writing.Converted, applied: tuple[Lowering, ...]) -> Quantizer:
    request = job.request

    def write(content: Any, folder: Path, asked: ExportRequest = request) -> FileEntry:
        graph = dataclasses.replace(converted, content=content)
        return writing.write(graph, "trial", job.network, asked, applied, folder)

    exact = None
    if request.output_type != "float":
        exact = partial(write, asked=dataclasses.replace(request, output_type="float"))
    pictures = calibration_set(request.calibration, converted.size)
    contract = Contract(request.max_absrel_drop, request.max_d1_drop)
    return Quantizer(converted.file_format, converted.content, write, pictures, contract, exact)


def _manifest(job: _Job) -> Manifest:
    card, module = job.network.card, takes_picture(job.network.module)
    sizes = dict.fromkeys(entry.size for entry in job.files)
    counted = {size: count(module, size) for size in sizes}
    config: Any = card.config
    return Manifest(
        schema_version=SCHEMA_VERSION,
        name=card.name,
        model=ModelFacts(
            name=card.name,
            family=card.family,
            title=card.title,
            config=dataclasses.asdict(config),
            parameters=next(iter(counted.values())).parameters,
            macs={f"{h}x{w}": c.macs for (h, w), c in counted.items()},
            licence=card.licence,
        ),
        source=job.network.source,
        files=tuple(job.files),
        references=tuple(job.references),
        tools={"edgedepth": __version__, "python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in _TOOLS},
        rig=rigs.store(job.request.rig, job.folder) if job.request.rig else None,
        refiners=tuple(job.refiners),
    )


def _report(manifest: Manifest) -> bytes:
    rows = [
        {
            "file": f.path,
            "bytes": f.bytes,
            "sha256": f.sha256,
            "parity": f.parity,
            "operators": f.operators,
            "quantization": f.quantization,
        }
        for f in manifest.graphs
    ]
    summary = {"model": manifest.name, "source": manifest.source.statement, "files": rows}
    return msgspec.json.format(msgspec.json.encode(summary, order="sorted"), indent=1) + b"\n"


def _keep_rejected(folder: Path, output: Path) -> None:
    """Copy what was made beside the output, for whoever looks into the failure."""
    target = output.absolute()
    kept = target.with_name(target.name + ".rejected")
    if (kept / FILE_NAME).is_file():  # of an earlier failure; anything else there is not ours to remove
        shutil.rmtree(kept)
    shutil.copytree(folder, kept, dirs_exist_ok=True)
