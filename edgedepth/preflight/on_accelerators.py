"""The checks of GPU and NPU, as verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgedepth.artifact.tflite_graph import TfliteGraph, read_tflite
from edgedepth.preflight.arithmetic import arithmetic
from edgedepth.preflight.gpu import GpuVerdict, check_gpu
from edgedepth.preflight.npu import PACKAGE, check_npu, compiler_version
from edgedepth.preflight.rules import gpu_reason, lowerings, miscomputed_by_gpu
from edgedepth.preflight.verdict import NUMERICS, Figures, Verdict, failed

SOFTWARE = ("swiftshader", "llvmpipe", "lavapipe")
"""Drivers without a GPU, by words in their adapter's name."""
GPU_FLOAT_GATE = 1e-4
"""Largest difference of a float graph's output to the CPU's, in standard deviations; seen: 3e-6."""
GPU_ROUNDED_GATE = 0.1
"""Root mean square difference where the CPU computes with integers and the GPU with floats; seen: 0.04."""


def on_gpu(path: Path, icd: Path) -> Verdict:
    """Whether LiteRT's GPU accelerator takes the whole graph and computes what the CPU does.

    Raises:
        EdgedepthError: as `check_gpu` does.
    """
    graph = read_tflite(path)
    found = check_gpu(path, icd)
    kind = "software GPU" if any(name in found.adapter.lower() for name in SOFTWARE) else "this machine's GPU"
    place = f"{kind} ({found.adapter})"
    if found.max_abs is None or found.rms is None or found.output_std is None:
        return _refused(path, place, graph, found)
    exact = arithmetic(graph).kind == "float"
    if not found.output_std:
        failure = "its output does not vary, so comparing it proves nothing"
    else:
        failure = "" if found.finite else "its output is not finite"
    verdict = _compared(path, place, _Numbers(found.max_abs, found.rms, found.output_std), exact=exact, failure=failure)
    return verdict if verdict.outcome == "ok" else _explained(verdict, graph)


def _explained(verdict: Verdict, graph: TfliteGraph) -> Verdict:
    """Wrong numbers with the operators that are known to cause them."""
    known = miscomputed_by_gpu(graph)
    if not known:
        return verdict
    causes = "; ".join(f"{len(one.operators)} {one.kind}: {one.reason}" for one in known)
    fixes = ", ".join(sorted({one.lowering for one in known if one.lowering}))
    return msgspec.structs.replace(
        verdict,
        evidence=f"{verdict.evidence}; known to be computed wrong: {causes}",
        remedy=f"Export it again with --lowering auto, whose lowerings avoid this: {fixes}.",
    )


def on_npu(path: Path, soc: str) -> Verdict:
    """Whether Qualcomm's compiler takes the whole graph for a chip.

    Raises:
        EdgedepthError: as `check_npu` does.
    """
    found = check_npu(path, soc)
    place = f"compiler for {soc}, {PACKAGE} {compiler_version()}; nothing was run"
    figures: Figures = {"selected": found.selected, "operators": found.operators, "partitions": found.partitions}
    pieces = f"{found.partitions} partition{'' if found.partitions == 1 else 's'}"
    told = f"{found.selected} of {found.operators} operators in {pieces}"
    if found.whole:
        return Verdict(file=path.name, check="npu", place=place, outcome="ok", evidence=told, figures=figures)
    refusals = "".join(f"; {line}" for line in found.refusals)
    remedy = "`edgedepth inspect` names operators that accelerators refuse, and the lowering that removes each."
    return failed(path.name, "npu", place, told + refusals, remedy, figures)


@dataclass(frozen=True)
class _Numbers:
    """As in `GpuVerdict`."""

    max_abs: float
    rms: float
    std: float


def _compared(path: Path, place: str, numbers: _Numbers, *, exact: bool, failure: str) -> Verdict:
    """Numbers against their gate; `failure` is what makes them worthless."""
    figures: Figures = {"max_abs": numbers.max_abs, "rms_per_std": numbers.rms, "output_std": numbers.std}
    if exact:
        share, gate = numbers.max_abs / (numbers.std or 1.0), GPU_FLOAT_GATE
        told = f"max difference {share:.1e} of output std against the CPU"
    else:
        share, gate = numbers.rms, GPU_ROUNDED_GATE
        told = (
            f"rms difference {share:.1e} of output std against the CPU, which rounds to integers where GPUs use floats"
        )
    if failure:
        told, figures = failure, {}
    elif share <= gate:
        told = f"whole graph taken; {told}"
        return Verdict(file=path.name, check="gpu", place=place, outcome="ok", evidence=told, figures=figures)
    return Verdict(
        file=path.name,
        check="gpu",
        place=place,
        outcome="failed",
        evidence=f"whole graph taken; {told}" + ("" if failure else f", allowed {gate:g}"),
        remedy="Compare with `edgedepth check`: if the CPU is right, use another precision on GPUs.",
        figures=figures,
        exit_code=NUMERICS,
    )


def _refused(path: Path, place: str, graph: TfliteGraph, found: GpuVerdict) -> Verdict:
    """The accelerator's own reasons, and for each kind of operator the lowering that removes it."""
    reasons: dict[str, list[str]] = {}
    for refusal in found.refusals:
        reasons.setdefault(refusal.reason.rstrip("."), []).append(refusal.kind)
    told = "; ".join(f"{', '.join(kinds)}: {reason}" for reason, kinds in reasons.items()) or "no reasons given"
    evidence = f"{found.on_gpu} operators on the GPU, {found.on_cpu} not: {told}"
    remedy = _lowerings(graph, {refusal.kind for refusal in found.refusals})
    figures: Figures = {"on_gpu": found.on_gpu or 0, "on_cpu": found.on_cpu or 0}
    return failed(path.name, "gpu", place, evidence, remedy, figures)


def _lowerings(graph: TfliteGraph, refused: set[str]) -> str:
    """What to export again with, by the operators that each lowering removes.

    The accelerator names kinds of operators, not each one; of a kind, those that the table expects to be refused
    are meant, or all where it expects none.
    """
    own = [operator for operator in graph.operators if operator.name in refused]
    expected = [operator for operator in own if gpu_reason(graph, operator)]
    unexpected = refused - {operator.name for operator in expected}
    meant = expected + [operator for operator in own if operator.name in unexpected]
    fixes = lowerings(graph, (operator.index for operator in meant))
    kinds: dict[str, set[str]] = {}
    for operator in meant:
        kinds.setdefault(fixes.get(operator.index, ""), set()).add(operator.name)
    left = ", ".join(sorted(kinds.pop("", set())))
    if not kinds:
        return "No lowering of edgedepth removes these: use another precision on GPUs, or run this file on the CPU."
    told = "; ".join(f"its {name} lowering removes {', '.join(sorted(kinds[name]))}" for name in sorted(kinds))
    rest = f"; none is known for {left}" if left else ""
    return f"Export it again with --lowering auto: {told}{rest}."
