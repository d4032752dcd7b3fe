"""Whether native libraries load where memory pages are 16 KB, as new 64-bit Android devices have them.

The loader maps a library's segments at multiples of their alignment, which must not be smaller than a page. A library
that an APK stores uncompressed is mapped straight from the APK, so it must begin there at such a multiple as well.
Only 64-bit libraries are concerned: 32-bit ones do not run on such devices.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from edgedepth.errors import InputError
from edgedepth.preflight.elf import NativeLibrary, read_elf
from edgedepth.preflight.verdict import Figures, Verdict, failed

PAGE = 16384
ARCHIVES = (".apk", ".aab", ".aar", ".zip", ".jar")
LARGEST_LIBRARY = 1 << 30
"""Bytes; an archive that states more is not unpacked."""

_PLACE = "file"
_LINK = "Link it with `-Wl,-z,max-page-size=16384`, which NDK r28 and later do by themselves, or take a newer release."
_ALIGN = "Run `zipalign -P 16 -f 4 IN.apk OUT.apk` before signing."
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")


def check_libraries(path: Path) -> list[Verdict]:
    """One verdict for each native library: a .so file, or those in an .aar, .apk or .zip, or in a folder.

    Raises:
        InputError: nothing there, none of these, damaged, or without any native library.
    """
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix in (".so", *ARCHIVES))
        found = [verdict for file in inside for verdict in check_libraries(file)]
    elif not path.is_file():
        raise InputError(f"There is no file at {path}.", "", "Name .so, .aar, .apk or .zip files, or a folder of them.")
    elif path.suffix in ARCHIVES:
        found = list(_in_archive(path))
    else:
        with path.open("rb") as file:
            found = [_judged(path.name, read_elf(file, str(path)), None)]
    if not found:
        raise InputError(f"{path} holds no native library.", "It has no .so file.", "Leave it out of --libraries.")
    return found


def _in_archive(path: Path) -> Iterator[Verdict]:
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
            for entry in archive.infolist():
                if not entry.filename.endswith(".so"):
                    continue
                name = f"{path.name}!{entry.filename}"
                if entry.file_size > LARGEST_LIBRARY:
                    raise InputError(f"{name} is too large.", f"It states {entry.file_size} bytes.", "Check the file.")
                library = read_elf(io.BytesIO(archive.read(entry)), name)
                mapped = path.suffix == ".apk" and entry.compress_type == zipfile.ZIP_STORED
                yield _judged(name, library, _begins_at(raw, entry) if mapped else None)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, struct.error) as error:
        raise InputError(f"{path} is damaged.", str(error), "Copy or build it again.") from error


def _begins_at(raw: io.BufferedReader, entry: zipfile.ZipInfo) -> int:
    """Where an entry's bytes begin: behind its own header, whose lengths may differ from the directory's."""
    raw.seek(entry.header_offset)
    fields = _LOCAL_HEADER.unpack(raw.read(_LOCAL_HEADER.size))
    return int(entry.header_offset + _LOCAL_HEADER.size + fields[-2] + fields[-1])


def _judged(name: str, library: NativeLibrary, offset: int | None) -> Verdict:
    smallest = min(library.alignments)
    figures: Figures = {"abi": library.abi, "alignment": smallest}
    told = f"{library.abi}, segments aligned to {smallest} bytes"
    if offset is not None:
        figures["offset"] = offset
        told += f", stored at byte {offset}"
    if library.bits == 32:
        told += "; 32-bit libraries do not run on devices with 16 KB pages"
    elif smallest % PAGE:
        return failed(name, "alignment", _PLACE, told, _LINK, figures)
    elif offset is not None and offset % PAGE:
        return failed(name, "alignment", _PLACE, f"{told}, no multiple of {PAGE}", _ALIGN, figures)
    return Verdict(file=name, check="alignment", place=_PLACE, outcome="ok", evidence=told, figures=figures)
