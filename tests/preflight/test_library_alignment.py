"""16 KB pages: native libraries alone, in folders and in archives; damaged ones."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.errors import InputError
from edgedepth.preflight.alignment import check_libraries
from edgedepth.preflight.elf import read_elf

PAGE = 16384


def library(*alignments, wide=True, big=False, machine=183):
    """A native library with nothing but its headers."""
    order = ">" if big else "<"
    ident = b"\x7fELF" + bytes([2 if wide else 1, 2 if big else 1, 1]) + bytes(9)
    size = (64, 56) if wide else (52, 32)
    fields = [3, machine, 1, 0, size[0], 0, 0, size[0], size[1], len(alignments) + 1]
    header = struct.pack(order + ("HHIQQQIHHH" if wide else "HHIIIIIHHH"), *fields).ljust(size[0] - 16, b"\0")
    entry = struct.Struct(order + ("IIQQQQQQ" if wide else "IIIIIIII"))
    note = entry.pack(4, 0, 0, 0, 0, 0, 0, 4)
    return ident + header + note + b"".join(entry.pack(1, 0, 0, 0, 0, 0, 0, a) for a in alignments)


def archive(path, entries, *, stored=True, pad=0):
    """An archive; `pad` puts an extra field of that many bytes before each entry's content."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            if pad:
                info.extra = struct.pack("<HH", 0xD935, pad - 4) + bytes(pad - 4)
            file.writestr(info, content)
    return path


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    ("alignments", "outcome"),
    [((PAGE, PAGE), "ok"), ((65536,), "ok"), ((PAGE, 4096), "failed"), ((4096,), "failed"), ((1,), "failed")],
)
def test_the_smallest_alignment_decides(tmp_path, alignments, outcome, big):
    path = tmp_path / "libnet.so"
    path.write_bytes(library(*alignments, big=big))
    (verdict,) = check_libraries(path)
    assert verdict.outcome == outcome
    assert verdict.exit_code == (4 if outcome == "failed" else 0)
    assert verdict.figures["alignment"] == min(alignments)
    assert "arm64-v8a" in verdict.evidence
    assert ("max-page-size=16384" in verdict.remedy) == (outcome == "failed")


def test_32_bit_libraries_never_meet_such_pages(tmp_path):
    path = tmp_path / "libnet.so"
    path.write_bytes(library(4096, wide=False, machine=40))
    (verdict,) = check_libraries(path)
    assert verdict.outcome == "ok"
    assert "armeabi-v7a" in verdict.evidence


def test_the_library_of_this_machine():
    """A real one: this Python's own extension."""
    import sys
    from pathlib import Path

    if sys.platform != "linux":
        pytest.skip("no ELF files here")
    import msgspec._core

    (verdict,) = check_libraries(Path(msgspec._core.__file__))
    assert verdict.figures["abi"] in ("x86_64", "arm64-v8a")
    assert verdict.figures["alignment"] % 4096 == 0


def test_every_library_of_an_aar_is_listed(tmp_path):
    entries = {
        "classes.jar": b"PK",
        "jni/arm64-v8a/liba.so": library(PAGE),
        "jni/arm64-v8a/libb.so": library(4096),
        "jni/armeabi-v7a/liba.so": library(4096, wide=False, machine=40),
    }
    found = check_libraries(archive(tmp_path / "net.aar", entries, stored=False))
    assert [(v.file, v.outcome) for v in found] == [
        ("net.aar!jni/arm64-v8a/liba.so", "ok"),
        ("net.aar!jni/arm64-v8a/libb.so", "failed"),
        ("net.aar!jni/armeabi-v7a/liba.so", "ok"),
    ]


def _padding_to(offset, name):
    return (offset - 30 - len(name)) % PAGE


def test_a_stored_library_of_an_apk_must_begin_at_a_page(tmp_path):
    name = "lib/arm64-v8a/liba.so"
    (loose,) = check_libraries(archive(tmp_path / "a.apk", {name: library(PAGE)}))
    assert loose.outcome == "failed"
    assert "zipalign -P 16" in loose.remedy
    assert loose.figures["offset"] == 30 + len(name)
    (aligned,) = check_libraries(archive(tmp_path / "b.apk", {name: library(PAGE)}, pad=_padding_to(PAGE, name)))
    assert (aligned.outcome, aligned.figures["offset"]) == ("ok", PAGE)
    (compressed,) = check_libraries(archive(tmp_path / "c.apk", {name: library(PAGE)}, stored=False))
    assert compressed.outcome == "ok"
    assert "offset" not in compressed.figures


def test_a_folder_is_searched(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "liba.so").write_bytes(library(PAGE))
    archive(tmp_path / "b.aar", {"jni/arm64-v8a/libb.so": library(PAGE)})
    (tmp_path / "readme.txt").write_text("no library")
    assert len(check_libraries(tmp_path)) == 2


def test_what_holds_no_library_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no native library"):
        check_libraries(archive(tmp_path / "a.apk", {"classes.dex": b"dex"}))
    with pytest.raises(InputError, match="no file"):
        check_libraries(tmp_path / "absent.so")
    (tmp_path / "a.aar").write_bytes(b"PK but no archive")
    with pytest.raises(InputError, match="damaged"):
        check_libraries(tmp_path / "a.aar")
    (tmp_path / "a.so").write_text("INPUT(libc.so) as linkers read it")
    with pytest.raises(InputError, match="not a native library"):
        check_libraries(tmp_path / "a.so")


WHOLE = library(PAGE, PAGE)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_cut_library_is_damaged(length):
    with pytest.raises(InputError):
        read_elf(io.BytesIO(WHOLE[:length]), "cut.so")


@given(st.integers(4, 63), st.integers(0, 255))
def test_one_changed_byte_never_does_more_than_an_input_error(position, value):
    changed = WHOLE[:position] + bytes([value]) + WHOLE[position + 1 :]
    try:
        found = read_elf(io.BytesIO(changed), "changed.so")
    except InputError:
        return
    assert found.alignments


@given(st.binary(max_size=300))
def test_noise_behind_the_magic_number(tail):
    try:
        found = read_elf(io.BytesIO(b"\x7fELF" + tail), "noise.so")
    except InputError:
        return
    assert found.alignments


def test_a_damaged_archive_is_an_input_error(tmp_path):
    good = archive(tmp_path / "a.apk", {"lib/arm64-v8a/liba.so": library(PAGE)}).read_bytes()
    path = tmp_path / "b.apk"
    for position in range(0, len(good), 3):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0xFF]) + good[position + 1 :])
        with suppress(InputError):
            assert check_libraries(path)
