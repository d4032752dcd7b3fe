"""The little that is read of a native library: its program header."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from edgedepth.errors import InputError

MAGIC = b"\x7fELF"
LOAD = 1
MACHINES = {3: "x86", 40: "armeabi-v7a", 62: "x86_64", 183: "arm64-v8a", 243: "riscv64"}
"""Android's ABI by ELF machine number."""
MOST_HEADERS = 4096

_REMEDY = "Copy or build the library again."


@dataclass(frozen=True)
class NativeLibrary:
    """What the loader maps.

    Attributes:
        abi: Android's name, or ``machine N``.
        bits: 32 or 64.
        alignments: in bytes, of each segment that is loaded.
    """

    abi: str
    bits: int
    alignments: tuple[int, ...]


def read_elf(file: BinaryIO, name: str) -> NativeLibrary:
    """Read a library's program header.

    Args:
        file: at the library's first byte; seekable.
        name: for messages.

    Raises:
        InputError: not an ELF file, or damaged.
    """
    ident = _read(file, 0, 16, name)
    if ident[:4] != MAGIC:
        raise InputError(f"{name} is not a native library.", f"It starts with {ident[:4]!r}.", "Name .so files.")
    if ident[4] not in (1, 2) or ident[5] not in (1, 2):
        raise InputError(f"{name} is damaged.", f"Its class is {ident[4]} and its byte order {ident[5]}.", _REMEDY)
    wide, order = ident[4] == 2, "<" if ident[5] == 1 else ">"
    # e_type, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, e_ehsize, e_phentsize, e_phnum
    header = struct.Struct(order + ("HHIQQQIHHH" if wide else "HHIIIIIHHH"))
    fields = header.unpack(_read(file, 16, header.size, name))
    machine, offset, size, count = fields[1], fields[4], fields[8], fields[9]
    # p_type ... p_align: the last field in both layouts.
    entry = struct.Struct(order + ("IIQQQQQQ" if wide else "IIIIIIII"))
    if not 0 < count <= MOST_HEADERS or size != entry.size:
        raise InputError(f"{name} is damaged.", f"It states {count} program headers of {size} bytes.", _REMEDY)
    table = _read(file, offset, count * size, name)
    headers = [entry.unpack_from(table, i * size) for i in range(count)]
    alignments = tuple(int(fields[-1]) for fields in headers if fields[0] == LOAD)
    if not alignments:
        raise InputError(f"{name} is damaged.", "It has no segment to load.", _REMEDY)
    return NativeLibrary(MACHINES.get(machine, f"machine {machine}"), 64 if wide else 32, alignments)


def _read(file: BinaryIO, offset: int, size: int, name: str) -> bytes:
    try:
        file.seek(offset)
        content = file.read(size)
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"{name} is damaged.", f"Byte {offset} cannot be read ({error}).", _REMEDY) from error
    if len(content) != size:
        raise InputError(f"{name} is damaged.", f"It ends before byte {offset + size}.", _REMEDY)
    return content
