"""Finding a Vulkan driver for the GPU check: a software one is enough."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from edgedepth.errors import InputError, MissingDependencyError

DEBIAN_ICD = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
"""Where Debian's chromium-common puts SwiftShader's description."""

VARIABLES = ("EDGEDEPTH_VULKAN_ICD", "VK_DRIVER_FILES", "VK_ICD_FILENAMES")
"""Environment variables that may name the description, the first that is set wins."""

REMEDY = (
    "On Debian: `apt-get install libvulkan1 chromium-common`; or unpack chromium-common anywhere with "
    "`dpkg -x` and point EDGEDEPTH_VULKAN_ICD at its vk_swiftshader_icd.json."
)


def find_icd(given: Path | None = None) -> Path:
    """The driver description (ICD) to run on.

    Args:
        given: a description or a folder that holds one somewhere; otherwise the environment and then Debian's
            place are looked at.

    Raises:
        InputError: what was given, or named in the environment, is not there.
        MissingDependencyError: none found, or there is no Vulkan loader.
    """
    require_loader()
    if given is not None:
        return _described(given, "the command line")
    for variable in VARIABLES:
        if os.environ.get(variable):
            return _described(Path(os.environ[variable].split(os.pathsep)[0]), variable)
    if DEBIAN_ICD.is_file():
        return DEBIAN_ICD
    raise MissingDependencyError(
        "There is no Vulkan driver to run the GPU accelerator on.",
        f"None of {', '.join(VARIABLES)} is set, and {DEBIAN_ICD} does not exist.",
        REMEDY,
    )


def require_loader() -> None:
    """Check that Vulkan's loader library is installed.

    Raises:
        MissingDependencyError: it is not.
    """
    try:
        ctypes.CDLL("libvulkan.so.1")
    except OSError as error:
        raise MissingDependencyError("Vulkan's loader is missing.", str(error), REMEDY) from error


def _described(place: Path, source: str) -> Path:
    found = next(_candidates(place), None)
    if found is None:
        raise InputError(f"There is no Vulkan driver description at {place}.", f"It was named by {source}.", REMEDY)
    return found.resolve()


def _candidates(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    elif place.is_dir():
        yield from sorted(place.rglob("*swiftshader_icd*.json"))
        yield from sorted(place.rglob("*_icd*.json"))
