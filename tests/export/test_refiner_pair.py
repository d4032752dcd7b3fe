"""A coarse model and its refiner as a pair of files: what they compute, and what the artifact says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from pairs import FORMATS, PRECISIONS, SIZE, entries

from edgedepth.artifact import open_artifact, verify_hashes
from edgedepth.artifact.manifest import encode
from edgedepth.errors import InputError, UsageError
from edgedepth.export.refiner import checking
from edgedepth.export.refiner.checking import BOX, check_refiner, patches
from edgedepth.export.refiner.kinds import kind_of
from edgedepth.export.request import ExportRequest, validate
from edgedepth.models.counting import count
from edgedepth.preflight.xnnpack import xnnpack_partitions
from edgedepth.runtime.refine import open_pair
from edgedepth.runtime.tiling import Grid, cut

pytest.importorskip("timm")

REFUSED = {"GATHER", "GATHER_ND", "GatherND", "GridSample", "RoiAlign", "TRANSPOSE", "BROADCAST_TO"}


def scene(height=150, width=210):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([y * 255 / height, x * 255 / width, 127 + 100 * np.sin((x + y) / 9)], -1)
    return np.clip(base + rng.integers(-15, 15, base.shape), 0, 255).astype(np.uint8)


def test_every_format_and_precision_is_there_and_named(pair):
    assert [f.path for f in pair.artifact.files] == [
        f"prv2-nano-coarse-64x64-{precision}.{name}" for name in FORMATS for precision in ("fp32", "fp16")
    ]
    refiners = pair.artifact.manifest.refiners
    assert [one.graph.path for one in refiners] == [
        f"prv2-nano-refine-64x64-{precision}.{name}" for name in FORMATS for precision in PRECISIONS
    ]
    for one in refiners:
        precision = "fp16" if one.graph.precision == "fp16" else "fp32"
        assert one.coarse == f"prv2-nano-coarse-64x64-{precision}.{one.graph.format}"
        assert one.grid == (4, 4)
    verify_hashes(pair.artifact)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_both_files_passed_alone_and_together(pair, precision):
    bound = {"fp32": 1e-4, "fp16": 2e-2}[precision]
    for one in entries(pair, precision).values():
        for parities in (one.graph.parity, one.pair):
            assert set(parities) == {"street", "noise"}
            for parity in parities.values():
                assert parity.max_abs <= bound
                assert parity.reference_std > 1e-3


@pytest.mark.parametrize("name", FORMATS)
def test_patches_of_a_picture_come_out_as_from_the_network(pair, name):
    runtime, picture = open_pair(pair.artifact.folder, file_format=name), scene()
    grid = Grid(*picture.shape[:2], patch=SIZE)
    held = runtime.coarse(picture)
    contract = runtime.coarse_session.entry.input

    def tensor(pixels):
        from edgedepth.runtime.preprocess import resize

        return torch.from_numpy(resize(pixels, SIZE).copy()).permute(2, 0, 1)[None].float() / 255

    with torch.no_grad():
        depth, features = pair.network.coarse_branch(tensor(picture))
        for tile in (grid.tiles("m2")[0], grid.tiles("m2")[24], grid.random_tiles(1, 3)[0]):
            box = grid.fractions(tile)
            (found,) = runtime.refine(held, [cut(picture, tile)], [box])
            boxes = torch.tensor([box], dtype=torch.float64)
            expected = pair.network.refine_patches(tensor(cut(picture, tile)), boxes, depth, features)[0, 0].numpy()
            np.testing.assert_allclose(found, expected, rtol=2e-4)
    assert contract.tensor.shape[0] == 1


@pytest.mark.parametrize("precision", PRECISIONS)
def test_xnnpack_takes_both_graphs_whole(pair, precision):
    one = entries(pair, precision)["tflite"]
    for path in (one.coarse, one.graph.path):
        assert xnnpack_partitions(pair.artifact.folder / path).whole


def test_no_operator_is_left_that_accelerators_refuse(pair):
    for one in pair.artifact.manifest.refiners:
        coarse = next(f for f in pair.artifact.files if f.path == one.coarse)
        assert not REFUSED & (set(one.graph.operators) | set(coarse.operators))


def test_counts_are_of_each_graphs_own_part(pair):
    facts = pair.artifact.manifest.model
    assert facts.parameters == 1_521_948
    assert facts.macs == {"64x64": count(pair.network.coarse_branch.network, SIZE).macs}
    counted = count(pair.network, SIZE)
    for one in pair.artifact.manifest.refiners:
        assert (one.parameters, one.macs) == (counted.parameters, counted.macs)


def test_a_refiner_that_computes_something_else_is_rejected(pair):
    one = entries(pair)["onnx"]
    expected = patches(kind_of(pair.network), checking_expectations(pair))
    path = pair.artifact.folder / one.graph.path
    assert check_refiner(path, one, expected)[1] is None
    shifted = [dataclasses.replace(p, given={**p.given, "relative": p.given["relative"] + 1}) for p in expected]
    error = check_refiner(path, one, shifted)[1]
    assert error is not None
    assert "does not compute what the PyTorch model does" in str(error)


def checking_expectations(pair):
    from edgedepth.export.checking import expectations

    return expectations(pair.network.coarse_branch.network, SIZE, 1, None)


def test_the_reference_patch_lies_between_the_cells_of_the_grid():
    assert checking.BOX is BOX
    assert all((edge * 4) % 1 == 0.5 for edge in BOX)


def test_a_manifest_that_names_a_refiner_outside_its_folder_is_refused(pair, tmp_path):

    one = pair.artifact.manifest.refiners[0]
    moved = replace(one, graph=replace(one.graph, path="../elsewhere.onnx"))
    (tmp_path / "manifest.json").write_bytes(encode(replace(pair.artifact.manifest, refiners=(moved,))))
    with pytest.raises(InputError, match="outside its folder"):
        open_artifact(tmp_path)


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        ("prv2-m", {}, "has no coarse model"),
        ("prv2-m", {"coarse": "flex-nano", "precisions": ("auto",)}, "cannot be exported as auto"),
        ("prv2-m", {"coarse": "flex-nan"}, "no model named"),
        ("flex-nano", {"coarse": "flex-nano"}, "flex-nano has no coarse model"),
        ("prv2-nano", {"precisions": ("auto",)}, "cannot be exported as auto"),
        ("prv2-nano", {"precisions": ("w8a16",), "formats": ("tflite",)}, "cannot be exported as w8a16"),
        ("prv2-nano", {"input": "uint8"}, "float input"),
        ("prv2-nano", {"output": "depth"}, "disparity output"),
        ("prv2-nano", {"lowering": "none"}, "lowering"),
        ("prv2-nano", {"sizes": ((32, 64),)}, "at least 64"),
    ],
)
def test_what_a_pair_cannot_be_is_refused_before_anything_is_loaded(model, options, says):
    with pytest.raises(UsageError, match=says):
        validate(ExportRequest(model=model, random_seed=0, **options))
