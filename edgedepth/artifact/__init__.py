"""The contract between all rooms: what an exported folder holds and says about itself."""

from edgedepth.artifact.folder import sha256, whole_folder
from edgedepth.artifact.manifest import FileEntry, Manifest
from edgedepth.artifact.reading import Artifact, choose, open_artifact, verify_hashes

__all__ = [
    "Artifact",
    "FileEntry",
    "Manifest",
    "choose",
    "open_artifact",
    "sha256",
    "verify_hashes",
    "whole_folder",
]
