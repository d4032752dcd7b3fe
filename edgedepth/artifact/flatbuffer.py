"""TFLite flatbuffers as objects that can be edited, and back."""

from __future__ import annotations

from typing import Any

import flatbuffers
from ai_edge_litert.tools import flatbuffer_utils

IDENTIFIER = b"TFL3"


def unpack(content: bytes) -> Any:
    """The schema's ModelT, with weights that are stored behind the flatbuffer brought into it."""
    return flatbuffer_utils.read_model_from_bytearray(bytearray(content))


def pack(model: Any, size_hint: int) -> bytes:
    """The model as a file's content; `size_hint` in bytes saves the builder from growing step by step."""
    builder = flatbuffers.Builder(size_hint + (1 << 16))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
