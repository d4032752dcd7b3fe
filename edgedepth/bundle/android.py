"""Artifacts into the Android demo: the .tflite files that its runtime takes, and the manifest of just those."""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from edgedepth.artifact import Artifact, FileEntry, Manifest, open_artifact, verify_hashes, whole_folder
from edgedepth.artifact.manifest import FILE_NAME, encode
from edgedepth.errors import EdgedepthError, InputError, UsageError

PRECISIONS = ("fp32", "w8a8")
"""What is bundled unless asked otherwise, where it is there: the most exact file and the smallest one."""

ASSETS = Path("app/src/main/assets/models")
"""Below the Android project; git ignores it."""

_APP = Path("app/src/main/AndroidManifest.xml")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Plan:
    """What one artifact gives to the app.

    Attributes:
        artifact: where it comes from.
        manifest: of the bundled folder: only the files and references that go with it.
    """

    artifact: Artifact
    manifest: Manifest

    @property
    def is_coarse_only(self) -> bool:
        """Whether refiners stay behind, which the app does not run."""
        return bool(self.artifact.manifest and self.artifact.manifest.refiners)


@dataclass(frozen=True)
class Bundled:
    """What one artifact became.

    Attributes:
        folder: within the app's assets.
        manifest: as written there.
        apk_bytes: by how much the app's package grows: graphs are stored, the rest is deflated.
        changed: False where the same was there already.
        coarse_only: True where the artifact's refiners stayed behind.
    """

    folder: Path
    manifest: Manifest
    apk_bytes: int
    changed: bool
    coarse_only: bool


def plans(artifacts: Sequence[Path], precisions: Sequence[str], sizes: Sequence[tuple[int, int]]) -> list[Plan]:
    """Choose and check; nothing is written.

    Args:
        artifacts: exported folders.
        precisions: of the files; empty for those of `PRECISIONS` that are there.
        sizes: (height, width); empty for all.

    Raises:
        InputError: not an artifact folder, a changed file, or files that the app cannot run.
        UsageError: nothing fits what was asked, or two artifacts have one name and different content.
    """
    found: dict[str, Plan] = {}
    for folder in artifacts:
        plan = _plan(folder, precisions, sizes)
        name = plan.manifest.name
        if name in found and encode(found[name].manifest) != encode(plan.manifest):
            raise UsageError(
                f"Two artifacts are named {name}, with different content.",
                f"They are {found[name].artifact.folder} and {folder}.",
                "Bundle one of them; in the app they would take each other's place.",
            )
        found.setdefault(name, plan)
    return list(found.values())


def bundle(plan: Plan, project: Path, *, force: bool) -> Bundled:
    """Write one artifact into the project's assets, whole or not at all.

    Args:
        project: the Android project's folder.
        force: another artifact of that name may be replaced.

    Raises:
        InputError: `project` is not the demo's folder.
        UsageError: another artifact of that name is bundled already, and `force` is not set.
        OutputError: it cannot be written.
    """
    if not (project / _APP).is_file():
        raise InputError(
            f"{project} is not the Android demo.", f"It has no {_APP}.", "Name the folder android_demo of edgedepth."
        )
    target = project / ASSETS / plan.manifest.name
    content = encode(plan.manifest, indent=1)
    paths = _paths(plan.manifest)
    growth = _growth(plan, content)
    if _is_there(target, content, paths):
        return Bundled(target, plan.manifest, growth, changed=False, coarse_only=plan.is_coarse_only)
    if not force and target.exists():
        raise UsageError(
            f"Another {plan.manifest.name} is bundled already.",
            f"It is {target}, and its content differs.",
            "Add --force to replace it.",
        )
    with whole_folder(target, force=force) as work:
        for path in paths:
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(plan.artifact.folder / path, work / path)
        (work / FILE_NAME).write_bytes(content)
        verify_hashes(open_artifact(work))
    return Bundled(target, plan.manifest, growth, changed=True, coarse_only=plan.is_coarse_only)


def _plan(folder: Path, precisions: Sequence[str], sizes: Sequence[tuple[int, int]]) -> Plan:
    artifact = open_artifact(folder)
    if artifact.manifest is None or len(artifact.files) != len(artifact.manifest.files):
        raise UsageError(f"{folder} is one file.", "The app needs its manifest too.", "Name the artifact's folder.")
    if not _NAME.fullmatch(artifact.manifest.name):
        raise InputError(
            f"{folder} has a name that an app's assets cannot have.",
            f"It is {artifact.manifest.name!r}.",
            "Export it to a folder named with letters, digits, dots and dashes.",
        )
    verify_hashes(artifact)
    files = _chosen(artifact, precisions, sizes)
    for entry in files:
        _require_runnable(folder, entry)
    wanted = {entry.size for entry in files}
    references = tuple(one for one in artifact.manifest.references if one.size in wanted)
    return Plan(artifact, replace(artifact.manifest, files=files, references=references, rig=None, refiners=()))


def _chosen(artifact: Artifact, precisions: Sequence[str], sizes: Sequence[tuple[int, int]]) -> tuple[FileEntry, ...]:
    graphs = [entry for entry in artifact.files if entry.format == "tflite"]
    if not graphs:
        raise InputError(
            f"{artifact.folder} has no .tflite file, and the app runs nothing else.",
            f"It has: {_listed(artifact.files)}.",
            "Export it again with --format tflite.",
        )
    found = tuple(
        entry
        for entry in graphs
        if entry.precision in (precisions or PRECISIONS) and entry.size in (sizes or [entry.size])
    )
    got = {entry.precision for entry in found}, {entry.size for entry in found}
    absent = [p for p in precisions if p not in got[0]] + [f"{h}x{w}" for h, w in sizes if (h, w) not in got[1]]
    if absent or not found:
        raise UsageError(
            f"{artifact.folder} has no .tflite file of {', '.join(absent) or ' or '.join(PRECISIONS)}.",
            f"It has: {_listed(graphs)}.",
            "Choose among these with --precision and --size, or export it.",
        )
    return found


def _require_runnable(folder: Path, entry: FileEntry) -> None:
    given, made = entry.input.tensor, entry.output.tensor
    why = (
        f"It takes {given.shape[0]} pictures at a time."
        if given.shape[0] != 1
        else f"It takes {given.dtype}."
        if given.quantization is None and given.dtype not in ("float32", "uint8")
        else f"It gives {made.dtype}."
        if made.quantization is None and made.dtype != "float32"
        else None
    )
    if why:
        raise InputError(
            f"The app cannot run {folder / entry.path}.", why, "Export it with --batch 1, float, uint8 or int8 input."
        )


def _paths(manifest: Manifest) -> list[str]:
    return [entry.path for entry in manifest.files] + [one.path for one in manifest.references]


def _is_there(target: Path, manifest: bytes, paths: Iterable[str]) -> bool:
    try:
        if (target / FILE_NAME).read_bytes() != manifest:
            return False
        verify_hashes(open_artifact(target))
    except (OSError, EdgedepthError):
        return False
    there = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    return there == {FILE_NAME, *paths}


def _growth(plan: Plan, manifest: bytes) -> int:
    stored = sum(entry.bytes for entry in plan.manifest.files)
    folder = plan.artifact.folder
    deflated = [manifest, *((folder / one.path).read_bytes() for one in plan.manifest.references)]
    return stored + sum(len(zlib.compress(content, 9)) for content in deflated)


def _listed(entries: Iterable[FileEntry]) -> str:
    return ", ".join(entry.path for entry in entries)
