"""``edgedepth export``: from a checkpoint to a verified artifact."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgedepth.cli.console import parse_size, print_json, stderr, stdout

if TYPE_CHECKING:
    from edgedepth.artifact.manifest import FileEntry
    from edgedepth.export.pipeline import Exported


class Output(str, Enum):
    """What the graph gives."""

    disparity = "disparity"
    depth = "depth"


class Input(str, Enum):
    """What the graph takes."""

    float = "float"
    uint8 = "uint8"
    int8 = "int8"


class OutputType(str, Enum):
    """The type of what the graph gives."""

    float = "float"
    uint8 = "uint8"
    int8 = "int8"


class LoweringChoice(str, Enum):
    """Whether to rewrite the network for mobile accelerators."""

    auto = "auto"
    none = "none"


def export(
    model: Annotated[
        str | None, typer.Argument(help="Model, such as flex-nano; left out, it is told from --weights.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights", "-w", help="Checkpoint: a folder with encoder.pth and depth.pth, a .safetensors, or a .pth."
        ),
    ] = None,
    random_weights: Annotated[
        int | None,
        typer.Option(
            "--random-weights",
            metavar="SEED",
            help="Seeded random weights instead: proves arithmetic, never depth.",
        ),
    ] = None,
    coarse: Annotated[
        str | None,
        typer.Option(help="Of a published refiner with random weights: the model whose depth it corrects."),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", "-f", help="onnx or tflite; repeat for both. Default: both."),
    ] = None,
    precisions: Annotated[
        list[str] | None,
        typer.Option(
            "--precision", "-p", help="fp32, fp16, w8, dyn8, w8a8, w8a16 or auto; repeat for several. Default: fp32."
        ),
    ] = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option(
            "--size",
            "-s",
            metavar="HxW",
            help="Input size; repeat for several. Default: the checkpoint's or the card's.",
        ),
    ] = None,
    batch: Annotated[int, typer.Option(help="Pictures per call.")] = 1,
    output_kind: Annotated[
        Output, typer.Option("--output", help="disparity, or depth decoded in the graph.")
    ] = Output.disparity,
    input_kind: Annotated[
        Input, typer.Option("--input", help="float in 0..1, uint8 RGB bytes from a camera, or int8: those less 128.")
    ] = Input.float,
    output_type: Annotated[
        OutputType, typer.Option(help="float, or uint8 or int8: disparity in 255 steps, for NPUs without floats.")
    ] = OutputType.float,
    lowering: Annotated[
        LoweringChoice, typer.Option(help="none exports the definition as published, for comparison.")
    ] = LoweringChoice.auto,
    opset: Annotated[int, typer.Option(help="ONNX operator set.")] = 18,
    calib: Annotated[
        Path | None,
        typer.Option(
            "--calib",
            help="Folder of pictures or data set to calibrate and judge integers on and to choose sampling windows. "
            "Default: rendered streets, which trained weights in integers refuse.",
        ),
    ] = None,
    max_absrel_drop: Annotated[
        float, typer.Option(help="By how much quantizing may raise AbsRel on held-out pictures of --calib.")
    ] = 0.005,
    max_d1_drop: Annotated[
        float, typer.Option(help="By how much quantizing may lower the share of pixels within 1.25.")
    ] = 0.01,
    reference: Annotated[
        Path | None, typer.Option(help="Picture for the parity check. Default: a rendered street.")
    ] = None,
    rig: Annotated[
        Path | None,
        typer.Option(help="rig.toml of a vehicle: its cameras and masks are stored with the graphs."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--output-folder", help="Where the artifact goes. Default: artifacts/MODEL."),
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not compare the files with the PyTorch model.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is in the output folder.")] = False,
    report: Annotated[Path | None, typer.Option(help="Also write what was made, as JSON, to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Export MODEL to ONNX and TFLite files that are proven equal to the PyTorch model."""
    from edgedepth.errors import UsageError
    from edgedepth.export.request import ExportRequest, validate

    request = ExportRequest(
        model=model,
        weights=weights,
        random_seed=random_weights,
        formats=tuple(dict.fromkeys(formats or ("onnx", "tflite"))),
        precisions=tuple(dict.fromkeys(precisions or ("fp32",))),
        sizes=tuple(dict.fromkeys(parse_size(size) for size in sizes or ())),
        batch=batch,
        output=output_kind.value,
        input=input_kind.value,
        output_type=output_type.value,
        lowering=lowering.value,
        opset=opset,
        check=not no_check,
        calibration=calib,
        reference=reference,
        max_absrel_drop=max_absrel_drop,
        max_d1_drop=max_d1_drop,
        rig=rig,
        coarse=coarse,
    )
    validate(request)
    if report is not None and not report.absolute().parent.is_dir():
        raise UsageError(f"{report} cannot be written.", "Its folder does not exist.", "Make the folder first.")
    made = _with_progress(request, folder or Path("artifacts") / (model or "from-checkpoint"), force=force)
    _announce(made, report, as_json=as_json)


