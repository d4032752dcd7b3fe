"""``edgedepth run --tiles``: a large picture, refined patch by patch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgedepth.runtime.refine import Refined, RefinePair, RefineWanted

DEFAULT_MEMORY = "1.5G"
UNITS = {"M": 10**6, "G": 10**9}


def parse_memory(text: str) -> int:
    """Bytes of ``1.5G`` or ``800M``.

    Raises:
        UsageError: not a positive number with one of these units.
    """
    from edgedepth.errors import UsageError

    match = re.fullmatch(r"(\d+(?:\.\d+)?)([MG])", text)
    size = int(float(match[1]) * UNITS[match[2]]) if match else 0
    if size < 1:
        raise UsageError(f"{text!r} is no amount of memory.", "It is a number and M or G.", "For example --memory 1.5G")
    return size


def run_tiled(
    artifact: Path,
    source: Path,
    wanted: RefineWanted,
    *,
    file_format: str | None,
    precision: str | None,
    threads: int,
    as_json: bool,
) -> None:
    """Refine one picture, with a progress bar, and say what was done."""
    from rich.progress import Progress

    from edgedepth.cli.console import print_json, stderr, stdout, warn
    from edgedepth.runtime.refine import check_wanted, open_pair, refine_picture
    from edgedepth.runtime.words import weights_warnings

    check_wanted(source, wanted)
    pair = open_pair(artifact, file_format=file_format, precision=precision, threads=threads)
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        task = progress.add_task("refining", total=None)
        done = refine_picture(pair, source, wanted, lambda n, all_: progress.update(task, completed=n, total=all_))
    if as_json:
        print_json(_as_object(pair, source, wanted, done))
        return
    for line in _lines(pair, done):
        stdout.print(line, markup=False)
    warn(weights_warnings(pair.weights))


def _as_object(pair: RefinePair, source: Path, wanted: RefineWanted, done: Refined) -> dict[str, object]:
    from edgedepth.runtime.words import weights_warnings

    return {
        "coarse_file": pair.coarse_session.entry.path,
        "refiner_file": pair.entry.graph.path,
        "runtime": pair.refiner_session.runtime,
        "threads": pair.refiner_session.threads,
        "weights": pair.weights.statement,
        "source": str(source),
        "size": list(done.size),
        "tiles": wanted.tiling.name,
        "patches": done.patches,
        "resumed": done.resumed,
        "seconds": {"coarse": done.seconds_coarse, "patches": done.seconds_patches, "rest": done.seconds_rest},
        "peak_memory_bytes": done.peak_bytes,
        "values": {"quantity": pair.meaning.quantity, "unit": pair.meaning.unit},
        "outputs": [str(path) for path in done.outputs],
        "warnings": list(weights_warnings(pair.weights)),
    }


def _lines(pair: RefinePair, done: Refined) -> list[str]:
    from edgedepth.runtime.words import threads_in_words

    session = pair.refiner_session
    threads = threads_in_words(session.threads)
    resumed = f", {done.resumed} of them from an interrupted run" if done.resumed else ""
    patches = f"{done.seconds_patches:.2f} s for {done.patches} patches{resumed}"
    return [
        f"model   {done.seconds_coarse:.2f} s coarse, {patches} ({session.runtime}, {threads})",
        f"rest    {done.seconds_rest:.2f} s reading, joining, colouring and writing",
        f"memory  {done.peak_bytes / 1e6:.0f} MB at most",
        f"values  {pair.meaning.statement}",
        *(f"output  {path}" for path in done.outputs),
    ]
