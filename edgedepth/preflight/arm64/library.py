"""LiteRT's ARM64 build: where it lies, and fetching it when the user asks for that."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from edgedepth.artifact.folder import sha256
from edgedepth.errors import InputError, MissingDependencyError

PACKAGE = "ai-edge-litert"
LIBRARY = "libLiteRt.so"
VARIABLE = "EDGEDEPTH_ARM64_LITERT"
CALLING_CONVENTION = "2.3."
"""Versions whose C interface `runner.c` speaks."""
REMEDY = (
    f"`edgedepth preflight --prepare-arm64` fetches it; or unpack its aarch64 wheel and name the folder in {VARIABLE}."
)
PLATFORMS = ("manylinux_2_17_aarch64", "manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64")


class Origin(msgspec.Struct, frozen=True):
    """What a prepared library says about itself.

    Attributes:
        version: of the package.
        wheel: file name that it came from.
        sha256: of that file; empty for a folder that the user unpacked.
    """

    version: str
    wheel: str
    sha256: str


@dataclass(frozen=True)
class Arm64Library:
    """The ARM64 libLiteRt.so and where it came from."""

    path: Path
    origin: Origin


def cache_folder() -> Path:
    """Where compiled helpers and the prepared library are kept: ``$XDG_CACHE_HOME/edgedepth/arm64``."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "edgedepth" / "arm64"


def find_library() -> Arm64Library:
    """The library that `VARIABLE` names, or the prepared one.

    Raises:
        InputError: the folder that was named does not hold it, or it is of another version than the LiteRT that is
            installed here: the two would be compared for what they compute.
        MissingDependencyError: there is none, or `runner.c` does not speak the installed version's interface.
    """
    wanted = version(PACKAGE)
    if not wanted.startswith(CALLING_CONVENTION):
        raise MissingDependencyError(
            "This check speaks the C interface of LiteRT 2.3.",
            f"{PACKAGE} {wanted} is installed.",
            f"`pip install '{PACKAGE}==2.3.*'`.",
        )
    named = os.environ.get(VARIABLE)
    if named:
        found = _unpacked(Path(named)) or _prepared(Path(named))
        if found is None:
            raise InputError(f"{named} does not hold LiteRT for ARM64.", f"It was named by {VARIABLE}.", REMEDY)
    else:
        found = _prepared(_place(wanted))
        if found is None:
            raise MissingDependencyError("LiteRT for ARM64 is not here.", f"Nothing in {_place(wanted)}.", REMEDY)
    if found.origin.version != wanted:
        raise InputError(
            "LiteRT for ARM64 is of another version than the one that is installed.",
            f"{found.path} is {found.origin.version}, installed is {wanted}.",
            REMEDY,
        )
    return found


def prepare_library() -> Arm64Library:
    """Download the aarch64 wheel of the installed version with pip, and keep its library.

    Raises:
        MissingDependencyError: pip is not there or did not get it.
    """
    wanted = version(PACKAGE)
    place = _place(wanted)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        wheel = _download(wanted, Path(folder))
        ready = Path(folder) / "ready"
        ready.mkdir()
        with zipfile.ZipFile(wheel) as archive:
            (ready / LIBRARY).write_bytes(archive.read(f"ai_edge_litert/{LIBRARY}"))
        origin = Origin(wanted, wheel.name, sha256(wheel))
        (ready / "origin.json").write_bytes(msgspec.json.format(msgspec.json.encode(origin), indent=1) + b"\n")
        if _prepared(place) is None:
            ready.rename(place)
        return Arm64Library((place / LIBRARY).resolve(), origin)


def _download(wanted: str, folder: Path) -> Path:
    platforms = [f"--platform={name}" for name in PLATFORMS]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet", *platforms]
    done = subprocess.run(
        [*command, f"--dest={folder}", f"{PACKAGE}=={wanted}"], capture_output=True, text=True, check=False
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip() or done.stdout.strip() or "pip said nothing").splitlines()
        raise MissingDependencyError(
            f"pip could not download {PACKAGE} {wanted} for ARM64.",
            said[-1][:200],
            f"Download its aarch64 wheel elsewhere, unpack it, and name the folder in {VARIABLE}.",
        )
    return wheels[0]


def _place(wanted: str) -> Path:
    return cache_folder() / f"litert-{wanted}"


def _prepared(folder: Path) -> Arm64Library | None:
    library, origin = folder / LIBRARY, folder / "origin.json"
    if not (library.is_file() and origin.is_file()):
        return None
    try:
        return Arm64Library(library.resolve(), msgspec.json.decode(origin.read_bytes(), type=Origin))
    except msgspec.MsgspecError as error:
        raise InputError(f"{origin} cannot be read.", str(error), f"Remove {folder} and prepare it again.") from error


def _unpacked(folder: Path) -> Arm64Library | None:
    """A wheel that was unpacked whole: its own metadata tells the version."""
    library = folder / "ai_edge_litert" / LIBRARY
    stated = sorted(folder.glob("ai_edge_litert-*.dist-info"))
    if not library.is_file() or len(stated) != 1:
        return None
    number = stated[0].name.removeprefix("ai_edge_litert-").removesuffix(".dist-info")
    return Arm64Library(library.resolve(), Origin(number, "", ""))
