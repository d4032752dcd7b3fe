"""The command line as a shell sees it, within this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Result:
    """What one command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def edgedepth(monkeypatch, capsys) -> Callable[..., Result]:
    """``edgedepth("export", ...)``: exit code, standard output, standard error."""
    from edgedepth.cli import console, main

    monkeypatch.setattr(console.stdout, "_width", 200)

    def command(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["edgedepth", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as exited:
            code = exited.code if isinstance(exited.code, int) else int(exited.code is not None)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return command
