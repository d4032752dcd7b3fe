"""What commands share: results on stdout, progress on stderr, one place that turns errors into exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from edgedepth.errors import EdgedepthError

INTERRUPTED = 130
_INTERRUPTED_MESSAGE = "Interrupted; nothing half-written was left behind."

stderr = Console(stderr=True, highlight=False, soft_wrap=True)
# A pipe has no width of its own: wide enough that no table is cut.
stdout = Console(highlight=False, soft_wrap=True, markup=False, width=None if sys.stdout.isatty() else 200)


def print_json(value: Any) -> None:
    """One JSON object on stdout and nothing else."""
    sys.stdout.write(json.dumps(value, indent=1, sort_keys=True) + "\n")


def warn(warnings: Iterable[str]) -> None:
    """Each on a line of its own on stderr."""
    for warning in warnings:
        stderr.print(f"[yellow]Warning:[/] {_escape(warning)}")


def parse_size(text: str) -> tuple[int, int]:
    """``HxW`` as (height, width).

    Raises:
        UsageError: not of that form.
    """
    from edgedepth.errors import UsageError

    height, cross, width = text.lower().partition("x")
    if not (cross and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise UsageError(f"{text!r} is not a size.", "A size is HEIGHTxWIDTH in pixels.", "For example --size 192x640.")
    return int(height), int(width)


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """Turn what went wrong into a message on stderr and the documented exit code."""
    try:
        yield
    except SystemExit as exit_:
        if exit_.code == INTERRUPTED:  # typer has turned Ctrl-C into an exit already
            stderr.print(_INTERRUPTED_MESSAGE)
        raise
    except EdgedepthError as error:
        stderr.print(f"[bold red]Error:[/] {_escape(error.cause)}")
        for line in (error.evidence, error.remedy):
            if line:
                stderr.print(f"  {_escape(line)}")
        raise SystemExit(error.exit_code) from error
    except KeyboardInterrupt as error:
        stderr.print(_INTERRUPTED_MESSAGE)
        raise SystemExit(INTERRUPTED) from error
    except BrokenPipeError:
        # The reader of our output went away; Python would complain once more while flushing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
