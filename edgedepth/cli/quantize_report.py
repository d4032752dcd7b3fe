"""`edgedepth quantize-report`: what each precision of an artifact saves, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgedepth.artifact import Artifact, Manifest
    from edgedepth.evaluation.datasets.base import DepthDataset
    from edgedepth.evaluation.metrics import DepthMetrics
    from edgedepth.evaluation.predictor import Predictor
    from edgedepth.evaluation.protocol import EvaluationProtocol


def quantize_report(
    artifacts: Annotated[list[Path], typer.Argument(metavar="ARTIFACT", help="Exported folders.")],
    *,
    data: Annotated[Path | None, typer.Option(help="Frames with ground truth: adds AbsRel and d<1.25.")] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="Of --data: kitti2015 (the default), eigen, eigen-crop, least-squares, metric or indoor."),
    ] = None,
    rounds: Annotated[int, typer.Option(help="Time every file this often.", min=1)] = 40,
    threads: Annotated[int, typer.Option(help="Threads of every runtime.", min=1)] = 1,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Also write the table to this .md.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, raw samples included.")] = False,
) -> None:
    """Put bytes, parity, depth and time of every precision beside the fp32 file of the same format and size."""
    from edgedepth.errors import UsageError

    if protocol is not None and data is None:
        raise UsageError("--protocol has no effect without --data.", "", "Add --data, or leave --protocol out.")
    if output is not None and (output.is_dir() or not output.absolute().parent.is_dir()):
        raise UsageError(
            f"{output} cannot be written.",
            "It is a folder." if output.is_dir() else "Its folder does not exist.",
            "Name a file in a folder that exists.",
        )

    from edgedepth import __version__
    from edgedepth.bench.machine import cpu_name, usable_cores
    from edgedepth.bench.precisions import precision_rows
    from edgedepth.bench.precisions_page import PrecisionReport, as_object, markdown, notes, table, warnings
    from edgedepth.bench.progress import progress_bar
    from edgedepth.bench.schema import Plan
    from edgedepth.cli.console import print_json, stderr, stdout
    from edgedepth.evaluation.datasets import open_dataset
    from edgedepth.evaluation.named_protocols import DEFAULT, protocol_named
    from edgedepth.evaluation.report import counted

    rule = protocol_named(protocol or DEFAULT)
    told = f"protocol {rule.name}: {rule.statement()}"
    _require_told_apart(artifacts)
    opened = [(_shown(path), *_open(path)) for path in artifacts]
    dataset = open_dataset(data) if data is not None else None
    rows, plan = [], Plan(runs=rounds, seconds=0)
    for name, artifact, manifest in opened:
        depths = _depths(artifact, manifest, dataset, rule, threads) if dataset is not None else {}
        with progress_bar(stderr, f"timing {name}") as bar:
            rows += precision_rows(name, artifact, manifest, threads, plan, depths, progress=bar)
    report = PrecisionReport(
        command=_command(
            [name for name, *_ in opened], _shown(data) if data is not None else None, rule.name, rounds, threads
        ),
        tools=[f"edgedepth {__version__}", *dict.fromkeys(row.runtime for row in rows)],
        machine=f"{cpu_name()}, {usable_cores()} cores",
        threads=threads,
        rounds=rounds,
        data=None if dataset is None else f"{dataset.title}, {counted(len(dataset.names))}, {told}",
        rows=rows,
    )
    if output is not None:
        from edgedepth.artifact.folder import write_whole

        write_whole(output, markdown(report).encode())
    if as_json:
        print_json(as_object(report))
        return
    stdout.print(table(report))
    for note in notes(report):
        stdout.print(note)
    for warning in warnings(report):
        stderr.print(warning, style="yellow", markup=False)


def _require_told_apart(artifacts: list[Path]) -> None:
    from edgedepth.errors import UsageError

    named: dict[str, Path] = {}
    for path in artifacts:
        other = named.setdefault(_shown(path), path)
        if other is not path:
            raise UsageError(
                f"Two artifacts would both be called {_shown(path)}.",
                f"They are {other} and {path}.",
                "Name each once, by a relative path where folders share a name.",
            )


def _open(path: Path) -> tuple[Artifact, Manifest]:
    """An artifact's folder, every file of it as it was exported."""
    from edgedepth.artifact import open_artifact, verify_hashes
    from edgedepth.errors import UsageError

    artifact = open_artifact(path)
    if artifact.manifest is None or path.is_file():
        raise UsageError(f"{path} is one file.", "The report compares the files of a folder.", "Name the folder.")
    verify_hashes(artifact)
    return artifact, artifact.manifest


def _depths(
    artifact: Artifact, manifest: Manifest, dataset: DepthDataset, rule: EvaluationProtocol, threads: int
) -> dict[str, DepthMetrics]:
    """Mean metrics by `FileEntry.path`; none for random weights, which have no depth quality."""
    from edgedepth.evaluation.opening import Choice, open_predictors

    found = {}
    for entry in artifact.files if manifest.source.kind != "random" else ():
        (predictor,) = open_predictors([str(artifact.path(entry))], Choice(threads=threads))
        found[entry.path] = _mean(predictor, dataset, rule, f"evaluating {entry.path}")
    return found


def _mean(predictor: Predictor, dataset: DepthDataset, rule: EvaluationProtocol, label: str) -> DepthMetrics:
    from itertools import count

    from edgedepth.bench.progress import progress_bar
    from edgedepth.cli.console import stderr
    from edgedepth.evaluation.protocol import evaluate

    done = count(1)
    with progress_bar(stderr, label) as bar:
        return evaluate(predictor, dataset, rule, on_frame=lambda _: bar(next(done), len(dataset.names))).mean


def _shown(path: Path) -> str:
    """As it was named, but without this machine's folders: equal artifacts give equal reports."""
    return path.name if path.is_absolute() else str(path)


def _command(names: list[str], data: str | None, protocol: str, rounds: int, threads: int) -> str:
    import shlex

    asked = ["--data", data, "--protocol", protocol] if data else []
    return shlex.join(
        ["edgedepth", "quantize-report", *names, *asked, "--rounds", str(rounds), "--threads", str(threads)]
    )
