"""The one table of what can be exported. Help, validation and documentation all read it."""

from __future__ import annotations

from dataclasses import dataclass

from edgedepth.errors import UsageError, nearest


@dataclass(frozen=True)
class ExportFormat:
    """One file format.

    Attributes:
        name: also the file suffix.
        precisions: what can be asked for.
        layouts: of float input and of integer input.
        runs_on: runtimes that take it.
        opsets: legal opset range, or None where the format has none.
    """

    name: str
    precisions: tuple[str, ...]
    layouts: tuple[str, str]
    runs_on: str
    opsets: tuple[int, int] | None


QUANTIZED = ("w8", "dyn8", "w8a8", "w8a16", "auto")
CALIBRATED = ("w8a8", "w8a16", "auto")
"""Precisions whose activations need ranges from pictures."""
OPSET_OF_16_BITS = 21
"""The first ONNX operator set whose QuantizeLinear gives 16-bit integers."""
_PRECISIONS = ("fp32", "fp16", *QUANTIZED)

FORMATS = {
    "onnx": ExportFormat("onnx", _PRECISIONS, ("NCHW", "NHWC"), "ONNX Runtime on CPU, GPU and NPU providers", (18, 22)),
    "tflite": ExportFormat(
        "tflite", _PRECISIONS, ("NHWC", "NHWC"), "LiteRT: XNNPACK, GPU accelerator, NPU compilers", None
    ),
}
DEFAULT_OPSET = 18
PRECISIONS = tuple(dict.fromkeys(p for f in FORMATS.values() for p in f.precisions))


def require_format(name: str) -> ExportFormat:
    """The table's row of that name.

    Raises:
        UsageError: no such format; the message has the nearest spelling.
    """
    if name not in FORMATS:
        raise UsageError(
            f"There is no format {name!r}.",
            f"Formats: {', '.join(FORMATS)}.",
            nearest(name, FORMATS).capitalize() or "`edgedepth formats` shows what each can do.",
        )
    return FORMATS[name]


def require_precision(fmt: ExportFormat, precision: str) -> None:
    """Check that the format has that precision.

    Raises:
        UsageError: it has not; the message has the nearest spelling.
    """
    if precision not in fmt.precisions:
        raise UsageError(
            f"{fmt.name} files cannot be exported as {precision!r}.",
            f"{fmt.name} has: {', '.join(fmt.precisions)}.",
            nearest(precision, fmt.precisions).capitalize() or "`edgedepth formats` shows the whole table.",
        )
