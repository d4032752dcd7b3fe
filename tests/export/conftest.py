"""Real exports at small sizes, each made once per run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pairs
import pytest
from torch import nn

from edgedepth.artifact import Artifact, open_artifact

SIZE = (64, 96)


@dataclass(frozen=True)
class Export:
    """An exported folder and the network that it was made of."""

    artifact: Artifact
    network: nn.Module

    def files(self, file_format: str) -> list[Any]:
        """Its entries of that format."""
        return [e for e in self.artifact.files if e.format == file_format]


@pytest.fixture(scope="session")
def weights(once) -> Callable[..., Path]:
    """``weights(model)``: a checkpoint whose offsets reach beyond a pixel and whose statistics all matter."""
    from support import network

    from edgedepth.models import card, checkpoint

    def get(model: str) -> Path:
        notes = {"licence": "none", "recipe": "random"}
        return once(f"{model}.safetensors", lambda path: checkpoint.save(path, network(model), card(model), {}, notes))

    return get


@pytest.fixture(scope="session")
def exported(once, weights) -> Callable[..., Export]:
    """``exported(name, model, **request)``: an export of these weights, both formats, 64x96 unless said otherwise."""

    def get(name: str, model: str, **request: Any) -> Export:
        from edgedepth.export.pipeline import export
        from edgedepth.export.request import ExportRequest
        from edgedepth.models import checkpoint

        source = request.pop("weights", None) or weights(model)
        request = {"sizes": (SIZE,)} | request
        folder = once(name, lambda path: export(ExportRequest(model=model, weights=source, **request), path))
        return Export(open_artifact(folder), checkpoint.load(source).model)

    return get


@pytest.fixture(scope="session")
def nano(exported) -> Export:
    """flex-nano, both formats, both precisions."""
    made: Export = exported("nano", "flex-nano", precisions=("fp32", "fp16"))
    return made


@pytest.fixture(scope="session")
def pictures(once) -> Path:
    """Three street pictures in a folder, without ground truth: two to calibrate on and one to judge by."""
    from PIL import Image

    from edgedepth.scenes import street_frames

    def make(folder: Path) -> None:
        folder.mkdir()
        for i, frame in enumerate(street_frames(3, 3, 150, 210)):
            Image.fromarray(frame.image).save(folder / f"{i}.png")

    path: Path = once("refiner-pictures", make)
    return path


@pytest.fixture(scope="session")
def pair(exported, pictures) -> Export:
    """prv2-nano, both formats, every precision that a pair has."""
    made: Export = exported(
        "refiner-pair",
        "prv2-nano",
        sizes=(pairs.SIZE,),
        precisions=pairs.PRECISIONS,
        calibration=pictures,
        max_absrel_drop=0.1,
        max_d1_drop=0.1,
    )
    return made


@pytest.fixture(scope="session")
def offsets(once, exported) -> Export:
    """prv2-m with few channels on flex-nano, as ONNX; it corrects by about the coarse depth itself."""
    import torch
    from support import network

    from edgedepth.models import card, checkpoint

    def make(path: Path) -> None:
        model = network("prv2-m", **pairs.TINY_REFINER)
        with torch.no_grad():
            model.refiner_fusion_model.final_conv.weight.mul_(0.1)
        checkpoint.save(path, model, card("prv2-m"), pairs.TINY_REFINER, {"licence": "none"})

    source = once("prv2-m-tiny.safetensors", make)
    made: Export = exported("offset-pair", "prv2-m", weights=source, sizes=(pairs.SIZE,), formats=("onnx",))
    return made
