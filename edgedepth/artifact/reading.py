"""Opening an artifact: a folder with its manifest, or one file with what it carries inside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgedepth.artifact.folder import sha256
from edgedepth.artifact.manifest import CORRECTIONS, FILE_NAME, FileEntry, Manifest, decode_manifest
from edgedepth.errors import InputError, UsageError


@dataclass(frozen=True)
class Artifact:
    """An artifact on disk.

    Attributes:
        folder: where `FileEntry.path` is relative to.
        manifest: None for a single file that lies outside its folder.
        files: the entries to choose from.
    """

    folder: Path
    manifest: Manifest | None
    files: tuple[FileEntry, ...]

    def path(self, entry: FileEntry) -> Path:
        """Where that file is."""
        return self.folder / entry.path


def open_artifact(path: Path) -> Artifact:
    """Open a folder, or one file of it, or a lone file.

    Raises:
        InputError: nothing there, or not an artifact.
    """
    if path.is_dir():
        manifest = _manifest(path)
        return Artifact(path, manifest, manifest.files)
    if not path.is_file():
        raise InputError(f"There is no artifact at {path}.", "", "`edgedepth export MODEL -o FOLDER` writes one.")
    if (path.parent / FILE_NAME).is_file():
        manifest = _manifest(path.parent)
        own = tuple(entry for entry in manifest.graphs if entry.path == path.name)
        if own:
            return Artifact(path.parent, manifest, own)
    return Artifact(path.parent, None, (_lone_entry(path),))


def _manifest(folder: Path) -> Manifest:
    file = folder / FILE_NAME
    if not file.is_file():
        raise InputError(f"{folder} is not an artifact.", f"It has no {FILE_NAME}.", "Name an exported folder.")
    return decode_manifest(file.read_bytes(), file)


def _lone_entry(path: Path) -> FileEntry:
    from edgedepth.artifact.embed import read_embedded  # noqa: PLC0415 - pulls in onnx

    inside = read_embedded(path)
    layout = inside.input.tensor.layout
    shape = inside.input.tensor.shape
    size = (shape[2], shape[3]) if layout == "NCHW" else (shape[1], shape[2])
    return FileEntry(
        path=path.name,
        format="onnx" if path.suffix == ".onnx" else "tflite",
        precision=inside.precision,
        size=size,
        sha256=sha256(path),
        bytes=path.stat().st_size,
        input=inside.input,
        output=inside.output,
        operators={},
        lowering=inside.lowering,
        parity={},
        opset=None,
    )


def choose(
    artifact: Artifact,
    *,
    file_format: str | None = None,
    precision: str | None = None,
    size: tuple[int, int] | None = None,
) -> FileEntry:
    """The first file that fits what was asked; the manifest's order is the order of preference.

    Raises:
        UsageError: none fits; the message lists what there is. Or it is a refiner, which takes no picture.
    """
    for entry in artifact.files:
        if file_format in (None, entry.format) and precision in (None, entry.precision) and size in (None, entry.size):
            if entry.output.meaning in CORRECTIONS:
                raise UsageError(
                    f"{entry.path} is a refiner: it corrects the depth that its coarse graph gives.",
                    "By itself it takes no picture.",
                    "Name the folder that it was exported to, with --tiles m1.",
                )
            return entry
    asked = " ".join(
        str(v) for v in (file_format, precision, f"{size[0]}x{size[1]}" if size else None) if v is not None
    )
    raise UsageError(
        f"{artifact.folder} has no {asked} file.",
        f"It has: {', '.join(entry.path for entry in artifact.files)}.",
        "Ask for one of these, or export it.",
    )


def require_listed(path: Path) -> None:
    """Refuse an artifact without a file that its manifest lists.

    Raises:
        InputError: it is missing.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing.", "The manifest lists it.", "Export the model again.")


def verify_hashes(artifact: Artifact) -> None:
    """Check every file of a folder against its manifest.

    Raises:
        InputError: a file is missing or not the one that was written.
    """
    if artifact.manifest is None:
        return
    for name, digest in artifact.manifest.hashes().items():
        path = artifact.folder / name
        require_listed(path)
        found = sha256(path)
        if found != digest:
            raise InputError(
                f"{path} is not the file that was exported.",
                f"sha256 {found[:12]}, the manifest says {digest[:12]}.",
                "Export the model again.",
            )
