"""`edgedepth bench device`: how fast files are on phones, over adb."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench_device(
    files: Annotated[list[Path], typer.Argument(help="Artifact folders, .tflite or .onnx files.")],
    *,
    serial: Annotated[list[str] | None, typer.Option(help="A device; repeat it, or say `all`.")] = None,
    precision: Annotated[str | None, typer.Option(help="Only files of these, such as fp32,w8a8.")] = None,
    tool: Annotated[
        str | None, typer.Option(help="benchmark_model, compiled_model or onnxruntime_perf_test; by default by format.")
    ] = None,
    via: Annotated[str, typer.Option(help="shell, or app: the demo app in the foreground.")] = "shell",
    binary: Annotated[Path | None, typer.Option(help="The benchmark program, instead of the folder of tools.")] = None,
    library: Annotated[list[Path] | None, typer.Option(help="Pushed beside the program; repeat it.")] = None,
    accel: Annotated[str, typer.Option(help="cpu, gpu, npu; strict: the whole graph or an invalid result.")] = "cpu",
    threads: Annotated[str, typer.Option(help="Threads on the CPU, such as 1,2,4.")] = "1",
    affinity: Annotated[str, typer.Option(help="big, prime, little, a hexadecimal mask, or off.")] = "off",
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the program; repeat it.")] = None,
    runs: Annotated[int, typer.Option(help="Timed runs at least.", min=1)] = 200,
    seconds: Annotated[float, typer.Option(help="Seconds of timed runs at least.", min=0)] = 10.0,
    max_seconds: Annotated[float, typer.Option(help="Seconds of timed runs at most.", min=1)] = 600.0,
    warmup_runs: Annotated[int, typer.Option(help="Untimed runs before, at least.", min=0)] = 5,
    warmup_seconds: Annotated[float, typer.Option(help="Seconds of untimed runs before, at least.", min=0)] = 2.0,
    rounds: Annotated[int, typer.Option(help="Spread the timed runs over so many starts.", min=1)] = 3,
    sustained: Annotated[str, typer.Option(help="Then run on and on, such as 10m.")] = "0m",
    cooldown: Annotated[str, typer.Option(help="auto: until as cool as at the beginning; or seconds.")] = "auto",
    max_thermal: Annotated[str, typer.Option(help="none or light: hotter makes a result invalid.")] = "none",
    fixed_performance_mode: Annotated[
        bool, typer.Option("--fixed-performance-mode", help="Pin clocks, to compare builds; not what users get.")
    ] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Let an accelerator leave parts to the CPU.")] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Afterwards, in a pass of its own, profile every operator.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the order within rounds.")] = 0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for results.jsonl and a page.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what the folder holds.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the files on the device.")] = False,
    allow_invalid: Annotated[bool, typer.Option("--allow-invalid", help="Exit 0 even if a result is invalid.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure files on every named phone, each configuration several times in shuffled order, cool in between."""
    from edgedepth.cli.parsing import counts, duration, settings, words

    wanted_precisions = None if precision is None else tuple(part.strip() for part in precision.split(","))
    accelerators = words(accel, ("cpu", "gpu", "npu"), "--accel")
    thread_counts, extra = counts(threads, "--threads"), settings(option or [], "--option")
    words(via, ("shell", "app"), "--via")
    warmest = ("none", "light").index(words(max_thermal, ("none", "light"), "--max-thermal")[0])
    rest = None if cooldown == "auto" else duration(cooldown, "--cooldown")
    minutes = duration(sustained, "--sustained") / 60
    _refuse(via=via, tool=tool, binary=binary, libraries=library, affinity=affinity, fresh=fresh, output=output)

    from contextlib import ExitStack
    from datetime import datetime, timezone
    from tempfile import TemporaryDirectory
    from typing import cast

    from edgedepth.bench.device.adb import Adb
    from edgedepth.bench.device.choice import Choice, jobs
    from edgedepth.bench.device.discovery import choose
    from edgedepth.bench.device.discovery import devices as listed
    from edgedepth.bench.device.fleet import measure
    from edgedepth.bench.device.matrix import Settings
    from edgedepth.bench.files import RESULTS
    from edgedepth.bench.journal import Journal
    from edgedepth.bench.schema import Accelerator, Plan
    from edgedepth.cli.console import stderr
    from edgedepth.cli.results import command_line, print_results, require_valid, say_skipped, write_report

    choice = Choice(
        files=tuple(files),
        precisions=wanted_precisions,
        tool=tool,
        app=via == "app",
        binary=binary,
        libraries=tuple(library or ()),
        accelerators=cast("tuple[Accelerator, ...]", accelerators),
        threads=thread_counts,
        affinity=affinity,
        options=extra,
        strict=not partial,
        profile=profile,
        plan=Plan(
            runs=runs,
            seconds=seconds,
            max_seconds=max_seconds,
            warmup_runs=warmup_runs,
            warmup_seconds=warmup_seconds,
            sustained_minutes=minutes,
            seed=seed,
        ),
    )
    adb = Adb()
    serials = serial or []
    chosen = choose(listed(adb), "all" if serials == ["all"] else serials)
    with ExitStack() as stack:
        folder = output or Path(stack.enter_context(TemporaryDirectory()))
        work = jobs([adb.on(one.serial) for one in chosen], choice)
        journal = stack.enter_context(Journal(folder / RESULTS, fresh=fresh))
        outcome = measure(
            work,
            Settings(
                rounds=rounds,
                cooldown_s=rest,
                max_thermal=warmest,
                fixed_performance=fixed_performance_mode,
                profile=profile,
                reproduce=command_line(),
                seed=seed,
                started=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            ),
            journal,
            lambda line: stderr.print(line, markup=False),
            keep=keep,
        )
        records = journal.records
    say_skipped(outcome.skipped)
    for left in outcome.left_behind:
        stderr.print(f"Left on the device: {left}", markup=False)
    if output is not None and records:
        write_report(records, output)
    print_results(records, outcome.profiles, as_json=as_json)
    for error in outcome.errors.values():
        raise error
    if not allow_invalid:
        require_valid(records)


def _refuse(
    *,
    via: str,
    tool: str | None,
    binary: Path | None,
    libraries: list[Path] | None,
    affinity: str,
    fresh: bool,
    output: Path | None,
) -> None:
    from edgedepth.errors import UsageError

    if via == "app" and (tool or binary or libraries or affinity != "off"):
        raise UsageError(
            "--via app takes no program, library or cores.",
            "The app brings its own runtime, and Android chooses its cores.",
            "Leave out --tool, --binary, --library and --affinity.",
        )
    if fresh and output is None:
        raise UsageError("--fresh has no effect without --output.", "", "Add -o FOLDER, or leave --fresh out.")
