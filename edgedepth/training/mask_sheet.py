"""The masked stage's mask on a few frames, as rows of a sheet."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from edgedepth.training.clip_batch import gather
from edgedepth.training.clips import ClipBank
from edgedepth.training.network_set import EARLY, LATE
from edgedepth.training.objectives import Setting, frozen_disparities, static_masks
from edgedepth.training.plots import MaskRow
from edgedepth.training.recipe import Stage

_ROWS = 4


def mask_rows(setting: Setting, stage: Stage, bank: ClipBank, device: torch.device) -> list[MaskRow]:
    """Up to four frames spread over the held-out clips, or over all where none is held out.

    Where there are clips with neighbours in time only those are shown: in pairs alone nothing has moved.

    Args:
        setting: with both frozen networks.
        stage: decides the size.
        bank: holds the clips.
        device: where the networks are.
    """
    found = bank.held_out or tuple(range(len(bank.clips)))
    clips = [index for index in found if bank.clips[index].previous is not None] or found
    chosen = [clips[int(i)] for i in np.linspace(0, len(clips) - 1, min(_ROWS, len(clips)))]
    size = stage.height, stage.width
    batch = gather(bank, chosen, size, setting.recipe.targets.metres_per_unit).to(device)
    images = batch.frames["target"]
    threshold = setting.networks.threshold
    threshold.eval()
    with torch.no_grad():
        masks, mu = static_masks(setting, images)
        early, late = (frozen_disparities(setting, which, images)[1][0] for which in (EARLY, LATE))
    threshold.train()
    return [
        MaskRow(
            bank.clips[index].name,
            _array(images[row].permute(1, 2, 0)),
            _array(early[row, 0]),
            _array(late[row, 0]),
            _array(masks[0][row, 0]),
            float(mu[row]),
            bank.moving.get(bank.clips[index].target),
        )
        for row, index in enumerate(chosen)
    ]


def _array(values: torch.Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = values.float().cpu().numpy()
    return found
