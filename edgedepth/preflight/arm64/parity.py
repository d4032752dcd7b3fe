"""Whether a .tflite file computes on ARM64 what it computes here.

The emulator runs LiteRT's ARM64 build, so these are its ARM kernels; QEMU computes what the processor's manual says.
That shows arithmetic. It shows nothing of time, of Android, or of a phone's GPU or NPU.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedepth.artifact.tflite_graph import TfliteGraph, read_tflite
from edgedepth.bench.litert import open_interpreter
from edgedepth.bench.picture import seeded_picture
from edgedepth.errors import GateError, InputError
from edgedepth.preflight.arithmetic import Arithmetic, Kind, arithmetic, integer_part, tap, tapped, with_outputs
from edgedepth.preflight.arm64.emulator import Arrays, Emulator

FLOAT_GATE = 1e-4
"""Largest difference of a float output, in standard deviations of the reference: some 40 times what was ever seen."""
ROUNDED_GATE = 0.05
"""Root mean square difference of an output behind rounded floats, in standard deviations; seen: 0.007 to 0.009."""
VARIES = 1e-6
"""A reference whose standard deviation is below this share of its largest value is flat: it would prove nothing."""


@dataclass(frozen=True)
class Difference:
    """One output of the emulated run against the one of this machine.

    Attributes:
        name: of the output.
        std: standard deviation of the reference.
        max_abs, rms: of the difference, in the output's own unit.
        correlation: Pearson's; 1 where both are the same.
        unequal: elements that are not the same.
        elements: of the output.
        finite: whether all emulated values are.
        integers: whether its values are.
    """

    name: str
    std: float
    max_abs: float
    rms: float
    correlation: float
    unequal: int
    elements: int
    finite: bool
    integers: bool


@dataclass(frozen=True)
class ArmParity:
    """What came of one file on one processor.

    Attributes:
        kind: what arithmetic the graph does.
        outputs: of the file as it is.
        entries, entries_rounded: elements that enter the integer part, and how many of them did as another integer
            than here, because of floats before them.
        integer_outputs: how many tensors the integer part gives, each compared byte by byte; 0 without one.
        integer_unequal: of its elements, how many differ, both machines given the same entries.
        first_unequal: name of the first integer tensor that differs; empty where none does.
        failures: what is outside its gate, one line each.
    """

    processor: str
    kind: Kind
    outputs: tuple[Difference, ...]
    entries: int = 0
    entries_rounded: int = 0
    integer_outputs: int = 0
    integer_unequal: int = 0
    first_unequal: str = ""
    failures: tuple[str, ...] = field(default=())


def arm_parity(path: Path, emulator: Emulator, processor: str, *, seed: int = 0) -> ArmParity:
    """Run a file on a seeded picture here and on an emulated processor, and compare.

    Float outputs must agree within `FLOAT_GATE`; integer outputs must be equal, or one step apart where floats are
    rounded to them last, for one beside the border of two steps may fall on either side. Where floats are rounded to
    integers inside the graph, its outputs must agree within `ROUNDED_GATE` only if such a rounding really fell
    differently or is hidden inside an operator; and the integer part is run once more on its own, fed with this
    machine's entries, and must give the same bytes.

    Raises:
        InputError: damaged, or with several signatures.
        GateError: an output does not vary on the picture, so that nothing could be shown.
        OperatorError: LiteRT refuses the graph on one of the two.
    """
    graph = read_tflite(path)
    found = arithmetic(graph)
    feed, expected = reference(path, seed=seed)
    got = emulator.run(path, processor, feed, expected).outputs
    outputs = tuple(difference(name, got[name], value) for name, value in expected.items())
    if found.kind != "mixed":
        return _judged(processor, found, outputs, _Integers())
    with tempfile.TemporaryDirectory() as folder:
        integers = _integers(path, graph, found, feed, emulator, processor, Path(folder))
    return _judged(processor, found, outputs, integers)


def reference(path: Path, *, seed: int = 0, feed: Arrays | None = None) -> tuple[Arrays, Arrays]:
    """Inputs and outputs of one run on this machine, by name.

    Raises:
        InputError, OperatorError: as in `arm_parity`.
    """
    interpreter = open_interpreter(path, threads=1)
    signatures = interpreter.get_signature_list()
    if len(signatures) > 1:
        names = ", ".join(sorted(signatures))
        raise InputError(f"{path} has several signatures.", names, "Check a file that has one entry point.")
    if signatures:
        runner = interpreter.get_signature_runner(next(iter(signatures)))
        given = feed or _pictures(runner.get_input_details(), seed)
        return given, {name: np.asarray(value) for name, value in runner(**given).items()}
    inputs = {detail["name"]: detail for detail in interpreter.get_input_details()}
    given = feed or _pictures(inputs, seed)
    for name, detail in inputs.items():
        interpreter.set_tensor(detail["index"], given[name])
    interpreter.invoke()
    return given, {d["name"]: np.asarray(interpreter.get_tensor(d["index"])) for d in interpreter.get_output_details()}


def difference(name: str, got: npt.NDArray[np.generic], expected: npt.NDArray[np.generic]) -> Difference:
    """Compare two arrays of one shape.

    Raises:
        GateError: `expected` does not vary.
    """
    here, there = expected.astype(np.float64), got.astype(np.float64)
    std = float(here.std())
    if here.size < 2 or std <= VARIES * float(np.abs(here).max()):
        raise GateError(
            f"Output {name} does not vary on the test picture, so comparing it would prove nothing.",
            f"Its standard deviation is {std:.1e}.",
            "Check a network with trained weights.",
        )
    finite = bool(np.isfinite(there).all())
    gap = np.abs(there - here)
    spread = float(there.std())
    covariance = float(((here - here.mean()) * (there - there.mean())).mean())
    return Difference(
        name,
        std,
        float(gap.max()),
        float(np.sqrt((gap**2).mean())),
        covariance / (std * spread) if spread > 0 else 0.0,
        int((got != expected).sum()),
        here.size,
        finite,
        np.issubdtype(expected.dtype, np.integer),
    )


@dataclass(frozen=True)
class _Integers:
    """As in `ArmParity`."""

    entries: int = 0
    rounded: int = 0
    outputs: int = 0
    unequal: int = 0
    first: str = ""


def _integers(
    path: Path,
    graph: TfliteGraph,
    found: Arithmetic,
    feed: Arrays,
    emulator: Emulator,
    processor: str,
    folder: Path,
) -> _Integers:
    """What enters the integer part on either machine; and that part alone, both given what entered it here."""
    computed = [i for i in found.entries if i not in graph.inputs]
    tapped = folder / "tapped.tflite"
    tapped.write_bytes(with_outputs(path, computed))
    _, here = reference(tapped, feed=feed)
    there = emulator.run(tapped, processor, feed, here).outputs
    rounded = sum(int((there[tap(i)] != here[tap(i)]).sum()) for i in computed)

    names = _input_names(path, graph)
    entries = {tap(i): feed[names[i]] if i in graph.inputs else here[tap(i)] for i in found.entries}
    size = sum(value.size for value in entries.values())
    part = folder / "integers.tflite"
    part.write_bytes(integer_part(path))
    exits = _unequal(part, emulator, processor, entries)
    if not any(exits.values()):
        return _Integers(size, rounded, len(exits))
    part.write_bytes(integer_part(path, every=True))
    everything = _unequal(part, emulator, processor, entries)
    # Where the runtime fuses operators, only the fused result may differ, which an exit then is.
    first = next((graph.tensors[i].name for i, count in {**everything, **exits}.items() if count), "")
    return _Integers(size, rounded, len(exits), sum(exits.values()), first)


def _input_names(path: Path, graph: TfliteGraph) -> dict[int, str]:
    """The name that `reference` feeds an input under, by its tensor's index."""
    interpreter = open_interpreter(path, threads=1)
    signatures = interpreter.get_signature_list()
    if signatures:
        details = interpreter.get_signature_runner(next(iter(signatures))).get_input_details()
        return {int(detail["index"]): name for name, detail in details.items()}
    return {i: graph.tensors[i].name for i in graph.inputs}


