"""An inspection as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.table import Table

from edgedepth.artifact.manifest import TensorSpec
from edgedepth.preflight.gpu import GpuVerdict
from edgedepth.preflight.inspection import Delegates, Inspection, Statement
from edgedepth.preflight.rules import Finding

WORST_PARITY = "max abs {:.1e} (at std {:.3f}), depth AbsRel drift {:.1e}"


def as_table(inspection: Inspection) -> Table:
    """Two columns: what, and what was found."""
    table = Table(title=inspection.file, title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(inspection):
        table.add_row(name, value)
    return table


def _lines(inspection: Inspection) -> Iterator[tuple[str, str]]:
    megabytes = inspection.bytes / 1e6
    opset = f", opset {inspection.opset}" if inspection.opset is not None else ""
    yield "file", f"{inspection.format}{opset}, {megabytes:.1f} MB, sha256 {inspection.sha256[:12]}"
    if inspection.statement is None:
        yield "model", "unknown: edgedepth did not write this file"
    else:
        yield from _statement(inspection.statement)
    yield "operators", ", ".join(f"{count} {kind}" for kind, count in inspection.operators.items())
    yield "tensor ranks", ", ".join(f"{count} of rank {rank}" for rank, count in inspection.ranks.items())
    unneeded = inspection.input_transposes
    note = f", {unneeded} of them at an input (fixed by nhwc-input)" if unneeded else ""
    yield "transposes", f"{inspection.transposes}{note}"
    unknown = "unknown: sizes are not fixed"
    yield "multiply-adds", unknown if inspection.macs is None else f"{inspection.macs / 1e6:.1f} M"
    if inspection.subgraphs > 1:
        yield "graphs", f"{inspection.subgraphs}; only the first one is inspected"
    if inspection.delegates is not None:
        yield from _delegates(inspection.delegates)


def _statement(statement: Statement) -> Iterator[tuple[str, str]]:
    yield "model", f"{statement.model}, {statement.precision}; {statement.source.statement}"
    given, out = statement.input, statement.output
    low, high = given.value_range
    told = f"{given.color} {low:g}..{high:g}, resized by {given.resize}; in the graph: {given.normalization}"
    yield "input", f"{_tensor(given.tensor)}, {told}"
    if statement.refiner is not None:
        taken = (statement.refiner.relative, *statement.refiner.features)
        yield "", f"and of {statement.refiner.coarse}, at the patch: " + ", ".join(map(_tensor, taken))
    low, high = out.value_range
    yield "output", f"{_tensor(out.tensor)}, {out.meaning} {low:g}..{high:g}"
    constants = ", ".join(f"{key} = {value:g}" for key, value in out.constants.items())
    scale = "metres" if out.metric else "up to one unknown scale"
    yield "depth", f"{out.decode}{f' with {constants}' if constants else ''} ({scale})"
    yield "lowering", ", ".join(lowering.name for lowering in statement.lowering) or "none"
    for name, p in statement.parity.items():
        yield f"parity, {name}", WORST_PARITY.format(p.max_abs, p.reference_std, p.absrel_drift)
    if not statement.parity:
        yield "parity", "not stated"
    for name, p in (statement.refiner.pair if statement.refiner else {}).items():
        yield f"of the pair, {name}", WORST_PARITY.format(p.max_abs, p.reference_std, p.absrel_drift)


def _tensor(tensor: TensorSpec) -> str:
    said = f"{tensor.name}: {tensor.layout} {'x'.join(map(str, tensor.shape))} {tensor.dtype}"
    if tensor.quantization is None:
        return said
    return f"{said} = {tensor.quantization.scale:g} * (integer {-tensor.quantization.zero_point:+d})"


def _delegates(delegates: Delegates) -> Iterator[tuple[str, str]]:
    parts = delegates.xnnpack
    sizes = " + ".join(map(str, parts.sizes)) or "0"
    plural = "" if len(parts.sizes) == 1 else "s"
    whole = "holding every operator" if parts.whole else f"{len(parts.outside)} operators outside"
    yield "XNNPACK", f"{len(parts.sizes)} partition{plural} ({sizes} of {parts.operators} operators), {whole}"
    yield from (("", line) for line in _findings(delegates.outside))
    if delegates.gpu is not None:
        yield from _gpu(delegates.gpu)
    expected = "nothing refused" if not delegates.gpu_predicted else "refused:"
    yield "GPU, by table", expected
    yield from (("", line) for line in _findings(delegates.gpu_predicted))
    if delegates.gpu_miscomputed:
        yield "", "computed wrong:"
        yield from (("", line) for line in _findings(delegates.gpu_miscomputed))


def _findings(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        fix = f"; fixed by {finding.lowering}" if finding.lowering else ""
        yield f"{len(finding.operators)} {finding.kind}: {finding.reason}{fix}"


def _gpu(verdict: GpuVerdict) -> Iterator[tuple[str, str]]:
    if verdict.accepted:
        numbers = f"max abs difference to CPU {verdict.max_abs:.1e} at output std {verdict.output_std:.3f}"
        finite = "" if verdict.finite else "; OUTPUT NOT FINITE"
        yield "GPU, run", f"whole graph accepted on {verdict.adapter}; {numbers}{finite}"
        return
    yield (
        "GPU, run",
        f"refused on {verdict.adapter}: {verdict.on_gpu} operators on the GPU, {verdict.on_cpu} not",
    )
    for refusal in verdict.refusals:
        yield "", f"{refusal.kind}: {refusal.reason}"
