"""The Android demo's own checks, each run once per test run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "android_demo"
needs_demo = pytest.mark.skipif(not DEMO.is_dir(), reason="the Android demo is not part of a source distribution")

_NOT_HERE = 77
"""What a check exits with where a tool that it needs is not there."""

Once = Callable[[str, Callable[[Path], object]], Path]


def require_passed(once: Once, check: Path) -> None:
    """The check ran and found nothing; the test is skipped where it cannot run."""
    name = "-".join(check.relative_to(DEMO).parts)
    code, _, said = once(f"android-{name}", lambda result: _run(check, result)).read_text().partition("\n")
    if int(code) == _NOT_HERE:
        pytest.skip(said.strip().splitlines()[-1])
    assert int(code) == 0, said


def _run(check: Path, result: Path) -> None:
    done = subprocess.run(
        [check],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    result.write_text(f"{done.returncode}\n{done.stdout}\n{done.stderr}")
