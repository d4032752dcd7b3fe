"""Pose, variance and threshold network: released keys, ranges, and what they predict from."""

from __future__ import annotations

import pytest
import torch

from edgedepth.models.shared.resnet import ResNet18
from edgedepth.training.networks import MuPredictor, PoseNet, VarianceNet, seeded
from edgedepth.training.selfsupervised.geometry import inverse, rigid_transform


def pictures(count, seed=0, size=(64, 96)):
    return torch.rand(count, 2, 3, *size, generator=torch.Generator().manual_seed(seed)).unbind()


def shapes(model, prefix=""):
    return {k: tuple(v.shape) for k, v in model.state_dict().items() if k.startswith(prefix)}


def resnet_shapes(frames):
    return {f"encoder.{key}": shape for key, shape in shapes(ResNet18(frames)).items()}


def test_pose_keys_are_those_of_the_released_files():
    found = shapes(PoseNet())
    head = {
        "net.0.weight": (256, 512, 1, 1),
        "net.0.bias": (256,),
        "net.1.weight": (256, 256, 3, 3),
        "net.1.bias": (256,),
        "net.2.weight": (256, 256, 3, 3),
        "net.2.bias": (256,),
        "net.3.weight": (12, 256, 1, 1),
        "net.3.bias": (12,),
    }
    assert found == resnet_shapes(2) | head
    assert found["encoder.conv1.weight"] == (64, 6, 7, 7)


def test_variance_keys_are_those_of_the_released_files():
    found = shapes(VarianceNet())
    assert shapes(VarianceNet(), "encoder.") == resnet_shapes(3)
    assert found["encoder.conv1.weight"] == (64, 9, 7, 7)
    assert found["decoder.0.conv.conv.weight"] == (256, 512, 3, 3)
    assert found["decoder.9.conv.conv.weight"] == (16, 16, 3, 3)
    assert [found[f"decoder.{10 + s}.conv.weight"][1] for s in range(4)] == [16, 32, 64, 128]


def test_threshold_keys_are_those_of_the_released_file():
    assert shapes(MuPredictor(8)) == {
        "encoder.0.weight": (32, 16, 3, 3),
        **{f"encoder.1.{name}": (32,) for name in ("weight", "bias", "running_mean", "running_var")},
        "encoder.1.num_batches_tracked": (),
        "encoder.3.weight": (16, 32, 3, 3),
        **{f"encoder.4.{name}": (16,) for name in ("weight", "bias", "running_mean", "running_var")},
        "encoder.4.num_batches_tracked": (),
        "fc_head.weight": (1, 16),
        "fc_head.bias": (1,),
    }


def test_pose_is_small_at_first_and_the_mean_of_the_last_map():
    network = seeded(PoseNet, 1)
    earlier, later = pictures(2)
    with torch.no_grad():
        axis_angle, translation = network(earlier, later)
        x = network.encoder(torch.cat([earlier, later], 1))[-1]
        for layer in network.net[:3]:
            x = layer(x).clamp_min(0)
        last = network.net[3](x)
    expected = 0.01 * last.mean(3).mean(2)
    torch.testing.assert_close(torch.cat([axis_angle, translation], 1), expected[:, :6])
    assert 0 < float(axis_angle.abs().max()) < 0.01


def test_the_pose_of_an_earlier_source_is_inverted():
    network = seeded(PoseNet, 2).eval()
    first, second = pictures(2, 3)
    with torch.no_grad():
        forward = network.to_source(first, second, source_is_earlier=False)
        backward = network.to_source(second, first, source_is_earlier=True)
        direct = rigid_transform(*network(first, second))
    torch.testing.assert_close(forward, direct)
    torch.testing.assert_close(backward, inverse(forward))
    assert float((forward - torch.eye(4)).abs().max()) > 1e-4


def test_pose_stays_single_under_mixed_precision():
    network = seeded(PoseNet, 1)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        pose = network.to_source(*pictures(2), source_is_earlier=False)
    assert pose.dtype == torch.float32


@pytest.mark.parametrize("frames", [1, 3])
def test_variance_starts_in_the_middle_at_four_scales(frames):
    network = seeded(lambda: VarianceNet(frames), 1)
    with torch.no_grad():
        found = network(torch.cat(pictures(frames), 1))
    assert [tuple(v.shape) for v in found] == [(2, 1, 64 // 2**s, 96 // 2**s) for s in range(4)]
    for variance in found:
        assert 0.1 < float(variance.min()) < float(variance.max()) < 0.9
        assert float(variance.std()) > 1e-3


def test_the_same_seed_makes_the_same_network_and_leaves_the_generator_alone():
    torch.manual_seed(9)
    before = torch.get_rng_state()
    first, again, other = (seeded(lambda: MuPredictor(4), seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, again[key]) for key, value in first.items())
    assert not torch.equal(first["encoder.0.weight"], other["encoder.0.weight"])


@pytest.mark.parametrize("start", [0.081, 0.1, 0.12, 0.149])
def test_the_threshold_starts_where_it_is_told(start):
    network = MuPredictor(4, start)
    torch.nn.init.zeros_(network.fc_head.weight)
    found = network(torch.rand(3, 4, 8, 12), torch.rand(3, 4, 8, 12))
    assert found.shape == (3, 1, 1, 1)
    assert found.flatten().tolist() == pytest.approx([start] * 3, abs=1e-6)
    network.start_at(0.12)
    moved = network(torch.rand(1, 4, 8, 12), torch.rand(1, 4, 8, 12))
    assert moved.item() == pytest.approx(0.12, abs=1e-6)


@pytest.mark.parametrize("start", [0.08, 0.15, 0.5])
def test_a_start_out_of_range_is_refused(start):
    with pytest.raises(ValueError, match="between"):
        MuPredictor(4, start)


def test_the_threshold_stays_within_its_bounds_and_has_a_gradient():
    network = MuPredictor(4)
    late, early = torch.randn(2, 4, 8, 12) * 50, torch.randn(2, 4, 8, 12) * 50
    found = network(late, early)
    assert 0.08 <= float(found.detach().min()) <= float(found.detach().max()) <= 0.15
    found.sum().backward()
    assert all(float(p.grad.abs().max()) > 0 for p in (network.encoder[0].weight, network.fc_head.weight))
    assert not torch.equal(found, network(early, late))
