"""`edgedepth preflight`: what can be known of an artifact without a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def preflight(
    paths: Annotated[list[Path] | None, typer.Argument(help="Artifact folders or .tflite files.")] = None,
    *,
    checks: Annotated[
        str, typer.Option(help="Which checks: arm64, instructions, gpu, npu, alignment, size.")
    ] = "arm64,instructions,gpu,npu,alignment,size",
    cpu: Annotated[
        str, typer.Option(help="Emulated processors: cortex-a53, cortex-a76, armv8.6. Instructions: on the last.")
    ] = "cortex-a53,cortex-a76",
    max_instructions: Annotated[
        float | None, typer.Option(min=0, help="Millions of instructions per inference that are allowed.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="What an earlier --json printed: more instructions than it has fail.")
    ] = None,
    vulkan: Annotated[Path | None, typer.Option(help="Vulkan driver description, or a folder that holds one.")] = None,
    soc: Annotated[str, typer.Option(help="Qualcomm chips to compile for, by ro.soc.model.")] = "SM8650",
    libraries: Annotated[
        list[Path] | None, typer.Option(help="A .so, .aar, .apk or .zip, or a folder; repeat it for more.")
    ] = None,
    budget_mb: Annotated[float | None, typer.Option(min=0, help="Largest file in MB.")] = None,
    prepare_arm64: Annotated[
        bool, typer.Option("--prepare-arm64", help="Download LiteRT's ARM64 build for the emulated checks, then end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check ARM64 arithmetic, instructions, GPU and NPU delegation, library alignment and size, without a phone.

    Exit code: 3 numbers differ, 4 an accelerator refuses or a library is misaligned, 8 a limit of yours is passed.
    """
    from edgedepth.errors import UsageError

    if prepare_arm64:
        _prepare(as_json=as_json)
        return
    from edgedepth.preflight.verdict import CHECKS

    chosen = _names(checks, CHECKS, "check")
    if not paths and (chosen != ("alignment",) or not libraries):
        raise UsageError("Nothing was named to check.", "", "Name an artifact folder or a .tflite file.")

    import msgspec

    from edgedepth.bench.files import graph_files
    from edgedepth.cli.console import print_json, stderr, stdout
    from edgedepth.preflight.arm64.emulator import PROCESSORS
    from edgedepth.preflight.checks import Request, failure
    from edgedepth.preflight.checks import preflight as run
    from edgedepth.preflight.npu import require_soc
    from edgedepth.preflight.on_arm import InstructionLimit, read_baseline
    from edgedepth.preflight.verdict_table import as_table

    request = Request(
        checks=tuple(check for check in CHECKS if check in chosen),
        processors=_names(cpu, tuple(PROCESSORS), "processor"),
        limit=InstructionLimit(
            None if max_instructions is None else max_instructions * 1e6,
            None if baseline is None else read_baseline(baseline),
        ),
        vulkan=vulkan,
        socs=tuple(require_soc(name) for name in soc.split(",")),
        libraries=tuple(libraries or ()),
        budget_mb=budget_mb,
    )
    with stderr.status("preflight") as status:
        result = run(graph_files(paths or []), request, status.update)
    if as_json:
        print_json(msgspec.to_builtins(result))
    else:
        stdout.print(as_table(result))
    error = failure(result)
    if error is not None:
        raise error


def _names(text: str, known: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """Comma-separated names, each once."""
    from edgedepth.errors import UsageError, nearest

    given = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in given:
        if name not in known:
            raise UsageError(f"There is no {kind} {name!r}.", nearest(name, known), f"Known are {', '.join(known)}.")
    if not given:
        raise UsageError(f"No {kind} was named.", "", f"Known are {', '.join(known)}.")
    return given


def _prepare(*, as_json: bool) -> None:
    import msgspec

    from edgedepth.cli.console import print_json, stderr, stdout
    from edgedepth.preflight.arm64.library import prepare_library

    with stderr.status("downloading LiteRT for ARM64"):
        found = prepare_library()
    if as_json:
        print_json({"path": str(found.path), **msgspec.to_builtins(found.origin)})
    else:
        origin = found.origin
        stdout.print(f"LiteRT {origin.version} for ARM64: {found.path}")
        stdout.print(f"from {origin.wheel}, sha256 {origin.sha256}")
