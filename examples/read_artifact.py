"""Say what an artifact is, how exact it is and how to feed it: everything comes from its manifest.

python examples/read_artifact.py artifacts/flex-nano
"""

from __future__ import annotations

import sys
from pathlib import Path

from edgedepth.artifact import FileEntry, open_artifact, verify_hashes
from edgedepth.errors import EdgedepthError


def describe(entry: FileEntry) -> list[str]:
    """Lines about one file."""
    fed, given = entry.input.tensor, entry.output.tensor
    constants = ", ".join(f"{name} = {value:g}" for name, value in entry.output.constants.items())
    scale = "in metres" if entry.output.metric else "up to one unknown scale per picture"
    color, (low, high) = entry.input.color, entry.input.value_range
    lines = [
        f"{entry.path}: {entry.bytes / 1e6:.2f} MB, {entry.precision}, sha256 {entry.sha256[:12]}",
        f"  feed   {fed.name}, {fed.dtype} {fed.layout} {list(fed.shape)}, {color} {low:g} to {high:g}",
        f"  gives  {given.name}, {given.dtype} {given.layout} {list(given.shape)}",
        f"  depth  {entry.output.decode}{f' with {constants}' if constants else ''}; {scale}",
    ]
    for name, parity in entry.parity.items():
        lines.append(f"  on {name}: at most {parity.max_abs:.1e} from the PyTorch model")
    return lines


def main() -> None:
    """Describe the artifact that is named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: read_artifact.py ARTIFACT")
    try:
        artifact = open_artifact(Path(sys.argv[1]))
        verify_hashes(artifact)
    except EdgedepthError as error:
        sys.exit(str(error))
    if artifact.manifest is not None:
        model, source = artifact.manifest.model, artifact.manifest.source
        sys.stdout.write(f"{model.title}, {model.parameters:,} parameters: {source.statement}\n")
    for entry in artifact.files:
        sys.stdout.write("\n".join(describe(entry)) + "\n")


if __name__ == "__main__":
    main()
