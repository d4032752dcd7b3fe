"""PatchRefiner V2's published checkpoint layout, by small files of the same form."""

from __future__ import annotations

import pytest
import torch
from support import gap, network, picture

from edgedepth.errors import CheckpointError
from edgedepth.models import card, checkpoint
from edgedepth.models.patchrefiner import published
from edgedepth.models.patchrefiner.model import PatchRefiner, Refiner
from edgedepth.models.registry import with_config

pytest.importorskip("timm")

SMALL = {
    "encoder": "test_efficientnet",
    "width": 16,
    "joined": (24, 16, 12, 8, 8, 8),
    "decoder": (16, 12, 8, 8, 8),
}


@pytest.fixture(autouse=True)
def small_card(monkeypatch):
    """prv2-m with few channels, under its own name; prv2-e and prv2-c as they are."""
    from edgedepth.models import registry

    small = with_config(card("prv2-m"), SMALL)
    monkeypatch.setitem(registry._CARDS, "prv2-m", small)


@pytest.fixture(scope="module")
def whole():
    return network("prv2-m", coarse="flex-nano", **SMALL)


def published_file(path, state):
    torch.save({"epoch": 3, "model_state_dict": state}, path)
    return path


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_file_of_both_is_loaded_with_the_coarse_model_that_it_holds(whole, tmp_path, wrapped, prefix):
    state = {prefix + key: value for key, value in whole.state_dict().items()}
    path = published_file(tmp_path / "a.pth", state) if wrapped else tmp_path / "a.pt"
    if not wrapped:
        torch.save(state, path)
    loaded = checkpoint.load(path)
    assert loaded.card.name == "prv2-m"
    assert loaded.card.config.coarse == "flex-nano"
    assert isinstance(loaded.model, PatchRefiner)
    assert list(loaded.files) == [path.name]
    image = picture(64, 96)
    with torch.no_grad():
        assert gap(loaded.model(image), whole(image)) == 0


@pytest.mark.parametrize("coarse", ["flex-small", "surround-monodepth2"])
def test_the_coarse_model_is_told_by_its_tensors(coarse):
    with torch.device("meta"):
        from edgedepth.models.patchrefiner.coarse import build_coarse

        state = {f"coarse_branch.{key}": value for key, value in build_coarse(coarse).state_dict().items()}
    tensors, overrides = published.renamed(state, None)
    assert overrides == {"coarse": coarse}
    assert tensors == state


def test_of_zoedepth_and_a_refiner_the_refiner_is_loaded(tmp_path):
    refiner = network("prv2-m", **SMALL)
    state = dict(refiner.state_dict()) | {"coarse_branch.core.core.pretrained.model.cls_token": torch.zeros(1, 1, 4)}
    for name, entries in (("both", state), ("refiner", refiner.state_dict())):
        loaded = checkpoint.load(published_file(tmp_path / f"{name}.pth", entries))
        assert isinstance(loaded.model, Refiner)
        assert loaded.card.config.coarse is None
        for key, value in loaded.model.state_dict().items():
            assert torch.equal(value, refiner.state_dict()[key])


def test_a_coarse_branch_that_is_no_registered_model_is_refused(whole, tmp_path):
    state = dict(whole.state_dict())
    del state["coarse_branch.network.encoder.0.conv.weight"]
    with pytest.raises(CheckpointError, match=r"prv2-m") as caught:
        checkpoint.load(published_file(tmp_path / "a.pth", state))
    assert "coarse_branch" in caught.value.evidence


def test_a_file_without_tensors_is_refused(tmp_path):
    torch.save({"epoch": 3, "optimizer": {}}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="holds no tensors") as caught:
        checkpoint.load(tmp_path / "a.pth")
    assert "epoch, optimizer" in caught.value.evidence
