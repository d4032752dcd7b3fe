"""A published refiner and its coarse model as a pair of files: offsets in the coarse depth's unit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from pairs import SIZE, TINY_REFINER, entries
from PIL import Image
from test_refiner_pair import REFUSED, scene
from torch import nn
from torch.nn import functional as F

from edgedepth.errors import UsageError
from edgedepth.export.checking import expectations
from edgedepth.export.interface import input_contract
from edgedepth.export.lowered import lower_with_record
from edgedepth.export.lowering.graph import trace
from edgedepth.export.pipeline import export
from edgedepth.export.recheck import recheck
from edgedepth.export.refiner.activations import most_at_once
from edgedepth.export.refiner.checking import check_refiner, patches
from edgedepth.export.refiner.graphs import correction_contract, graphs, taken_features, view_spec
from edgedepth.export.refiner.halves import Half, refiner_entry
from edgedepth.export.refiner.kinds import kind_of
from edgedepth.export.refiner.plain import PointwiseConvNeXt, ScaledChannelNorm, plain
from edgedepth.export.request import ExportRequest
from edgedepth.export.source import Network
from edgedepth.models import build, card, checkpoint
from edgedepth.models.counting import Counts
from edgedepth.models.patchrefiner.coarse import STRIDES
from edgedepth.preflight.xnnpack import xnnpack_partitions
from edgedepth.runtime import open_predictor
from edgedepth.runtime.preprocess import resize
from edgedepth.runtime.refine import RefineWanted, Tiling, open_pair, refine_picture, refined_depth
from edgedepth.runtime.tiling import Grid, average_grid, cut, to_picture

pytest.importorskip("timm")


def tensor(pixels):
    return torch.from_numpy(resize(pixels, SIZE).copy()).permute(2, 0, 1)[None].float() / 255


def tiled(network, picture, passes):
    """The PyTorch model's own tiled result."""
    grid = Grid(*picture.shape[:2], patch=SIZE)
    depth, features = network.coarse_branch(tensor(picture))

    def predict(tiles):
        boxes = torch.tensor([grid.fractions(tile) for tile in tiles], dtype=torch.float64)
        patches = torch.cat([tensor(cut(picture, tile)) for tile in tiles])
        return list(network.refine_patches(patches, boxes, depth, features)[:, 0].numpy())

    with torch.no_grad():
        return np.concatenate(list(to_picture(average_grid(grid, passes, predict), grid)))


@torch.no_grad()
def test_a_tiled_picture_comes_out_as_from_the_network(offsets):
    picture = scene()
    found = refined_depth(open_pair(offsets.artifact.folder), picture, Tiling("m2"))
    expected = tiled(offsets.network, picture, "m2")
    assert np.abs(found - expected).max() <= 1e-4 * expected.max()
    depth = offsets.network.coarse_branch(tensor(picture))[0]
    assert np.abs(expected - resize_bilinear(depth, expected.shape)).max() > 0.1 * expected.max()


def resize_bilinear(depth, size):
    return F.interpolate(depth, size=size, mode="bilinear", align_corners=False)[0, 0].numpy()


def test_the_manifest_says_how_depth_is_corrected(offsets):
    for one in offsets.artifact.manifest.refiners:
        out = one.graph.output
        assert (one.view, out.meaning, out.metric) == ("depth", "depth-correction", False)
        assert out.decode == "depth = max(coarse depth + output, least_depth)"
        assert out.constants == {"least_depth": 0.0}
        assert one.relative.name == "coarse_depth"
        assert [spec.name for spec in one.features] == [f"feature_{stride}" for stride in STRIDES]
        for parities in (one.graph.parity, one.pair):
            assert set(parities) == {"street", "noise"}
            assert all(p.max_abs <= 1e-4 and p.reference_std > 1e-3 for p in parities.values())
    assert offsets.artifact.manifest.model.config["coarse"] == "flex-nano"


@pytest.fixture(scope="module")
def tflite(offsets, tmp_path_factory):
    """The folder and the entry of the refiner alone, as TFLite."""
    folder = tmp_path_factory.mktemp("tflite")
    kind, request, model = kind_of(offsets.network), ExportRequest(model="prv2-m"), card("prv2-m")
    lowered, applied = lower_with_record(graphs(kind)[1], "tflite", {}, {})
    patch = input_contract(model, "tflite", request, SIZE)
    contract = correction_contract(kind, "tflite", request, SIZE)
    taken = (view_spec(kind, "tflite", request, SIZE), *taken_features(kind, "tflite", request, SIZE))
    tensors = ((patch.tensor, *taken), (contract.tensor,))
    half = Half("refine", lowered, applied, *tensors, patch, contract, "tflite", SIZE, request.opset)
    network = Network(offsets.network, model, offsets.artifact.manifest.source, SIZE)
    file = half.write(half.convert(), "fp32", network, folder)
    return folder, refiner_entry(kind, request, "tflite", SIZE, Counts(0, 0.0, 0), 0, "none", file)


