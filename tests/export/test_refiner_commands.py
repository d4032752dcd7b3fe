"""A pair on disk: checked again, half of it missing, and its refiner as a graph of its own."""

from __future__ import annotations

import io
import re
import shutil

import numpy as np
import pytest
from msgspec.structs import replace
from pairs import SIZE, entries
from rich.console import Console

from edgedepth.artifact import open_artifact, sha256
from edgedepth.artifact.manifest import FILE_NAME, encode
from edgedepth.bench.files import graph_files
from edgedepth.bench.host import bench_host
from edgedepth.bench.matrix import Choice, configurations
from edgedepth.bench.schema import Plan
from edgedepth.bench.subject import file_subject
from edgedepth.errors import GateError, InputError, UsageError
from edgedepth.export.recheck import recheck
from edgedepth.preflight.inspection import inspect_file
from edgedepth.preflight.report import as_table
from edgedepth.runtime import open_predictor
from edgedepth.runtime.refine import open_pair

pytest.importorskip("timm")


def test_all_can_be_checked_again_from_the_artifact_alone(pair):
    found = recheck(pair.artifact.folder)
    refiners = pair.artifact.manifest.refiners
    assert [one.path for one in found] == [
        *(f.path for f in pair.artifact.files),
        *(one.graph.path for one in refiners for _ in range(2)),
    ]
    together = {one.path: one for one in found if one.behind is not None}
    alone = {one.path: one for one in found if one.behind is None}
    for one in refiners:
        assert together[one.graph.path].behind == one.coarse
        for name in ("street", "noise"):
            assert alone[one.graph.path].parity[name].max_abs == pytest.approx(one.graph.parity[name].max_abs, abs=1e-6)
            assert together[one.graph.path].parity[name].max_abs == pytest.approx(one.pair[name].max_abs, abs=1e-6)


def copied(pair, folder, kept=()):
    """The artifact with its fp32 files alone, so that checking is quick."""
    shutil.copytree(pair.artifact.folder, folder)
    manifest = pair.artifact.manifest
    files = tuple(f for f in manifest.files if f.precision == "fp32")
    refiners = tuple(one for one in manifest.refiners if one.graph.precision == "fp32")
    (folder / FILE_NAME).write_bytes(encode(replace(manifest, files=files, refiners=refiners, **dict(kept))))
    return folder


@pytest.mark.parametrize("damage", ["missing", "altered"])
def test_half_a_pair_is_refused_everywhere(pair, tmp_path, damage):
    folder = copied(pair, tmp_path / "half")
    path = folder / entries(pair)["onnx"].graph.path
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    for use in (recheck, open_pair, lambda one: [file_subject(file) for file in graph_files([one])]):
        with pytest.raises(InputError, match=re.escape(path.name)):
            use(folder)


def test_a_refiner_that_gives_other_numbers_than_its_references_is_noticed(pair, tmp_path):
    folder = copied(pair, tmp_path / "moved")
    first = pair.artifact.manifest.references[0]
    with np.load(folder / first.path) as stored:
        arrays = dict(stored)
    arrays["correction"] = arrays["correction"] + np.float32(0.01) * np.arange(SIZE[1], dtype=np.float32)
    np.savez_compressed(folder / first.path, **arrays)
    references = (replace(first, sha256=sha256(folder / first.path)), *pair.artifact.manifest.references[1:])
    (tmp_path / "moved" / FILE_NAME).write_bytes(encode(replace(open_artifact(folder).manifest, references=references)))
    with pytest.raises(GateError, match="refine"):
        recheck(folder)


def test_references_that_say_nothing_of_the_refiner_are_refused(pair, tmp_path):
    folder = copied(pair, tmp_path / "old")
    stored = []
    for one in pair.artifact.manifest.references:
        with np.load(folder / one.path) as arrays:
            plain = {name: arrays[name] for name in ("input", "output")}
        np.savez_compressed(folder / one.path, **plain)
        stored.append(replace(one, sha256=sha256(folder / one.path)))
    (folder / FILE_NAME).write_bytes(encode(replace(open_artifact(folder).manifest, references=tuple(stored))))
    with pytest.raises(InputError, match="says nothing of the refiner"):
        recheck(folder)


def test_the_refiner_is_a_graph_of_its_own(pair):
    folder = pair.artifact.folder
    files, refiners = pair.artifact.files, pair.artifact.manifest.refiners
    assert graph_files([folder]) == [folder / one.path for one in (*files, *(r.graph for r in refiners))]
    for one in refiners:
        subject = file_subject(folder / one.graph.path)
        assert (subject.label, subject.precision, subject.size) == (one.graph.path, one.graph.precision, SIZE)
        assert (subject.model, subject.parameters) == ("prv2-nano", one.parameters)


def test_the_refiner_is_timed_beside_its_coarse_graph(pair):
    one = entries(pair)["tflite"]
    plan = Plan(runs=2, seconds=0.0, warmup_runs=1, warmup_seconds=0.0)
    named = [str(pair.artifact.folder / path) for path in (one.coarse, one.graph.path)]
    records = bench_host(configurations(named, Choice(), plan), plan).records
    assert [record.subject.label for record in records] == [one.coarse, one.graph.path]
    assert all(record.latency.count == 2 for record in records)


def test_what_is_inspected_of_a_refiner(pair):
    one = entries(pair, "w8a8")["tflite"]
    inspection = inspect_file(pair.artifact.folder / one.graph.path)
    assert inspection.statement.refiner == one
    assert inspection.delegates.xnnpack.whole
    console = Console(width=300, file=io.StringIO())
    console.print(as_table(inspection))
    text = console.file.getvalue()
    assert f"and of {one.coarse}, at the patch: relative: NHWC 1x64x64x1 float32, feature_8: NHWC 1x2x2x" in text
    assert "of the pair, street" in text


def test_a_refiner_takes_no_picture(pair):
    path = pair.artifact.folder / entries(pair)["onnx"].graph.path
    with pytest.raises(UsageError, match="is a refiner"):
        open_predictor(path)
    with pytest.raises(UsageError, match="is a refiner"):
        open_pair(path)