def _unequal(path: Path, emulator: Emulator, processor: str, feed: Arrays) -> dict[int, int]:
    """Unequal elements by tensor, in the order of the graph; the outputs are taps."""
    _, expected = reference(path, feed=feed)
    got = emulator.run(path, processor, feed, expected).outputs
    counts = {tapped(name): int((got[name] != value).sum()) for name, value in expected.items()}
    return dict(sorted(counts.items()))


def _pictures(details: Mapping[str, Any], seed: int) -> dict[str, npt.NDArray[np.generic]]:
    return {
        name: seeded_picture(tuple(int(n) for n in detail["shape"]), np.dtype(detail["dtype"]).name, seed + i)
        for i, (name, detail) in enumerate(details.items())
    }


def _judged(processor: str, found: Arithmetic, outputs: tuple[Difference, ...], integers: _Integers) -> ArmParity:
    failures = [line for output in outputs if (line := _failure(output, found, integers.rounded))]
    if integers.unequal:
        failures.append(f"integer arithmetic differs in {integers.unequal} elements, first in {integers.first}")
    return ArmParity(
        processor,
        found.kind,
        outputs,
        integers.entries,
        integers.rounded,
        integers.outputs,
        integers.unequal,
        integers.first,
        tuple(failures),
    )


def _failure(output: Difference, found: Arithmetic, rounded: int) -> str:
    """Why an output is outside its gate; empty where it is inside."""
    if not output.finite:
        return f"{output.name} is not finite"
    if found.kind == "integer":
        return f"{output.name} differs in {output.unequal} of {output.elements} values" if output.unequal else ""
    if found.dynamic or rounded:
        share = output.rms / output.std
        return (
            f"{output.name}: rms difference {share:.1e} of std, allowed {ROUNDED_GATE:g}"
            if share > ROUNDED_GATE
            else ""
        )
    if output.integers:
        return f"{output.name}: {output.max_abs:g} steps apart, allowed 1" if output.max_abs > 1 else ""
    share = output.max_abs / output.std
    return f"{output.name}: max difference {share:.1e} of std, allowed {FLOAT_GATE:g}" if share > FLOAT_GATE else ""
