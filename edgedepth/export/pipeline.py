"""From a request to a verified artifact folder."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import nn

from edgedepth import __version__
from edgedepth.artifact.folder import sha256, whole_folder
from edgedepth.artifact.manifest import (
    FILE_NAME,
    SCHEMA_VERSION,
    Essentials,
    FileEntry,
    Lowering,
    Manifest,
    ModelFacts,
    Parity,
    Reference,
    encode,
)
from edgedepth.errors import EdgedepthError
from edgedepth.export.interface import (
    Deployed,
    disparity_constants,
    input_contract,
    output_contract,
)
from edgedepth.export.lowering import Target, lower
from edgedepth.export.references import Calibration, ReferencePicture, calibration, reference_pictures
from edgedepth.export.request import ExportRequest, require_size, validate
from edgedepth.export.source import Network, load_network
from edgedepth.export.windows import MARGIN, TOLERANCE, Window, choose_windows
from edgedepth.models.counting import count

Progress = Callable[[str], None]
_TOOLS = ("torch", "litert-torch", "ai-edge-litert", "ai-edge-quantizer", "onnx", "onnxruntime", "onnxsim", "onnxscript")


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
class _Stages:
    """Tells the progress and times each stage."""

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        self.progress(name)
        start = time.perf_counter()
        result = work()
        self.seconds[name] = round(time.perf_counter() - start, 3)
        return result


def export(request: ExportRequest, output: Path, *, force: bool = False, progress: Progress = lambda _: None) -> Exported:
    """Export, verify and write an artifact folder.

    Args:
        request: what to export.
        output: the folder; it appears complete or not at all.
        force: replace what is there.
        progress: told the name of each stage as it starts.

    Raises:
        UsageError: the request cannot work.
        CheckpointError: the weights do not fit.
        GateError: a file differs from the PyTorch model; the files are kept in ``<output>.rejected``.
        OutputError: the folder cannot be written.
    """
    validate(request)
    stages = _Stages(progress)
    with whole_folder(output, force=force) as folder:
        network: Network = stages.run("load the network", lambda: load_network(request))
        sizes = request.sizes or (network.size,)
        for size in sizes:
            require_size(network.card, size)
        job = _Job(request, network, folder, stages)
        for size in sizes:
            job.export_size(size)
        manifest = job.manifest(sizes[0])
        (folder / FILE_NAME).write_bytes(encode(manifest, indent=1))
        (folder / "report.json").write_bytes(_report(manifest))
        if job.rejections:
            _keep_rejected(folder, output)
            raise job.rejections[0]
    return Exported(output, manifest, stages.seconds, _peak_memory())


class _Job:
    """One export in progress: its files and references as they come."""

    def __init__(self, request: ExportRequest, network: Network, folder: Path, stages: _Stages) -> None:
        self.request, self.network, self.folder, self.stages = request, network, folder, stages
        self.files: list[FileEntry] = []
        self.references: list[Reference] = []
        self.rejections: list[EdgedepthError] = []

    def export_size(self, size: tuple[int, int]) -> None:
        """All files of one size."""
        label = f"{size[0]}x{size[1]}"
        request, network = self.request, self.network
        pictures = reference_pictures(size, request.reference)
        expected = self.stages.run(f"{label}: run the PyTorch model", lambda: self._reference_outputs(pictures, size))
        windows: dict[str, Window] = {}
        record: dict[str, Any] = {}
        if request.lowering == "auto":
            chosen: Calibration = calibration(size, request.calibration)
            inputs = [p.tensor() for p in (*chosen.pictures, *pictures)]
            windows = self.stages.run(
                f"{label}: choose sampling windows", lambda: choose_windows(network.module, inputs)
            )
            record = {"pictures": f"{chosen.description} and the reference pictures", "sha256": chosen.sha256}
        for file_format in request.formats:
            target: Target = "onnx" if file_format == "onnx" else "tflite"
            lowered, applied = self.stages.run(
                f"{label} {file_format}: lower", lambda target=target: self._lower(target, windows, record)
            )
            content = self.stages.run(
                f"{label} {file_format}: convert",
                lambda f=file_format, n=lowered: self._convert(f, n, size),
            )
            for precision in request.precisions:
                self._finish(file_format, precision, size, content, applied, lowered, pictures, expected)

    def _reference_outputs(
        self, pictures: list[ReferencePicture], size: tuple[int, int]
    ) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        outputs = {}
        (self.folder / "reference").mkdir(exist_ok=True)
        for picture in pictures:
            with torch.no_grad():
                out = self.network.module(picture.tensor())[0, 0].numpy()
            outputs[picture.name] = out
            name = f"reference/{picture.name}-{size[0]}x{size[1]}.npz"
            _save_npz(self.folder / name, input=picture.pixels, output=out)
            digest = sha256(self.folder / name)
            self.references.append(
                Reference(name=picture.name, path=name, size=size, sha256=digest, description=picture.description)
            )
        return outputs

    def _lower(
        self, target: Target, windows: dict[str, Window], record: dict[str, Any]
    ) -> tuple[nn.Module, tuple[Lowering, ...]]:
        if self.request.lowering == "none":
            return self.network.module, ()
        taps = {name: window.taps for name, window in windows.items()}
        lowered, applied = lower(self.network.module, target, taps)
        entries = []
        for step in applied:
            detail = dict(step.detail)
            if step.name == "dysample":
                detail["windows"] = {name: window.record() for name, window in windows.items()}
                detail["calibration"] = record
                detail["margin"], detail["tolerance"] = MARGIN, TOLERANCE
            entries.append(Lowering(name=step.name, detail=detail))
        return lowered, tuple(entries)

    def _convert(self, file_format: str, network: nn.Module, size: tuple[int, int]) -> Any:
        request, card = self.request, self.network.card
        spec_in = input_contract(card, file_format, request, size).tensor
        spec_out = output_contract(card, file_format, request, size).tensor
        decode = disparity_constants(card) if request.output == "depth" else None
        as_bytes = spec_in.dtype == "uint8" and file_format == "onnx"
        module = Deployed(network, spec_in.layout, scale_bytes=as_bytes, decode=decode).eval()
        sample = torch.zeros(spec_in.shape, dtype=torch.uint8 if as_bytes else torch.float32)
        if file_format == "onnx":
            from edgedepth.export import onnx as writer  # noqa: PLC0415 - slow to import

            return writer.to_onnx(module, sample, spec_in, spec_out, request.opset)
        from edgedepth.export import tflite  # noqa: PLC0415

        return tflite.finish(tflite.to_tflite(module, sample), spec_in, spec_out)

    def _finish(
        self,
        file_format: str,
        precision: str,
        size: tuple[int, int],
        content: Any,
        applied: tuple[Lowering, ...],
        lowered: nn.Module,
        pictures: list[ReferencePicture],
        expected: dict[str, np.ndarray[Any, np.dtype[np.float32]]],
    ) -> None:
        label = f"{size[0]}x{size[1]} {file_format} {precision}"
        path = self.folder / f"{self.network.card.name}-{size[0]}x{size[1]}-{precision}.{file_format}"
        entry: FileEntry = self.stages.run(
            f"{label}: write", lambda: self._write(path, file_format, precision, size, content, applied)
        )
        if self.request.check:
            entry = self.stages.run(
                f"{label}: verify", lambda: self._verify(path, entry, lowered, pictures, expected)
            )
        self.files.append(entry)

    def _write(
        self,
        path: Path,
        file_format: str,
        precision: str,
        size: tuple[int, int],
        content: Any,
        applied: tuple[Lowering, ...],
    ) -> FileEntry:
        from edgedepth.artifact import embed  # noqa: PLC0415 - slow to import
        from edgedepth.artifact.operators import operator_histogram  # noqa: PLC0415

        card = self.network.card
        essentials = Essentials(
            schema_version=SCHEMA_VERSION,
            model=card.name,
            source=self.network.source,
            precision=precision,
            input=input_contract(card, file_format, self.request, size),
            output=output_contract(card, file_format, self.request, size),
            lowering=applied,
        )
        if file_format == "onnx":
            from edgedepth.export import onnx as writer  # noqa: PLC0415

            model = writer.store_weights_as_fp16(content) if precision == "fp16" else writer.copy(content)
            embed.embed_onnx(model, essentials)
            writer.write(model, path)
        else:
            from edgedepth.export import tflite  # noqa: PLC0415

            raw = tflite.store_weights_as_fp16(content) if precision == "fp16" else content
            path.write_bytes(embed.embed_tflite(raw, essentials))
        return FileEntry(
            path=path.name,
            format="onnx" if file_format == "onnx" else "tflite",
            precision=precision,
            size=size,
            sha256=sha256(path),
            bytes=path.stat().st_size,
            input=essentials.input,
            output=essentials.output,
            operators=operator_histogram(path),
            lowering=applied,
            parity={},
            opset=self.request.opset if file_format == "onnx" else None,
        )

    def _verify(
        self,
        path: Path,
        entry: FileEntry,
        lowered: nn.Module,
        pictures: list[ReferencePicture],
        expected: dict[str, np.ndarray[Any, np.dtype[np.float32]]],
    ) -> FileEntry:
        from edgedepth.export import verify  # noqa: PLC0415
        from edgedepth.export.divergence import first_divergence  # noqa: PLC0415
        from edgedepth.runtime.session import Session  # noqa: PLC0415

        session = Session(path, entry, threads=1)
        constants = disparity_constants(self.network.card)
        parities: dict[str, Parity] = {}
        for picture in pictures:
            raw = session.run(verify.feed(picture, entry))
            found = verify.network_output(raw, entry.output, constants)
            parities[picture.name] = verify.compare(found, expected[picture.name], constants)
        worst = max(pictures, key=lambda p: parities[p.name].max_abs)
        if any(verify.misses(p, entry.precision) for p in parities.values()):
            first = first_divergence(lowered, worst.tensor(), path, verify.feed(worst, entry))
            error = verify.rejection(path, parities, entry.precision, first)
            self.rejections.extend([error] if error else [])
        return msgspec.structs.replace(entry, parity=parities)

    def manifest(self, size: tuple[int, int]) -> Manifest:
        """The manifest of everything so far."""
        card = self.network.card
        counted = count(self.network.module, size)
        return Manifest(
            schema_version=SCHEMA_VERSION,
            name=card.name,
            model=ModelFacts(
                name=card.name,
                family=card.family,
                title=card.title,
                config=dataclasses.asdict(card.config),  # type: ignore[call-overload]
                parameters=counted.parameters,
                macs={f"{h}x{w}": count(self.network.module, (h, w)).macs for h, w in {f.size for f in self.files}},
                licence=card.licence,
            ),
            source=self.network.source,
            files=tuple(self.files),
            references=tuple(self.references),
            tools={"edgedepth": __version__, "python": platform.python_version()}
            | {name: importlib.metadata.version(name) for name in _TOOLS},
        )


def _save_npz(path: Path, **arrays: np.ndarray[Any, Any]) -> None:
    """Like numpy.savez_compressed; its zip entries carry a fixed date, so equal arrays give equal bytes."""
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def _report(manifest: Manifest) -> bytes:
    rows = [
        {"file": f.path, "bytes": f.bytes, "sha256": f.sha256, "parity": f.parity, "operators": f.operators}
        for f in manifest.files
    ]
    raw = msgspec.json.encode({"model": manifest.name, "source": manifest.source.statement, "files": rows}, order="sorted")
    return msgspec.json.format(raw, indent=1) + b"\n"


def _keep_rejected(folder: Path, output: Path) -> None:
    """Copy what was made beside the output, for whoever looks into the failure."""
    import shutil  # noqa: PLC0415

    kept = output.absolute().with_name(output.name + ".rejected")
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder, kept)


def _peak_memory() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
