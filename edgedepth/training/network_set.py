"""The networks of a run: depth, and what self-supervised training needs beside it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgedepth.errors import UsageError
from edgedepth.models import ModelCard, build, cards, checkpoint, shipped_weights
from edgedepth.models.init import initialise
from edgedepth.models.shared.resnet import ResNet18
from edgedepth.training.networks import MuPredictor, PoseNet, VarianceNet
from edgedepth.training.pretrained import load_resnet18
from edgedepth.training.recipe import Recipe
from edgedepth.training.settings import REFINING, SELF_SUPERVISED
from edgedepth.training.state import Average

EARLY, LATE = "early", "late"
_PARTS = {"core": "core", "coarse": "coarse_branch.network"}  # networks within a network, by the field that names them
_FRAMES = 3  # of a sample, that the variance network sees
_MU_LEVEL = 1  # of the decoder, whose features the threshold network reads


class NetworkSet:
    """What is trained, what is frozen, and what is remembered.

    Args:
        recipe: decides which networks there are, and every initial weight.
        base: the depth network's card, its configuration replaced already.
        data: the folder that the recipe's paths are relative to.
        device: where they all live.

    Attributes:
        depth: the network that the run is for, in training mode.
        licence: of the weights that it started from; empty if it starts from the seed or they state none.
        average: the moving average of its weights.
        pose, variance, threshold: None where no stage needs them.
        frozen: depth networks of the first stage, `EARLY` and `LATE`, once there are any.
    """

    def __init__(self, recipe: Recipe, base: ModelCard, data: Path, device: torch.device) -> None:
        self._recipe, self._base, self._data, self._device = recipe, base, data, device
        self.licence = ""
        self.start_depth()
        objectives = {stage.objective for stage in recipe.stages}
        masked = "masked" in objectives
        timed = not objectives.isdisjoint(SELF_SUPERVISED) and any(source.step for source in recipe.sources)
        config: Any = base.config
        self.pose: Any = PoseNet() if timed else None
        self.variance: Any = VarianceNet(_FRAMES) if masked else None
        self.threshold: Any = MuPredictor(config.decoder_width(_MU_LEVEL)) if masked else None
        for number, network in enumerate((self.pose, self.variance, self.threshold), start=1):
            if network is not None:
                initialise(network, recipe.seed + number).to(device).train()
        if self.threshold is not None:
            self.threshold.start_at(recipe.masked.threshold)
        if recipe.photometric.resnet18:
            for encoder in self._resnets():
                load_resnet18(encoder, data / recipe.photometric.resnet18)
        self.frozen: dict[str, Any] = {}

    def _resnets(self) -> list[ResNet18]:
        return [network.encoder for network in (self.pose, self.variance) if network is not None]

    def start_depth(self) -> None:
        """The depth network as the run starts with it: from the recipe's checkpoint, or from its seed."""
        if self._recipe.initial:
            model = self._pretrained()
        else:
            model = initialise(build(self._base), self._recipe.seed)
        # Channels last is what CPU convolutions run fastest on; it changes no result beyond rounding.
        self.depth: Any = model.train().to(self._device).to(memory_format=torch.channels_last)
        self.average = Average(self.depth)

    def _pretrained(self) -> Any:
        path = self._data / self._recipe.initial
        if self._recipe.initial in cards():
            path = shipped_weights(cards()[self._recipe.initial]) or path
        loaded = checkpoint.load(path)
        self.licence = loaded.notes.get("licence", "")
        role = next((role for role in _PARTS if hasattr(self._base.config, role)), "")
        inner: str | None = getattr(self._base.config, role, None)
        if loaded.card.name not in {self._base.name, inner}:
            raise UsageError(
                f"The recipe trains {self._base.name} but starts from another model.",
                f"{path} holds {loaded.card.name}.",
                f"Name a checkpoint of {self._base.name}{f' or of its {role} {inner}' if inner else ''}, or none.",
            )
        model: Any = build(self._base)
        if loaded.card.name == inner:
            initialise(model, self._recipe.seed)
        part = model.get_submodule(_PARTS[role]) if loaded.card.name == inner else model
        part.load_state_dict(loaded.model.state_dict())
        return model

    def freeze(self, name: str) -> None:
        """Remember the depth network as it is now, as `EARLY` or `LATE`."""
        network = copy.deepcopy(self.depth)
        self.frozen[name] = network.eval().requires_grad_(requires_grad=False)

    def trained(self, objective: str) -> list[nn.Module]:
        """What a stage of that objective optimises; the pose network is frozen in the masked one.

        The frozen one is put into evaluation mode, the others into training mode.
        """
        if objective in REFINING:
            return self._trained_refining(objective)
        masked = objective == "masked"
        if self.pose is not None:
            self.pose.train(mode=not masked).requires_grad_(requires_grad=not masked)
        beside = {"photometric": (self.pose,), "masked": (self.variance, self.threshold)}
        return [self.depth, *(network for network in beside.get(objective, ()) if network is not None)]

    def _trained_refining(self, objective: str) -> list[nn.Module]:
        network, refiner = self.depth.coarse_branch.network, self.depth.refiner
        # Beside a refiner, few pictures make a batch: the coarse model's statistics stay as they are.
        network_learns = objective == "coarse" or (objective == "refined" and self._recipe.refinement.coarse_rate > 0)
        network.train(mode=objective == "coarse").requires_grad_(requires_grad=network_learns)
        if objective == "coarse":
            return [network]
        return [refiner, network] if network_learns else [refiner]

    def pace(self, objective: str, network: nn.Module) -> float:
        """Of a trained network's learning rate over the recipe's."""
        slower = objective == "refined" and network is self.depth.coarse_branch.network
        return self._recipe.refinement.coarse_rate if slower else 1.0

    def averaged(self) -> Any:
        """A depth network of its own with the averaged weights, in evaluation mode on the CPU."""
        model = build(self._base)
        model.load_state_dict(self.average.values)
        return model.eval()

    def state(self) -> dict[str, Any]:
        """Every weight and statistic, by network."""
        networks = {"depth": self.depth, "pose": self.pose, "variance": self.variance, "threshold": self.threshold}
        return {
            "average": self.average.values,
            **{name: network.state_dict() for name, network in networks.items() if network is not None},
            **{name: network.state_dict() for name, network in self.frozen.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state that the same recipe saved."""
        for name in (EARLY, LATE):
            if name in state:
                self.freeze(name)
                self.frozen[name].load_state_dict(state[name])
        self.depth.load_state_dict(state["depth"])
        for name, tensor in state["average"].items():
            self.average.values[name].copy_(tensor)
        for name, network in (("pose", self.pose), ("variance", self.variance), ("threshold", self.threshold)):
            if network is not None:
                network.load_state_dict(state[name])
