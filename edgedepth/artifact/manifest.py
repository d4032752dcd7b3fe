"""The manifest: everything that a reader of an artifact may rely on, as typed, validated JSON.

It holds no time stamps and no paths of the machine that wrote it: the same inputs give the same bytes.
"""

from __future__ import annotations

import math
from pathlib import Path, PurePath
from typing import Any, Literal, TypeVar

import msgspec

from edgedepth.artifact.rig import Rig
from edgedepth.errors import InputError

SCHEMA_VERSION = 4
FILE_NAME = "manifest.json"

Format = Literal["onnx", "tflite"]

BYTES = {"uint8": (0, 255), "int8": (-128, 127)}
"""Integer types that an interface may have, and their least and greatest value."""


class TensorQuantization(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a tensor's integers stand for: ``real = scale * (integer - zero_point)``.

    Attributes:
        scale: of one step, above 0.
        zero_point: the integer that stands for 0, one of the tensor's type.
    """

    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if not 0 < self.scale < math.inf:
            raise ValueError(f"scale is {self.scale:g}, not a number above 0")


class TensorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tensor of a graph's interface.

    Attributes:
        name: as the runtime knows it.
        shape: fixed sizes, in the order of `layout`.
        layout: ``NCHW`` or ``NHWC``.
        dtype: NumPy's name, such as ``float32`` or ``uint8``.
        quantization: of `BYTES`; None where values are as they are, of uint8 input the bytes of a picture.
    """

    name: str
    shape: tuple[int, ...]
    layout: Literal["NCHW", "NHWC"]
    dtype: str
    quantization: TensorQuantization | None = None

    def __post_init__(self) -> None:
        if self.quantization is None:
            return
        if self.dtype not in BYTES:
            raise ValueError(f"{self.name} is {self.dtype}; only {' and '.join(BYTES)} have a scale and a zero point")
        low, high = BYTES[self.dtype]
        if not low <= self.quantization.zero_point <= high:
            zero = self.quantization.zero_point
            raise ValueError(f"zero_point of {self.name} is {zero}; {self.dtype} ends at {low} and {high}")


class InputContract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to feed.

    Attributes:
        tensor: the graph's input.
        color: channel order.
        value_range: range of valid values: 0..1, 0..255 of uint8 without a scale. Of integers with a scale, of what
            they stand for.
        resize: filter that brings a picture to the graph's size, aspect not kept.
        normalization: what the graph itself does to the values; do not repeat it.
    """

    tensor: TensorSpec
    color: Literal["RGB"]
    value_range: tuple[float, float]
    resize: Literal["lanczos"]
    normalization: str


class OutputContract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes out and what it means.

    Attributes:
        tensor: the graph's output.
        meaning: ``sigmoid-disparity``, ``depth`` (decoded in the graph), another card's meaning, or, of a refiner,
            ``log-depth-correction`` (added to log depth: a factor) or ``depth-correction`` (added to depth).
        decode: formula from the output to depth, in terms of `constants`.
        constants: the formula's numbers.
        metric: whether depth is in metres; otherwise it is up to one unknown scale per picture.
        value_range: range of the output; of integers, of what they stand for.
    """

    tensor: TensorSpec
    meaning: Literal[
        "sigmoid-disparity",
        "depth",
        "metric-depth",
        "affine-invariant-disparity",
        "log-depth-correction",
        "depth-correction",
    ]
    decode: str
    constants: dict[str, float]
    metric: bool
    value_range: tuple[float, float]

    def __post_init__(self) -> None:
        if not self.tensor.dtype.startswith("float") and self.tensor.quantization is None:
            raise ValueError(f"output {self.tensor.name} is {self.tensor.dtype} without a scale and a zero point")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the weights came from.

    Attributes:
        kind: ``checkpoint`` (named by the user), ``shipped`` (with this package) or ``random``.
        statement: one line for people.
        files: sha256 by file name; empty for random weights.
        seed: of random weights, otherwise None.
        notes: what the checkpoint says about itself.
    """

    kind: Literal["checkpoint", "shipped", "random"]
    statement: str
    files: dict[str, str]
    seed: int | None
    notes: dict[str, str]


class Lowering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rewrite that was applied, with what it recorded about itself."""

    name: str
    detail: dict[str, Any]


class Parity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a file's output is from the PyTorch model's on one reference input.

    Attributes:
        max_abs, mean_abs: of the output; of metric depth, in shares of the largest reference depth.
        correlation: Pearson's, over all pixels.
        absrel_drift: mean of ``|depth - reference| / reference`` after decoding both.
        reference_std: standard deviation of the reference output, in the same unit; a flat one would prove nothing.
    """

    max_abs: float
    mean_abs: float
    correlation: float
    absrel_drift: float
    reference_std: float


class CalibrationFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the ranges of a quantized file's activations were measured on.

    Attributes:
        description: one line for people.
        pictures: how many.
        sha256: of their pixels at the network's size, in order.
        synthetic: rendered; such a set proves arithmetic only.
    """

    description: str
    pictures: int
    sha256: str
    synthetic: bool


class ContractOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Depth of a quantized file and of the float32 file of its format, on pictures held out from calibration.

    Attributes:
        against: ``ground truth`` (or that of rendered streets), or ``float32 output`` where there is none.
        pictures: how many were held out.
        absrel, d1: of this file: mean of ``|p - g| / g``, share of pixels within a factor of 1.25.
        absrel_fp32, d1_fp32: of the float32 file.
    """

    against: Literal["ground truth", "rendered ground truth", "float32 output"]
    pictures: int
    absrel: float
    absrel_fp32: float
    d1: float
    d1_fp32: float


class Quantization(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a file's numbers became small, and what that did to depth.

    Attributes:
        scheme: the precision of what is not kept.
        kept: layers that were left in float by choice, besides those that the format always leaves.
        calibration: None where the scheme needs none.
        outcome: measured on held-out pictures; None when the export ran unchecked.
        sensitivity: per layer, what AbsRel grows by or d<1.25 falls by, whichever is more, when this layer alone is
            quantized; worst first, empty if not measured.
    """

    scheme: str
    kept: tuple[str, ...]
    calibration: CalibrationFacts | None
    outcome: ContractOutcome | None
    sensitivity: tuple[tuple[str, float], ...]


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One exported graph.

    Attributes:
        path: relative to the artifact's folder.
        size: (height, width) in pixels.
        operators: how often each operator occurs.
        parity: by reference input; empty when the export ran unchecked.
        quantization: None for a float file.
    """

    path: str
    format: Format
    precision: str
    size: tuple[int, int]
    sha256: str
    bytes: int
    input: InputContract
    output: OutputContract
    operators: dict[str, int]
    lowering: tuple[Lowering, ...]
    parity: dict[str, Parity]
    opset: int | None
    quantization: Quantization | None = None


CORRECTIONS = ("log-depth-correction", "depth-correction")
"""What only refiners give, which take no picture by themselves."""

View = Literal["relative-log-depth", "depth"]
"""How a refiner is fed the coarse depth."""


class RefinerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A refiner's graph: corrects the depth of one patch, with what a coarse file has there.

    Attributes:
        graph: its file; `FileEntry.input` is the patch, `FileEntry.output` the correction.
        coarse: path of the coarse file, one of `Manifest.files`.
        grid: (rows, columns) of patches per picture that it was made for.
        relative: input: what it sees of the coarse depth at the patch.
        view: how that is fed: ``relative-log-depth``, log depth less the mean of the picture's log depth, or ``depth``
            as it is. The correction's own meaning is in `FileEntry.output`.
        features: further inputs: the coarse file's outputs of the same names, sampled at the patch.
        given: those outputs, in the same order.
        parameters, macs: of the refiner, for one patch; those of `ModelFacts` are the coarse model's.
        pair: parity of both files together with the PyTorch model, by reference input; empty when unchecked.
        activations: numbers that a run holds at once for one patch, at most; None where an earlier edgedepth wrote it,
            whose refiners were all of phone size.
    """

    graph: FileEntry
    coarse: str
    grid: tuple[int, int]
    relative: TensorSpec
    features: tuple[TensorSpec, ...]
    given: tuple[TensorSpec, ...]
    parameters: int
    macs: int
    pair: dict[str, Parity]
    view: View = "relative-log-depth"
    activations: int | None = None


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stored reference: arrays ``input`` (uint8 HxWx3 RGB), ``output`` (float32 HxW, PyTorch).

    With a refiner also what that takes and gives where ``input`` is said to be a patch of itself: ``box`` (left, top,
    right, bottom as fractions), its inputs by name (float32, NCHW), ``correction`` and the depth ``refined`` (HxW).
    """

    name: str
    path: str
    size: tuple[int, int]
    sha256: str
    description: str


class ModelFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model's card, as far as a reader of the artifact needs it."""

    name: str
    family: str
    title: str
    config: dict[str, Any]
    parameters: int
    macs: dict[str, int]
    licence: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole artifact.

    Attributes:
        files: graphs that take a picture.
        rig: the vehicle that it was exported for, if it was.
        refiners: graphs that refine what one of `files` gives.
    """

    schema_version: int
    name: str
    model: ModelFacts
    source: Source
    files: tuple[FileEntry, ...]
    references: tuple[Reference, ...]
    tools: dict[str, str]
    rig: Rig | None = None
    refiners: tuple[RefinerEntry, ...] = ()

    @property
    def graphs(self) -> tuple[FileEntry, ...]:
        """Every graph: the files, then their refiners'."""
        return (*self.files, *(refiner.graph for refiner in self.refiners))

    def hashes(self) -> dict[str, str]:
        """sha256 by path of every file that belongs to the artifact."""
        graphs = {one.path: one.sha256 for one in self.graphs}
        return graphs | {one.path: one.sha256 for one in self.references} | self.masks()

    def masks(self) -> dict[str, str]:
        """sha256 by path of the masks of the rig's cameras."""
        cameras = self.rig.cameras if self.rig else ()
        return {camera.mask.path: camera.mask.sha256 for camera in cameras if camera.mask}


class Essentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is embedded in each file, so that it can be used without its folder."""

    schema_version: int
    model: str
    source: Source
    precision: str
    input: InputContract
    output: OutputContract
    lowering: tuple[Lowering, ...]


def encode(value: msgspec.Struct, *, indent: int = 0) -> bytes:
    """JSON with sorted keys: equal values give equal bytes."""
    raw = msgspec.json.encode(value, order="sorted")
    return msgspec.json.format(raw, indent=indent) + b"\n" if indent else raw


T = TypeVar("T", Manifest, Essentials)


def decode_manifest(raw: bytes, where: Path) -> Manifest:
    """Parse and validate a manifest.

    Raises:
        InputError: not JSON, not a manifest, of a newer schema, or naming files outside its folder; the message
            names the field.
    """
    manifest = _decode(raw, where, Manifest, "is not a valid manifest")
    for name in manifest.hashes():
        if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
            raise InputError(f"{where} names a file outside its folder.", f"It is {name!r}.", "Export the model again.")
    return manifest


def decode_essentials(raw: bytes, where: Path) -> Essentials:
    """Parse and validate what a file carries inside.

    Raises:
        InputError: not what edgedepth embeds, or of a newer schema.
    """
    return _decode(raw, where, Essentials, "carries metadata that cannot be read")


def _decode(raw: bytes, where: Path, kind: type[T], complaint: str) -> T:
    try:
        version = msgspec.json.decode(raw, type=dict[str, Any]).get("schema_version")
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise InputError(
                f"{where} was written by a newer edgedepth.",
                f"Its schema is {version}; this version reads up to {SCHEMA_VERSION}.",
                "Upgrade edgedepth.",
            )
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{where} {complaint}.", str(error), "Export the model again.") from error
