"""Mixed precision on the CPU, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgedepth.errors import CheckpointError, UsageError
from edgedepth.models.shared.resnet import ResNet18
from edgedepth.training.precision import Precision
from edgedepth.training.pretrained import load_resnet18
from edgedepth.training.recipe import Optimisation

CPU = torch.device("cpu")


@pytest.mark.parametrize(("bfloat16", "kind"), [(True, torch.bfloat16), (False, torch.float32)])
def test_convolutions_compute_in_the_recipes_precision(bfloat16, kind):
    precision = Precision(Optimisation(bfloat16=bfloat16), CPU)
    network = nn.Conv2d(3, 4, 3)
    with precision.half():
        assert network(torch.rand(1, 3, 8, 8)).dtype == kind


def test_a_step_clips_the_gradient_and_moves_the_weights():
    precision = Precision(Optimisation(clip=0.5), CPU)
    weight = nn.Parameter(torch.tensor([1.0, 1.0]))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    precision.step((weight * torch.tensor([30.0, 40.0])).sum(), optimizer, [weight])
    torch.testing.assert_close(weight.detach(), torch.tensor([0.7, 0.6]))


def test_float16_needs_cuda():
    with pytest.raises(UsageError, match=r"float16 cannot be trained on cpu[\s\S]*bfloat16"):
        Precision(Optimisation(float16=True), CPU)


def test_a_classifiers_weights_start_a_pose_encoder(tmp_path):
    torch.manual_seed(0)
    single, pair = ResNet18().eval(), ResNet18(pictures=2).eval()
    torch.save({**single.state_dict(), "fc.weight": torch.zeros(1000, 512)}, tmp_path / "resnet18.pth")
    load_resnet18(pair, tmp_path / "resnet18.pth")
    picture = torch.rand(1, 3, 32, 64)
    with torch.no_grad():
        for one, two in zip(single(picture), pair(torch.cat([picture, picture], 1)), strict=True):
            torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("content", [b"no weights", None])
def test_what_is_no_resnet_is_refused(tmp_path, content):
    path = tmp_path / "resnet18.pth"
    if content:
        path.write_bytes(content)
    else:
        torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, path)
    with pytest.raises(CheckpointError, match="does not hold a ResNet-18"):
        load_resnet18(ResNet18(), path)
