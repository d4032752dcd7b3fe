"""`edgedepth bench host`: how fast files and models are on this machine, beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgedepth.bench.host import Measured
    from edgedepth.bench.matrix import Configuration
    from edgedepth.bench.profile import Profile
    from edgedepth.bench.schema import Plan, Record


def bench_host(
    named: Annotated[
        list[str], typer.Argument(metavar="ARTIFACT|FILE|MODEL...", help="A model, such as flex-nano, runs in PyTorch.")
    ],
    *,
    precision: Annotated[str | None, typer.Option(help="Only these, such as fp32,w8a8.")] = None,
    runtime: Annotated[str | None, typer.Option(help="Only these: litert, onnxruntime, pytorch.")] = None,
    accel: Annotated[str, typer.Option(help="cpu, gpu (LiteRT), cuda, tensorrt; the whole graph or none.")] = "cpu",
    threads: Annotated[str, typer.Option(help="Threads on the CPU, such as 1,2,4.")] = "1",
    affinity: Annotated[str, typer.Option(help="Cores to run on, a hexadecimal mask.")] = "",
    batch: Annotated[str | None, typer.Option(help="Pictures per run of PyTorch models, such as 1,16.")] = None,
    pytorch: Annotated[bool, typer.Option("--pytorch", help="Also the PyTorch model of every artifact.")] = False,
    compiled: Annotated[bool, typer.Option("--compile", help="Also through torch.compile.")] = False,
    runs: Annotated[int, typer.Option(help="Time every configuration at least this often.", min=1)] = 50,
    seconds: Annotated[float, typer.Option(help="And until its timed runs took this long.", min=0)] = 2.0,
    warmup_runs: Annotated[int, typer.Option(help="Untimed runs before, at least.", min=0)] = 3,
    warmup_seconds: Annotated[float, typer.Option(help="Seconds of untimed runs before, at least.", min=0)] = 0.5,
    max_seconds: Annotated[float, typer.Option(help="Give a configuration up after this long.", min=1)] = 600.0,
    floor: Annotated[
        bool, typer.Option("--floor", help="Also time plain convolutions and scale them to each file's work.")
    ] = False,
    macs: Annotated[
        float | None, typer.Option(help="Multiply-adds of every file for --floor, such as 695.8e6.", min=1)
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Afterwards, in a pass of its own, profile every file's operators.")
    ] = False,
    check_overhead: Annotated[
        bool, typer.Option("--check-overhead", help="Instead, hold the first configuration against a bare loop.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the order within rounds and of the inputs.", min=0)] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for results.jsonl, taken up again, and a page.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what the folder holds.")] = False,
    allow_invalid: Annotated[bool, typer.Option("--allow-invalid", help="Exit 0 even if a result is invalid.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, raw samples included.")] = False,
) -> None:
    """Measure in interleaved rounds, in shuffled order, each configuration warm and in a process of its own."""
    from edgedepth.cli.parsing import counts, words
    from edgedepth.errors import UsageError

    if macs is not None and not floor:
        raise UsageError("--macs has no effect without --floor.", "", "Add --floor, or leave --macs out.")
    if fresh and output is None:
        raise UsageError("--fresh has no effect without -o.", "", "Add -o FOLDER, or leave --fresh out.")
    if check_overhead and (output is not None or profile or floor):
        raise UsageError("--check-overhead measures nothing else.", "", "Leave -o, --floor and --profile out, or it.")
    accelerators = words(accel, ("cpu", "gpu", "cuda", "tensorrt"), "--accel")
    runtimes = words(runtime, ("litert", "onnxruntime", "pytorch"), "--runtime") if runtime else ()
    thread_counts, batches = counts(threads, "--threads"), counts(batch, "--batch") if batch else ()

    from typing import cast

    from edgedepth.bench.matrix import Choice, configurations
    from edgedepth.bench.schema import Accelerator, Plan
    from edgedepth.cli.console import stderr
    from edgedepth.cli.results import print_results, require_valid, say_skipped, write_report

    plan = Plan(
        runs=runs,
        seconds=seconds,
        warmup_runs=warmup_runs,
        warmup_seconds=warmup_seconds,
        max_seconds=max_seconds,
        seed=seed,
    )
    choice = Choice(
        precisions=tuple(part.strip() for part in precision.split(",")) if precision else (),
        runtimes=runtimes,
        accelerators=cast("tuple[Accelerator, ...]", accelerators),
        threads=thread_counts,
        affinity=affinity.lower().removeprefix("0x"),
        batches=batches,
        compiled=compiled,
        pytorch=pytorch,
        macs=None if macs is None else round(macs),
    )
    asked = configurations(named, choice, plan)
    if check_overhead:
        _check_overhead(asked[0], plan, as_json=as_json)
        return
    measured, everything = _measure(asked, plan, output, floor=floor, fresh=fresh)
    say_skipped(measured.skipped)
    if measured.taken_up:
        stderr.print(f"{measured.taken_up} rounds of an interrupted measurement count.")
    print_results(measured.records, _profiles(asked) if profile else [], as_json=as_json)
    if output is not None:
        write_report(everything, output)
    if not allow_invalid:
        require_valid(measured.records)


def _measure(
    asked: Sequence[Configuration], plan: Plan, output: Path | None, *, floor: bool, fresh: bool
) -> tuple[Measured, list[Record]]:
    """What was asked, and everything that the folder then holds."""
    from edgedepth.bench.files import RESULTS
    from edgedepth.bench.host import bench_host as measure
    from edgedepth.bench.journal import Journal
    from edgedepth.bench.progress import progress_bar
    from edgedepth.cli.console import stderr
    from edgedepth.cli.results import command_line

    command = command_line()
    with progress_bar(stderr, "measuring") as bar:
        if output is None:
            measured = measure(asked, plan, floor=floor, reproduce=command, progress=bar)
            return measured, measured.records
        with Journal(output / RESULTS, fresh=fresh) as journal:
            measured = measure(asked, plan, floor=floor, journal=journal, reproduce=command, progress=bar)
            return measured, journal.records


def _profiles(asked: Sequence[Configuration]) -> list[Profile]:
    """Of every file, with the threads that it was first timed with."""
    from edgedepth.bench.profile import profile
    from edgedepth.bench.progress import progress_bar
    from edgedepth.cli.console import stderr

    found: dict[str, Profile] = {}
    for one in asked:
        if one.job.accelerator == "cpu" and one.job.runtime != "pytorch" and one.job.graph not in found:
            with progress_bar(stderr, f"profiling {one.subject.label}") as bar:
                found[one.job.graph] = profile(Path(one.job.graph), one.job.threads or 1, progress=bar)
    return list(found.values())


def _check_overhead(one: Configuration, plan: Plan, *, as_json: bool) -> None:
    import msgspec

    from edgedepth.bench.overhead import check_overhead
    from edgedepth.bench.progress import progress_bar
    from edgedepth.cli.console import print_json, stderr, stdout

    with progress_bar(stderr, "measuring") as bar:
        found = check_overhead(one, plan, progress=bar)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    stdout.print(
        f"{one.subject.label}, {found.configuration}: {found.harness_ms:.3f} ms through the harness, "
        f"{found.bare_ms:.3f} ms in a bare loop; ratio of medians {found.ratio:.4f}, 95% {found.low:.4f}-"
        f"{found.high:.4f}, of the fastest runs {found.fastest_ratio:.4f}; "
        f"{len(found.bare_samples_ms)} runs each, in turns."
    )
