"""The command line: one thin file per command; heavy libraries are imported when a command runs."""

from __future__ import annotations

import typer

from edgedepth import __version__
from edgedepth.cli.bench_compare import bench_compare
from edgedepth.cli.bench_device import bench_device
from edgedepth.cli.bench_host import bench_host
from edgedepth.cli.bench_report import bench_report
from edgedepth.cli.bundle import bundle
from edgedepth.cli.check import check
from edgedepth.cli.console import errors_as_exit_codes
from edgedepth.cli.devices import devices
from edgedepth.cli.doctor import doctor
from edgedepth.cli.evaluate import evaluate
from edgedepth.cli.export import export
from edgedepth.cli.formats import formats
from edgedepth.cli.inspect import inspect
from edgedepth.cli.models import models
from edgedepth.cli.preflight import preflight
from edgedepth.cli.quantize_report import quantize_report
from edgedepth.cli.run import run
from edgedepth.cli.train import train

app = typer.Typer(
    name="edgedepth",
    help="Turn trained monocular-depth networks into verified, fast ONNX and TFLite files.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, show: bool) -> None:
    if show:
        typer.echo(f"edgedepth {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False,
        "--version",
        is_eager=True,
        callback=lambda value: _version(show=value),
        help="Show the version.",
    ),
) -> None:
    """Turn trained monocular-depth networks into verified, fast ONNX and TFLite files."""


bench = typer.Typer(help="Measure artifacts.", no_args_is_help=True)
bench.command("host")(bench_host)
bench.command("device")(bench_device)
bench.command("compare")(bench_compare)
bench.command("report")(bench_report)

for command in (models, formats, export, check, inspect, run):
    app.command()(command)
app.command("eval")(evaluate)
app.command()(train)
app.command()(quantize_report)
app.add_typer(bench, name="bench")
app.command()(bundle)
app.command()(preflight)
app.command()(devices)
app.command()(doctor)


def main() -> None:
    """Entry point of the ``edgedepth`` script."""
    with errors_as_exit_codes():
        app(standalone_mode=True)
