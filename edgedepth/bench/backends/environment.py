"""Variables that a measuring process is started with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edgedepth.bench.job import Job

DRIVER_FOLDERS = (Path("/usr/share/vulkan/icd.d"), Path("/etc/vulkan/icd.d"))
"""Where Vulkan's loader finds installed drivers by itself."""


def environment(job: Job) -> dict[str, str]:
    """What is set besides the parent's own variables.

    Raises:
        InputError: the environment names a Vulkan driver that is not there.
        MissingDependencyError: the GPU accelerator has no Vulkan driver.
    """
    # A module in the folder where the command is run must not take the place of an installed one.
    variables = {"PYTHONSAFEPATH": "1"}
    if job.threads is not None:
        variables["OMP_NUM_THREADS"] = str(job.threads)
    if "compile" in job.options:
        variables["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # a pool of compilers would go on beside the measurement
    if job.runtime == "litert" and job.accelerator == "gpu" and sys.platform == "linux":
        variables |= _vulkan()
    return variables


def _vulkan() -> dict[str, str]:
    from edgedepth.preflight.vulkan import VARIABLES, find_icd, require_loader  # noqa: PLC0415 - for a GPU only

    require_loader()
    named = any(os.environ.get(variable) for variable in VARIABLES)
    if not named and any(file for folder in DRIVER_FOLDERS for file in folder.glob("*.json")):
        return {}  # the loader chooses among the installed ones
    icd = str(find_icd())
    return {"VK_DRIVER_FILES": icd, "VK_ICD_FILENAMES": icd}
