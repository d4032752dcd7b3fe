"""What a package holds, and whether it is as it should be.

    python inspect_apk.py APP.apk AAPT2 [--pages]

Prints its permissions, its parts by size, and how its libraries and models lie. Exits 1 where a model is compressed, a
stored file is not aligned, or a permission is asked for that the app has no use for; with --pages also where a library
cannot be mapped on phones whose memory has pages of 16 KB. (app/check packs TensorFlow Lite's libraries, which cannot;
what Gradle builds has LiteRT's.)
"""

from __future__ import annotations

import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

PAGE = 16384
STORED = (".so", ".tflite", ".arsc")
"""What phones map from where it lies; they refuse to install a package whose resources are compressed."""
PERMISSIONS = {"android.permission.CAMERA"}


def offset(package: Path, entry: zipfile.ZipInfo) -> int:
    """Where an entry's bytes begin."""
    with package.open("rb") as file:
        file.seek(entry.header_offset + 26)
        name, extra = struct.unpack("<HH", file.read(4))
    return entry.header_offset + 30 + int(name) + int(extra)


def load_alignment(content: bytes) -> int:
    """The least alignment of a 64-bit library's loaded segments."""
    (start,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    headers = (content[start + i * size : start + (i + 1) * size] for i in range(count))
    return min(int(struct.unpack_from("<Q", one, 48)[0]) for one in headers if struct.unpack_from("<I", one)[0] == 1)


def libraries(package: Path) -> Iterator[tuple[str, int]]:
    """Each native library, and the least alignment of what of it is mapped."""
    with zipfile.ZipFile(package) as content:
        for entry in content.infolist():
            if entry.filename.endswith(".so"):
                yield entry.filename, load_alignment(content.read(entry))


def permissions(package: Path, aapt2: str) -> set[str]:
    """What the installed app may ask for."""
    found = subprocess.run([aapt2, "dump", "permissions", str(package)], check=True, capture_output=True, text=True)
    return {line.split("'")[1] for line in found.stdout.splitlines() if line.startswith("uses-permission")}


def faults(package: Path, asked: set[str]) -> Iterator[str]:
    """What is not as it should be."""
    if asked != PERMISSIONS:
        yield f"permissions: {sorted(asked)}"
    with zipfile.ZipFile(package) as content:
        entries = content.infolist()
    if not any(entry.filename.endswith(".tflite") for entry in entries):
        yield "there is no model in it"
    for entry in entries:
        if entry.filename.endswith(STORED) and entry.compress_type != zipfile.ZIP_STORED:
            yield f"{entry.filename} is compressed"
        alignment = PAGE if entry.filename.endswith(".so") else 4
        if entry.compress_type == zipfile.ZIP_STORED and entry.file_size and offset(package, entry) % alignment:
            yield f"{entry.filename} begins at {offset(package, entry)}, not at a multiple of {alignment}"


def say(line: str) -> None:
    """As the rest of the check does."""
    sys.stdout.write(f"[app-check] {line}\n")


def main(package: Path, aapt2: str, *, pages: bool) -> int:
    """Print and judge."""
    asked = permissions(package, aapt2)
    say(f"{package.name}: {package.stat().st_size / 1e6:.1f} MB, permissions: {', '.join(sorted(asked))}")
    with zipfile.ZipFile(package) as content:
        for entry in sorted(content.infolist(), key=lambda one: -one.compress_size)[:8]:
            say(f"  {entry.compress_size / 1e6:6.2f} MB  {entry.filename}")
    found = list(faults(package, asked))
    for name, least in libraries(package):
        fits = least >= PAGE
        say(f"  {name}: segments aligned to {least} bytes: {'fits' if fits else 'does not fit'} 16 KB pages")
        if pages and not fits:
            found.append(f"{name} does not fit 16 KB pages")
    for line in found:
        say(f"fault: {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], pages="--pages" in sys.argv[3:]))
