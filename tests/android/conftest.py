"""What the checks of the Android demo leave behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo_checks import DEMO, Once, require_passed


@pytest.fixture(scope="session")
def core_checked(once: Once) -> Path:
    """The folder that `android_demo/check` filled; skipped where it cannot run."""
    require_passed(once, DEMO / "check")
    return DEMO / "build"


@pytest.fixture(scope="session")
def app_checked(once: Once, core_checked: Path) -> Path:
    """The folder that `android_demo/app/check` filled; skipped where it cannot run."""
    require_passed(once, DEMO / "app" / "check")
    return core_checked / "app"
