"""PyTorch models as rows: what they are called, what they run, and what is refused without a GPU."""

from __future__ import annotations

import pytest
import torch

from edgedepth.bench.backends import backend
from edgedepth.bench.backends.torch import network, require_cuda
from edgedepth.bench.host import bench_host, row_key
from edgedepth.bench.job import FLOOR, Job
from edgedepth.bench.matrix import Choice, configurations
from edgedepth.bench.schema import Plan
from edgedepth.bench.subject import model_subject
from edgedepth.errors import MissingDependencyError
from edgedepth.models import build, card
from edgedepth.models.counting import count

QUICK = Plan(runs=2, seconds=0.0, warmup_runs=0, warmup_seconds=0.0)
SIZE = (64, 96)


def job(**settings):
    return Job(**{"runtime": "pytorch", "accelerator": "cpu", "graph": "flex-nano", "size": SIZE} | settings)


def test_a_model_says_what_it_is():
    subject = model_subject("flex-nano", "fp32", None, 2, 0)
    spec = card("flex-nano").input
    counts = count(build(card("flex-nano")), (spec.height, spec.width))
    assert (subject.label, subject.format, subject.size, subject.batch) == ("flex-nano", "pytorch", (192, 640), 2)
    assert subject.macs == 2 * counts.macs
    assert subject.parameters == counts.parameters
    assert "ship with edgedepth" in subject.weights
    assert subject.bytes == sum(v.numel() * v.element_size() for v in network("flex-nano", 0)[0].state_dict().values())
    assert model_subject("flex-nano", "fp32", None, 2, 0) == subject
    small, other = (model_subject("flex-small", "fp32", SIZE, 1, seed) for seed in (0, 1))
    assert "seed 0" in small.weights
    assert small.sha256 != other.sha256
    assert small.macs == other.macs


def test_it_computes_what_the_network_does():
    made = backend(job(batch=2))
    with made.explained():
        made.open()
        made.feed()
        output = made.run()
    assert output.shape == (2, 1, *SIZE)
    with torch.inference_mode():
        assert torch.equal(output, network("flex-nano", 0)[0](made._input))
    assert (made.placement().gpu, made.delegation()) == ("", None)


def test_its_floor_has_the_work_that_is_stated():
    from edgedepth.bench import floor

    made = backend(job(graph=FLOOR, batch=2, size=None))
    made.open()
    made.feed()
    assert made.run().shape == (2, floor.CHANNELS, floor.HEIGHT, floor.WIDTH)
    layers = [layer.weight for layer in made._forward]
    assert sum(weight.numel() for weight in layers) * floor.HEIGHT * floor.WIDTH == floor.MACS


def test_rows_of_a_model():
    def rows(**choice):
        found = configurations(["flex-nano"], Choice(**choice), QUICK)
        return [(c.subject.batch, c.subject.precision, c.runtime.accelerator, c.runtime.options) for c in found]

    assert rows() == [(1, "fp32", "cpu", {})]
    assert rows(batches=(1, 16), compiled=True) == [
        (batch, "fp32", "cpu", options) for batch in (1, 16) for options in ({}, {"compile": "compile"})
    ]
    half = {"precision": "fp16", "layout": "channels-last"}
    assert rows(accelerators=("cuda",)) == [
        (1, "fp32", "cuda", {}),
        (1, "fp32", "cuda", {"graphs": "graphs"}),
        (1, "fp16", "cuda", half),
        (1, "fp16", "cuda", {**half, "graphs": "graphs"}),
    ]
    assert [row[1] for row in rows(accelerators=("cuda",), precisions=("fp16",))] == ["fp16", "fp16"]
    every = configurations(["flex-nano"], Choice(accelerators=("cpu", "cuda"), batches=(1, 2), compiled=True), QUICK)
    assert len({row_key(one) for one in every}) == len(every) == 2 * (2 + 6)


def test_without_cuda_it_is_refused():
    require_cuda("cpu", available=False)
    require_cuda("cuda", available=True)
    with pytest.raises(MissingDependencyError, match="no CUDA device"):
        require_cuda("cuda", available=False)
    if not torch.cuda.is_available():
        with pytest.raises(MissingDependencyError):
            backend(job(accelerator="cuda", threads=None))


def test_measured_beside_its_floor():
    rows = configurations(["flex-nano"], Choice(batches=(2,)), QUICK)
    (record,) = bench_host(rows, QUICK, floor=True).records
    assert record.latency is not None, record
    assert record.latency.count == 2
    assert record.runtime.version == torch.__version__
    assert record.floor.macs == record.subject.macs
    assert record.floor.ratio > 0
    assert record.configuration == "pytorch cpu 1 thread"
