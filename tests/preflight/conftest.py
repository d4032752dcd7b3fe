"""What the checks run on, where it is there: a Vulkan driver, an ARM64 emulator."""

from __future__ import annotations

import pytest

from edgedepth.errors import EdgedepthError
from edgedepth.preflight.arm64.emulator import find_emulator
from edgedepth.preflight.vulkan import find_icd


@pytest.fixture(scope="session")
def icd():
    """Driver description; skips with what is missing."""
    try:
        return find_icd()
    except EdgedepthError as error:
        pytest.skip(f"no GPU check: {error.cause} {error.evidence}")


@pytest.fixture(scope="session")
def emulator():
    """QEMU, a cross compiler and LiteRT's ARM64 build; skips with what is missing."""
    try:
        return find_emulator()
    except EdgedepthError as error:
        pytest.skip(f"no ARM64 check: {error.cause} {error.evidence}")
