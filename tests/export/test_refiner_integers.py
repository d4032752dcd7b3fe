"""A pair's smaller numbers: what they were measured on, what they cost, and which layers there are."""

from __future__ import annotations

from functools import partial

import numpy as np
import onnx
import pytest
import support
import torch
from pairs import INTEGERS, SIZE, entries
from PIL import Image

from edgedepth.export.quantize import onnx as onnx_room
from edgedepth.export.quantize import tflite as tflite_room
from edgedepth.export.refiner.halves import Half, refiner_entry
from edgedepth.export.refiner.kinds import kind_of
from edgedepth.export.refiner.plain import plain
from edgedepth.export.refiner.quantizing import RefinerQuantizer
from edgedepth.export.request import ExportRequest
from edgedepth.export.source import Network
from edgedepth.models import card
from edgedepth.models.counting import count
from edgedepth.runtime.refine import open_pair
from edgedepth.runtime.session import Session
from edgedepth.runtime.tiling import Grid, average_grid, cut, to_picture

pytest.importorskip("timm")


@pytest.mark.parametrize("precision", INTEGERS)
def test_integers_say_what_they_were_measured_on_and_what_they_cost(pair, precision):
    """The coarse graph stays in float32: it runs once."""
    full = entries(pair)
    for name, one in entries(pair, precision).items():
        facts = one.graph.quantization
        assert (facts.scheme, facts.kept) == (precision, ())
        assert (facts.calibration is None) == (precision != "w8a8")
        assert (facts.outcome.against, facts.outcome.pictures) == ("float32 output", 1)
        assert 0 < facts.outcome.absrel < 0.1
        assert one.graph.bytes < 0.6 * full[name].graph.bytes
        assert one.coarse == full[name].coarse
        assert set(one.pair) == {"street", "noise"}


def test_the_outcome_is_the_refined_depth_of_the_whole_picture(pair, pictures):
    """Again, from the artifact alone: one held-out picture, sixteen patches, against float32."""
    depths = []
    for precision in ("fp32", "w8a8"):
        runtime = open_pair(pair.artifact.folder, file_format="tflite", precision=precision)
        picture = np.asarray(Image.open(pictures / "1.png"))
        grid = Grid(*picture.shape[:2], patch=SIZE)
        held = runtime.coarse(picture)

        def predict(tiles, runtime=runtime, held=held, picture=picture, grid=grid):
            return runtime.refine(held, [cut(picture, t) for t in tiles], [grid.fractions(t) for t in tiles])

        depths.append(np.concatenate(list(to_picture(average_grid(grid, "m1", predict), grid))).astype(np.float64))
    exact, found = depths
    outcome = entries(pair, "w8a8")["tflite"].graph.quantization.outcome
    assert outcome.absrel == pytest.approx(float((np.abs(found - exact) / exact).mean()), rel=1e-6)
    assert outcome.absrel_fp32 == 0


def test_layers_of_both_formats_are_told_apart_and_alike(pair):
    """The encoder's blocks and the fusion's levels: what would be kept in float if the contract asked for it."""
    folder = pair.artifact.folder
    names = [
        [g.name for g in onnx_room.groups(onnx.load(folder / entries(pair)["onnx"].graph.path))],
        [g.name for g in tflite_room.groups((folder / entries(pair)["tflite"].graph.path).read_bytes())],
    ]
    assert names[1] == [*names[0], "head"]
    assert [name.rpartition(".encoder.")[2] for name in names[0][1:6]] == [f"blocks.{i}" for i in range(5)]
    assert [name.rpartition("model.")[2] for name in names[0][6:]] == [*(f"levels.{i}" for i in range(5)), "full.0"]


def test_norms_with_an_activation_inside_become_two_modules_that_compute_the_same():
    network = support.network("prv2-nano").refiner
    twin = plain(network)
    assert not [m for m in twin.modules() if isinstance(m, torch.nn.BatchNorm2d) and hasattr(m, "act")]
    patch, relative, guides = network.patch_inputs(SIZE)
    given = [torch.rand(x.shape) for x in (patch, relative, *guides)]
    with torch.no_grad():
        torch.testing.assert_close(
            twin(given[0], given[1], given[2:]), network(given[0], given[1], given[2:]), rtol=0, atol=0
        )


def test_a_missed_contract_names_the_refiners_layers(pair, pictures):
    """Every layer quantized alone, by what it does to refined depth."""
    folder, one = pair.artifact.folder, entries(pair)["tflite"]
    request = ExportRequest(model="prv2-nano", calibration=pictures, max_absrel_drop=0.0, max_d1_drop=0.0)
    network = Network(pair.network, card("prv2-nano"), pair.artifact.manifest.source, SIZE)
    half = Half(
        role="refine",
        lowered=torch.nn.Identity(),
        applied=(),
        inputs=(),
        outputs=(),
        input=one.graph.input,
        output=one.graph.output,
        file_format="tflite",
        size=SIZE,
        opset=18,
    )
    coarse = next(file for file in pair.artifact.files if file.path == one.coarse)
    describe = partial(
        refiner_entry, kind_of(pair.network), request, "tflite", SIZE, count(pair.network, SIZE), 0, one.coarse
    )
    content = (folder / one.graph.path).read_bytes()
    session = Session(folder / one.coarse, coarse)
    made = RefinerQuantizer(request, half, content, session, describe, network).make("w8")
    assert "accuracy contract" in str(made.rejection)
    worst = made.facts.sensitivity[0][0]
    assert worst.startswith("refiner.refiner.")
    assert worst in made.rejection.evidence
