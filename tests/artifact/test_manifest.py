"""The manifest as a contract: what is written comes back, and nothing else is taken for it."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import ESSENTIALS, entry, manifest

from edgedepth.artifact.manifest import (
    SCHEMA_VERSION,
    Parity,
    Reference,
    TensorQuantization,
    decode_essentials,
    decode_manifest,
    encode,
)
from edgedepth.errors import InputError

WHERE = Path("folder/manifest.json")
WHOLE = manifest(
    entry("a.onnx"),
    entry("b.tflite", size=(64, 96), precision="fp16"),
    references=(Reference("street", "reference/street.npz", (32, 64), "f" * 64, "a street"),),
)


def plain(value=WHOLE):
    return msgspec.json.decode(encode(value))


def refusal(raw, decode=decode_manifest):
    with pytest.raises(InputError) as caught:
        decode(raw if isinstance(raw, bytes) else msgspec.json.encode(raw), WHERE)
    assert str(WHERE) in caught.value.cause
    return caught.value


@pytest.mark.parametrize("indent", [0, 1, 4])
def test_round_trip(indent):
    assert decode_manifest(encode(WHOLE, indent=indent), WHERE) == WHOLE
    assert decode_essentials(encode(ESSENTIALS, indent=indent), WHERE) == ESSENTIALS


def test_equal_values_give_equal_bytes_whatever_the_order_of_their_parts():
    first, second = (
        msgspec.structs.replace(WHOLE, tools=dict(order))
        for order in ((("a", "1"), ("b", "2")), (("b", "2"), ("a", "1")))
    )
    assert encode(first, indent=1) == encode(second, indent=1)


def test_bytes_end_in_a_new_line_and_keys_are_sorted():
    raw = encode(WHOLE, indent=1)
    assert raw.endswith(b"}\n")
    keys = list(msgspec.json.decode(raw))
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "where",
    [(), ("model",), ("files", 0), ("files", 0, "input"), ("files", 0, "input", "tensor"), ("source",)],
)
def test_an_unknown_field_is_refused_wherever_it_is(where):
    value = plain()
    part = value
    for key in where:
        part = part[key]
    part["surprise"] = 1
    assert "surprise" in refusal(value).evidence


@pytest.mark.parametrize("field", ["files", "model", "schema_version", "tools"])
def test_a_missing_field_is_named(field):
    value = plain()
    del value[field]
    assert field in refusal(value).evidence


@pytest.mark.parametrize(
    ("field", "value"),
    [("format", "coreml"), ("bytes", "many"), ("size", [1, 2, 3]), ("parity", []), ("sha256", None)],
)
def test_a_value_of_another_kind_is_named_with_its_place(field, value):
    whole = plain()
    whole["files"][1][field] = value
    assert f"$.files[1].{field}" in refusal(whole).evidence


@pytest.mark.parametrize("decode", [decode_manifest, decode_essentials])
def test_a_newer_schema_is_refused_as_such(decode):
    """Although it has fields that this version has never heard of."""
    error = refusal({"schema_version": SCHEMA_VERSION + 1, "something": "new"}, decode)
    assert "newer" in error.cause
    assert str(SCHEMA_VERSION + 1) in error.evidence
    assert "Upgrade" in error.remedy


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"3", b"null", b"\xff\xfe", b'{"schema_version": "\xff"}'])
@pytest.mark.parametrize("decode", [decode_manifest, decode_essentials])
def test_what_is_no_json_object_is_refused(raw, decode):
    assert refusal(raw, decode).evidence


@given(st.binary(max_size=60), st.integers(0, 10_000))
def test_any_damage_ends_in_a_refusal_or_in_a_valid_manifest(noise, where):
    raw = bytearray(encode(WHOLE))
    at = where % len(raw)
    raw[at : at + len(noise)] = noise
    try:
        found = decode_manifest(bytes(raw), WHERE)
    except InputError:
        return
    assert decode_manifest(encode(found), WHERE) == found


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside.onnx", "reference/../../outside.npz"])
@pytest.mark.parametrize("part", ["files", "references"])
def test_files_outside_the_folder_are_refused(path, part):
    value = plain()
    value[part][0]["path"] = path
    error = refusal(value)
    assert "outside" in error.cause
    assert path in error.evidence


def with_tensor(end, **fields):
    """The manifest with another input or output tensor in its first file."""
    value = plain()
    value["files"][0][end]["tensor"] |= fields
    return value


@pytest.mark.parametrize("end", ["input", "output"])
@pytest.mark.parametrize(("dtype", "zero"), [("int8", -128), ("int8", 127), ("uint8", 0), ("uint8", 255)])
def test_integers_come_back_with_their_scale(end, dtype, zero):
    scale = {"scale": 1 / 255, "zero_point": zero}
    read = decode_manifest(msgspec.json.encode(with_tensor(end, dtype=dtype, quantization=scale)), WHERE)
    assert getattr(read.files[0], end).tensor.quantization == TensorQuantization(1 / 255, zero)
    assert decode_manifest(encode(read), WHERE) == read


def test_schema_3_which_has_no_scales_is_read():
    value = plain()
    value["schema_version"] = 3
    for file in value["files"]:
        for end in ("input", "output"):
            del file[end]["tensor"]["quantization"]
    read = decode_manifest(msgspec.json.encode(value), WHERE)
    assert read == msgspec.structs.replace(WHOLE, schema_version=3)


def test_bytes_of_a_picture_need_no_scale():
    read = decode_manifest(msgspec.json.encode(with_tensor("input", dtype="uint8")), WHERE)
    assert read.files[0].input.tensor.quantization is None


@pytest.mark.parametrize(
    ("end", "fields", "said"),
    [
        ("output", {"dtype": "uint8"}, "output disparity is uint8 without a scale"),
        ("output", {"dtype": "int16"}, "output disparity is int16 without a scale"),
        ("input", {"dtype": "int8", "quantization": {"scale": 0.0, "zero_point": 0}}, "scale is 0"),
        ("input", {"dtype": "int8", "quantization": {"scale": -0.5, "zero_point": 0}}, "scale is -0.5"),
        ("input", {"dtype": "int8", "quantization": {"scale": 0.5, "zero_point": 128}}, "zero_point of image is 128"),
        (
            "output",
            {"dtype": "uint8", "quantization": {"scale": 0.5, "zero_point": -1}},
            "zero_point of disparity is -1",
        ),
        ("input", {"quantization": {"scale": 0.5, "zero_point": 0}}, "image is float32; only uint8 and int8"),
        ("input", {"dtype": "int8", "quantization": {"scale": 0.5, "zero_point": 0.5}}, "zero_point"),
    ],
)
def test_integers_that_cannot_be_read_are_refused_with_their_place(end, fields, said):
    error = refusal(with_tensor(end, **fields))
    assert said in error.evidence
    assert f"$.files[0].{end}" in error.evidence
    assert error.remedy == "Export the model again."


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=5, max_size=5))
def test_figures_keep_their_last_bit(values):
    figures = Parity(*values)
    found = msgspec.json.decode(encode(figures), type=Parity)
    assert all(
        math.copysign(1, a) == math.copysign(1, b) and a == b
        for a, b in zip(msgspec.structs.astuple(found), values, strict=True)
    )