def test_as_tflite_it_computes_the_same_and_xnnpack_takes_it_whole(offsets, tflite):
    folder, one = tflite
    kind = kind_of(offsets.network)
    expected = patches(kind, expectations(kind.network, SIZE, 1, None))
    checked, error = check_refiner(folder / one.graph.path, one, expected)
    assert error is None
    assert all(parity.max_abs <= 1e-4 for parity in checked.parity.values())
    assert xnnpack_partitions(folder / one.graph.path).whole
    assert not REFUSED & set(one.graph.operators)


def test_all_can_be_checked_again(offsets):
    assert len(recheck(offsets.artifact.folder)) == 3


def test_counts_are_of_the_refiner(offsets):
    network = offsets.network
    parts = (network.refiner_fine_branch, network.refiner_fusion_model)
    for one in offsets.artifact.manifest.refiners:
        assert one.parameters == sum(p.numel() for part in parts for p in part.parameters())
        full_resolution = SIZE[0] * SIZE[1]
        assert one.activations > full_resolution * (3 + 1 + 16)  # its inputs alone


@torch.no_grad()
def test_the_whole_network_over_a_metric_coarse_model_is_its_graphs():
    network = build(card("prv2-m"), **{**TINY_REFINER, "coarse": "surround-monodepth2"})
    kind = kind_of(network)
    assert kind.coarse.output.metric
    image = torch.rand(1, 3, *SIZE)
    found = kind.at(image, torch.tensor([[0.0, 0.0, 1.0, 1.0]]))
    torch.testing.assert_close(found.refined, network(image), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(kind.refiner()(image, found.view, *found.features), found.correction)


def test_weights_of_another_coarse_model_are_refused(tmp_path):
    network = build(card("prv2-m"), **TINY_REFINER)
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, network, card("prv2-m"), TINY_REFINER, {})
    request = ExportRequest(model="prv2-m", weights=path, coarse="flex-small", sizes=(SIZE,))
    with pytest.raises(UsageError, match="not of a refiner of flex-small") as caught:
        export(request, tmp_path / "out")
    assert "flex-nano" in caught.value.remedy
    alone = {key: value for key, value in TINY_REFINER.items() if key != "coarse"}
    checkpoint.save(path, build(card("prv2-m"), **alone), card("prv2-m"), alone, {})
    with pytest.raises(UsageError, match="has no coarse model"):
        export(replace_request(request, coarse=None), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def replace_request(request, **more):
    import dataclasses

    return dataclasses.replace(request, **more)


def test_the_refiner_takes_no_picture(offsets):
    path = offsets.artifact.folder / entries(offsets)["onnx"].graph.path
    for use in (open_predictor, open_pair):
        with pytest.raises(UsageError, match="is a refiner"):
            use(path)


# Encoders' layers


@pytest.mark.parametrize(("kernel", "stride", "groups"), [(3, 2, 1), (5, 2, 8), (2, 2, 1), (4, 4, 2)])
@torch.no_grad()
def test_a_convolution_with_same_padding_is_padded_evenly(kernel, stride, groups):
    from timm.layers import Conv2dSame

    conv = nn.Sequential(Conv2dSame(8, 16, kernel, stride, groups=groups))
    (even,) = plain(conv)
    assert type(even) is nn.Conv2d
    x = torch.randn(2, 8, 16, 24)
    torch.testing.assert_close(even(x), conv(x), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_convnexts_blocks_and_norms_stay_channels_first():
    from timm.layers import LayerNorm2d
    from timm.models.convnext import ConvNeXtBlock

    network = nn.Sequential(LayerNorm2d(8), ConvNeXtBlock(8, ls_init_value=0.7), ConvNeXtBlock(8, conv_mlp=True)).eval()
    for p in network.parameters():
        p.copy_(torch.randn(p.shape))
    twin = plain(network)
    assert isinstance(twin[0], ScaledChannelNorm)
    assert isinstance(twin[1], PointwiseConvNeXt)
    assert isinstance(twin[2].norm, ScaledChannelNorm)
    x = torch.randn(1, 8, 12, 16) * 3
    torch.testing.assert_close(twin(x), network(x), rtol=1e-4, atol=1e-3)
    assert not [node for node in trace(twin).graph.nodes if node.target == "permute"]


# Memory


def test_most_at_once_written_out():
    class Network(nn.Module):
        def forward(self, x):
            doubled = torch.cat([x, x], 1)  # 10 + 20
            again = torch.cat([doubled, doubled], 1)  # x is done: 20 + 40
            return again.mean(1, keepdim=True) + x.mean()  # but x is kept for here: 10 + 40 + 10

    assert most_at_once(trace(Network()), [torch.empty(1, 1, 2, 5)]) == 10 + 20 + 40


@pytest.mark.parametrize("stated", [True, False])
def test_what_a_refiner_holds_decides_the_memory_that_it_needs(offsets, tmp_path, stated):

    Image.fromarray(scene()).save(tmp_path / "a.png")
    pair = open_pair(offsets.artifact.folder)
    needed = []
    for factor in (1, 1000):
        pair.entry = replace(pair.entry, activations=factor * pair.entry.activations if stated else None)
        wanted = RefineWanted(tmp_path / "d.png", Tiling("m1"), 10**6)
        with pytest.raises(UsageError, match="Allow at least") as caught:
            refine_picture(pair, tmp_path / "a.png", wanted)
        needed.append(caught.value.remedy)
    assert (needed[0] != needed[1]) == stated
