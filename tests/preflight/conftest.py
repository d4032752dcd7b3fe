"""A Vulkan driver for the GPU checks, where there is one."""

from __future__ import annotations

import pytest

from edgedepth.errors import EdgedepthError
from edgedepth.preflight.vulkan import find_icd


@pytest.fixture(scope="session")
def icd():
    """Driver description; skips with what is missing."""
    try:
        return find_icd()
    except EdgedepthError as error:
        pytest.skip(f"no GPU check: {error.cause} {error.evidence}")