def _with_progress(request: object, folder: Path, *, force: bool) -> Exported:
    from rich.markup import escape

    from edgedepth.artifact.folder import require_free

    require_free(folder, force=force)
    # Idle OpenMP threads that spin slow an export tenfold on a busy machine. Read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with stderr.status("load libraries") as status:
        from edgedepth.export.pipeline import export as run_export

        def progress(stage: str) -> None:
            status.update(escape(stage))
            if not stderr.is_terminal:
                stderr.print(escape(stage))

        return run_export(request, folder, force=force, progress=progress)  # type: ignore[arg-type]


def _announce(made: Exported, report: Path | None, *, as_json: bool) -> None:
    import msgspec

    summary = {
        "folder": str(made.folder),
        "manifest": msgspec.to_builtins(made.manifest),
        "seconds": made.stages,
        "peak_memory_bytes": made.peak_memory_bytes,
    }
    if report is not None:
        from edgedepth.artifact.folder import write_whole

        write_whole(report, msgspec.json.format(msgspec.json.encode(summary, order="sorted"), indent=1) + b"\n")
    if as_json:
        print_json(summary)
        return
    stdout.print(f"{made.manifest.model.title}: {made.manifest.source.statement}")
    for entry in made.manifest.files:
        worst = max((p.max_abs for p in entry.parity.values()), default=None)
        parity = "not checked" if worst is None else f"max error {worst:.1e}"
        stdout.print(f"  {made.folder / entry.path}  {entry.bytes / 1e6:.2f} MB  {entry.sha256[:12]}  {parity}")
        _tell_outcome(entry)
    for one in made.manifest.refiners:
        worst = max((p.max_abs for p in (*one.graph.parity.values(), *one.pair.values())), default=None)
        parity = "not checked" if worst is None else f"max error {worst:.1e}, alone and behind {one.coarse}"
        size = f"{one.graph.bytes / 1e6:.2f} MB"
        stdout.print(f"  {made.folder / one.graph.path}  {size}  {one.graph.sha256[:12]}  {parity}")
        _tell_outcome(one.graph)
    first = made.folder / made.manifest.files[-1].path
    seconds = sum(made.stages.values())
    stdout.print(f"in {seconds:.0f} s, {made.peak_memory_bytes / 2**30:.1f} GiB. Next:")
    stdout.print(f"  edgedepth run {made.folder if made.manifest.refiners else first} {_example(made)}")
    stdout.print(f"  edgedepth bench host {made.folder}")
    stdout.print(f"  edgedepth inspect {first}")


def _tell_outcome(entry: FileEntry) -> None:
    """What smaller numbers cost; of a refiner, in refined depth."""
    if entry.quantization is not None and (outcome := entry.quantization.outcome) is not None:
        stdout.print(
            f"    {entry.quantization.scheme}: AbsRel {outcome.absrel - outcome.absrel_fp32:+.4f}, "
            f"d<1.25 {outcome.d1 - outcome.d1_fp32:+.4f} against fp32, by {outcome.against} "
            f"on {outcome.pictures} held-out pictures"
        )


def _example(made: Exported) -> str:
    if made.manifest.rig:
        return "--rig rig.toml -o around"
    return "photo.jpg -o depth.png" + (" --tiles m1" if made.manifest.refiners else "")
