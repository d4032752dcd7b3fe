"""What an export was asked to do, checked before anything heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgedepth.errors import InputError, UsageError
from edgedepth.export.formats import (
    CALIBRATED,
    DEFAULT_OPSET,
    OPSET_OF_16_BITS,
    QUANTIZED,
    require_format,
    require_precision,
)
from edgedepth.models import ModelCard, card, shipped_weights, with_config

PAIR_PRECISIONS = ("fp32", "fp16", "w8", "dyn8", "w8a8")
"""Of a coarse model and its refiner."""


@dataclass(frozen=True)
class ExportRequest:
    """One export command.

    Attributes:
        model: the card's name; None detects it from `weights`.
        weights: a checkpoint folder or .safetensors; None uses the shipped weights, if there are any.
        random_seed: seeded random weights instead.
        coarse: name of the coarse model of a refiner that has none of its own.
        formats, precisions, sizes: every combination becomes a file; no sizes means the checkpoint's own or
            the card's default.
        batch: pictures per call.
        output: ``disparity`` (the network's own) or ``depth`` (decoded inside the graph).
        input: ``float`` (0..1), ``uint8`` (camera bytes) or ``int8`` (camera bytes less 128), scaled inside the graph.
        output_type: ``float``, or ``uint8`` or ``int8``, whose 256 values cover disparity from 0 to 1.
        lowering: ``auto`` or ``none`` (the definition as published, for comparison).
        opset: ONNX operator set.
        check: compare every file with the PyTorch model.
        calibration: folder of pictures, or a data set, for choosing sampling windows, for calibrating integers and
            for judging them; None renders street scenes.
        max_absrel_drop, max_d1_drop: what quantized files may lose on held-out pictures of `calibration`.
        reference: picture for the parity check; None renders one.
        rig: ``rig.toml`` of the vehicle that the artifact is for; its cameras are stored with the graphs.
    """

    model: str | None
    weights: Path | None = None
    random_seed: int | None = None
    formats: tuple[str, ...] = ("onnx", "tflite")
    precisions: tuple[str, ...] = ("fp32",)
    sizes: tuple[tuple[int, int], ...] = ()
    batch: int = 1
    output: Literal["disparity", "depth"] = "disparity"
    input: Literal["float", "uint8", "int8"] = "float"
    output_type: Literal["float", "uint8", "int8"] = "float"
    lowering: Literal["auto", "none"] = "auto"
    opset: int = DEFAULT_OPSET
    check: bool = True
    calibration: Path | None = None
    reference: Path | None = None
    max_absrel_drop: float = 0.005
    max_d1_drop: float = 0.01
    rig: Path | None = None
    coarse: str | None = None


def validate(request: ExportRequest) -> None:
    """Refuse combinations that cannot work, with what would.

    Raises:
        UsageError: naming what was asked and what is legal.
    """
    for name in request.formats:
        fmt = require_format(name)
        for precision in request.precisions:
            require_precision(fmt, precision)
        if fmt.opsets and not fmt.opsets[0] <= request.opset <= fmt.opsets[1]:
            low, high = fmt.opsets
            raise UsageError(
                f"Opset {request.opset} cannot be exported.",
                f"{name} files have {low} to {high}.",
                "Drop --opset.",
            )
    _validate_quantization(request)
    if request.batch < 1:
        raise UsageError(f"A batch of {request.batch} is empty.", "", "Use --batch 1 or more.")
    _validate_source(request)
    if request.rig is not None:
        from edgedepth.export.rig import require_batch  # noqa: PLC0415 - reads pictures

        require_batch(request.rig, request.batch)


def _validate_quantization(request: ExportRequest) -> None:
    asked = [p for p in request.precisions if p in QUANTIZED]
    if asked and request.lowering == "none":
        raise UsageError(
            f"{asked[0]} needs the lowered network.",
            "--lowering none exports the definition as published.",
            "Drop --lowering none.",
        )
    if "w8a16" in asked and "onnx" in request.formats and request.opset < OPSET_OF_16_BITS:
        raise UsageError(
            f"w8a16 needs ONNX opset {OPSET_OF_16_BITS} or later.",
            f"The opset is {request.opset}, whose QuantizeLinear gives 8 bits only.",
            f"Use --opset {OPSET_OF_16_BITS}, or --format tflite alone.",
        )
    ranged = [p for p in asked if p in CALIBRATED]
    if ranged and request.calibration is None and request.random_seed is None:
        raise UsageError(
            f"{ranged[0]} needs calibration pictures.",
            "Rendered streets do not count for trained weights.",
            "Name a folder of pictures like those to come, or a data set, with --calib.",
        )
    for option, bound in (("--max-absrel-drop", request.max_absrel_drop), ("--max-d1-drop", request.max_d1_drop)):
        if not bound >= 0:
            raise UsageError(f"{option} is a bound of 0 or more.", f"It is {bound:g}.", "The defaults: 0.005, 0.01.")


def _validate_source(request: ExportRequest) -> None:
    for option, path in (
        ("--weights", request.weights),
        ("--calib", request.calibration),
        ("--reference", request.reference),
        ("--rig", request.rig),
    ):
        if path is not None and not path.exists():
            raise InputError(f"There is nothing at {path}.", f"It was given as {option}.", "Check the spelling.")
    if request.weights is not None and request.random_seed is not None:
        raise UsageError(
            "--weights and --random-weights exclude each other.", "Both were given.", "Keep the one you mean."
        )
    if request.model is None:
        if request.weights is None:
            raise UsageError(
                "Nothing to export was named.",
                "Neither a MODEL nor --weights was given.",
                "For example: edgedepth export flex-nano",
            )
        return
    chosen = card(request.model)
    if request.coarse is not None:
        with_coarse(chosen, request.coarse)
    if chosen.takes == "patches" and request.weights is None:
        require_pair(with_coarse(chosen, request.coarse), request)
    require_range(chosen, request)
    for size in request.sizes:
        require_size(chosen, size)
    if request.weights is None and request.random_seed is None and shipped_weights(chosen) is None:
        raise UsageError(
            f"No weights ship with {chosen.name}.",
            "Neither --weights nor --random-weights was given.",
            "Name a checkpoint with --weights, or prove the arithmetic with --random-weights 0.",
        )


def require_size(model: ModelCard, size: tuple[int, int]) -> None:
    """Check that the network can run at that size.

    Raises:
        UsageError: a side is not divisible by what the network needs; the message has the nearest legal sizes.
    """
    step = model.input.multiple
    least = model.input.smallest or step
    if all(side % step == 0 and side >= least for side in size):
        return
    options = [sorted({max(least, side // step * step), max(least, -(-side // step) * step)}) for side in size]
    legal = ", ".join(f"{h}x{w}" for h in options[0] for w in options[1])
    shortest = f" and at least {least}" if least > step else ""
    raise UsageError(
        f"{model.name} cannot run at {size[0]}x{size[1]}.",
        f"Height and width must be divisible by {step}{shortest}.",
        f"The nearest sizes: {legal}.",
    )


def with_coarse(model: ModelCard, name: str | None) -> ModelCard:
    """A refiner's card with the coarse model of that name; its own where none is named.

    Raises:
        UsageError: the name is not registered, or the card is no refiner's.
    """
    if name is None:
        return model
    if model.takes != "patches":
        raise UsageError(
            f"{model.name} has no coarse model.",
            f"--coarse {name} is for refiners, which correct what it gives.",
            "Leave it out.",
        )
    return with_config(model, {"coarse": card(name).name})


def _random_pair(name: str) -> str:
    return f"edgedepth export {name} --random-weights 0 --coarse surround-monodepth2"


def require_range(model: ModelCard, request: ExportRequest) -> None:
    """Check that integers can hold the output that was asked for.

    Raises:
        UsageError: it is depth, or has no fixed range.
    """
    if request.output_type == "float":
        return
    remedy = "Leave out --output-type; integer input (--input int8) is possible all the same."
    if request.output == "depth" or model.output.meaning == "metric-depth":
        low, high = model.output.min_depth, model.output.max_depth
        raise UsageError(
            f"{model.name} cannot give depth as {request.output_type}.",
            f"255 steps from {low:g} to {high:g} are {(high - low) / 255:.2g} each: near depth would be lost.",
            remedy if model.output.meaning == "metric-depth" else "Leave out --output depth, or --output-type.",
        )
    if model.output.meaning != "sigmoid-disparity":
        raise UsageError(
            f"{model.name} cannot give {request.output_type}.", "Its output has no fixed range to divide.", remedy
        )


def require_pair(model: ModelCard, request: ExportRequest) -> None:
    """Refuse what a pair cannot be.

    Raises:
        UsageError: naming what was asked and what is legal.
    """
    own = getattr(model.config, "coarse", None)
    if own is None:
        raise UsageError(
            f"{model.name} has no coarse model to be exported with.",
            "It refines what another network gives; by itself it is half of an artifact.",
            f"Name a checkpoint that holds both; or prove the arithmetic: {_random_pair(model.name)}",
        )
    if request.coarse not in (None, own):
        raise UsageError(
            f"These weights are not of a refiner of {request.coarse}.",
            f"They were trained on what {own} gives.",
            f"Leave --coarse out, or name {own}.",
        )
    asked = [precision for precision in request.precisions if precision not in PAIR_PRECISIONS]
    if asked:
        raise UsageError(
            f"{model.name} cannot be exported as {asked[0]}.",
            f"Pairs of graphs have: {', '.join(PAIR_PRECISIONS)}.",
            "Choose among these.",
        )
    plain = request.input == request.output_type == "float"
    if not plain or request.output == "depth" or request.lowering == "none":
        raise UsageError(
            f"{model.name} is exported with float input, float disparity output and lowering only.",
            f"Asked: --input {request.input} --output {request.output} --output-type {request.output_type} "
            f"--lowering {request.lowering}.",
            "Leave these options out.",
        )
