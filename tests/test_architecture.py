"""The house: which room may know which, and the links at the top."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_rooms_import_only_what_they_may():
    """The contracts in pyproject.toml hold."""
    script = shutil.which("lint-imports", path=sysconfig.get_path("scripts"))
    if script is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run([script, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("room", ["models", "export", "bench"])
def test_rooms_at_the_top_are_relative_links(room):
    link = ROOT / room
    assert link.is_symlink()
    assert link.readlink() == Path("edgedepth") / room
    assert link.resolve() == ROOT / "edgedepth" / room


def test_every_module_of_the_package_has_a_doc_string():
    import ast

    files = [p for p in (ROOT / "edgedepth").rglob("*.py") if p.stat().st_size]
    assert files
    missing = [str(p.relative_to(ROOT)) for p in files if not ast.get_docstring(ast.parse(p.read_text()))]
    assert missing == []


def test_the_version_is_one():
    from importlib.metadata import version

    import edgedepth

    done = subprocess.run(
        [sys.executable, "-c", "import edgedepth; print(edgedepth.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == edgedepth.__version__ == version("edgedepth")
