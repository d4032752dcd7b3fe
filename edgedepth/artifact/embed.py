"""Metadata inside the files themselves: ONNX metadata_props, a TFLite metadata buffer."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema

from edgedepth.artifact.flatbuffer import IDENTIFIER, pack, unpack
from edgedepth.artifact.manifest import Essentials, decode_essentials, encode
from edgedepth.errors import InputError

KEY = "edgedepth"


def embed_onnx(model: onnx.ModelProto, essentials: Essentials) -> None:
    """Add the essentials to the model's metadata_props, in place."""
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, encode(essentials).decode()


def embed_tflite(content: bytes, essentials: Essentials) -> bytes:
    """The flatbuffer with the essentials as a metadata buffer named ``edgedepth``."""
    model = unpack(content)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(encode(essentials), dtype=np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = KEY, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    return pack(model, len(content))


def read_embedded(path: Path) -> Essentials:
    """The essentials that a .onnx or .tflite file carries.

    Raises:
        InputError: not such a file, or one that edgedepth did not write.
    """
    if path.suffix == ".onnx":
        raw = _from_onnx(path)
    elif path.suffix == ".tflite":
        raw = _from_tflite(path)
    else:
        raise InputError(f"{path} is neither a .onnx nor a .tflite file.", "", "Name an artifact folder or file.")
    if raw is None:
        raise InputError(
            f"{path} carries no edgedepth metadata.",
            "It was written by another tool.",
            "Export it with edgedepth.",
        )
    return decode_essentials(raw, path)


def _from_onnx(path: Path) -> bytes | None:
    content = _content(path)
    try:
        model = onnx.load_from_string(content)
        return next((p.value.encode() for p in model.metadata_props if p.key == KEY), None)
    except Exception as error:  # protobuf's own DecodeError; text that is none
        raise InputError(f"{path} cannot be read as ONNX.", str(error)[:160], "Export it again.") from error


def _from_tflite(path: Path) -> bytes | None:
    content = _content(path)
    if content[4:8] != IDENTIFIER:
        raise InputError(f"{path} is not a TFLite file.", f"It starts with {content[:8]!r}.", "Export it again.")
    try:
        model = schema.Model.GetRootAs(content, 0)
        for i in range(model.MetadataLength()):
            entry = model.Metadata(i)
            if entry.Name() == KEY.encode():
                return bytes(model.Buffers(entry.Buffer()).DataAsNumpy())
    except (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{path} is damaged.",
            f"Its {len(content)} bytes do not hold a whole graph ({type(error).__name__}: {error}).",
            "Copy or export the file again.",
        ) from error
    return None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be opened.", error.strerror or str(error), "Check its name.") from error
