"""The rig that an artifact is exported for: checked before the export, stored in its folder."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from edgedepth.artifact.folder import sha256
from edgedepth.artifact.rig import Rig, RigMask
from edgedepth.artifact.rig_file import CameraOnDisk, mask_png, read_rig
from edgedepth.errors import UsageError
from edgedepth.models import ModelCard

FOLDER = "rig"


def require_batch(path: Path, batch: int) -> None:
    """Refuse a batch that is neither one camera nor all of the rig.

    Raises:
        UsageError: another number of pictures per call; or the file is no rig.
    """
    count = len(read_rig(path))
    if batch not in (1, count):
        raise UsageError(
            f"A batch of {batch} does not fit the rig.",
            f"{path} has {count} cameras.",
            f"Use --batch {count} for all at once, or --batch 1 for one after the other.",
        )


def require_metric(model: ModelCard) -> None:
    """Refuse a model whose depth is not in metres: pictures of unknown scales cannot be fused.

    Raises:
        UsageError: naming the model.
    """
    if not model.output.metric:
        raise UsageError(
            f"{model.name} cannot serve a rig.",
            "Its depth is up to one unknown scale per picture.",
            "Use a metric model, such as surround-monodepth2, or drop --rig.",
        )


def store(path: Path, folder: Path) -> Rig:
    """Write the masks of a ``rig.toml`` below ``folder/rig``; the rig as the manifest states it."""
    return Rig(tuple(replace(one.camera, mask=_store_mask(one, folder)) for one in read_rig(path)))


def _store_mask(one: CameraOnDisk, folder: Path) -> RigMask | None:
    if one.seen is None:
        return None
    name = f"{FOLDER}/{one.camera.name}.png"
    (folder / FOLDER).mkdir(exist_ok=True)
    mask_png(one.seen).save(folder / name)
    return RigMask(name, sha256(folder / name))
