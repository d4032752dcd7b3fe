"""HR-Depth's decoder: a nested U of merges between neighbouring resolutions (Lyu et al., AAAI 2021)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from edgedepth.models.shared.channel_gate import GatedMerge
from edgedepth.models.shared.conv import ReflectConv3x3
from edgedepth.models.shared.upconv_decoder import EluConv3x3

NODES = tuple((row, column) for column in range(1, 5) for row in range(5 - column))
"""(row, column) of the merges in the order in which they run: row is the level that a merge writes."""
GATED = ((3, 1), (2, 2), (1, 3), (0, 4))
"""The outermost merge of every level: channels are gated there."""
HEADS = 4


class Pointwise(nn.Module):
    """A 1x1 convolution without bias; (B, c_in, H, W) -> (B, c_out, H, W)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix the channels."""
        out: torch.Tensor = self.conv(x)
        return out


class NestedDecoder(nn.ModuleDict):
    """From five encoder taps to four sigmoid maps.

    Node X_ij joins X_{i+1,j-1}, halved in channels and upsampled x2 (nearest), with X_i0 to X_{i,j-1}. State-dict
    keys and their order are the published ones below ``convs.``; the first convolutions of X_00 to X_03 are among
    them, though nothing reads them.

    Args:
        skips: channels of the taps X_00 to X_40, at strides 2 to 32.
        head: the heads' name, before their scale 0 to 3.
        gates: by tap 1 to 4, what a family does to it first; here, as ``f<tap>``, because their keys are.
    """

    def __init__(self, skips: Sequence[int], head: str, gates: Mapping[int, nn.Module] | None = None) -> None:
        gates = gates or {}
        super().__init__({f"f{tap}": gate for tap, gate in gates.items()})
        self.gated = tuple(sorted(gates))
        self.skips, self.head_name = tuple(skips), head
        for row, channels in enumerate(skips):
            self[f"X_{row}0_Conv_0"] = EluConv3x3(channels, channels // 2)
        for row, column in NODES:
            self[f"X_{row}{column}_Conv_0"] = EluConv3x3(self._width(row, column), self._width(row, column) // 2)
        finest = self._width(0, 4) // 2
        self["X_04_Conv_1"] = EluConv3x3(finest, finest)
        for row, column in GATED:
            self[f"X_{row}{column}_attention"] = GatedMerge(self._joined(row, column), self._width(row, column))
        for row, column in NODES:
            if (row, column) not in GATED:
                self._add_merge(row, column)
        for scale, channels in enumerate((finest, *(self._width(row, 4 - row) for row in range(HEADS - 1)))):
            self[f"{head}{scale}"] = ReflectConv3x3(channels, 1)

    def _width(self, row: int, column: int) -> int:
        """Channels of a node's map."""
        return self.skips[row] if column == 0 else self.skips[row + 1] // 2

    def _joined(self, row: int, column: int) -> int:
        """Channels that a node concatenates."""
        above = self._width(row + 1, column - 1) // 2
        return above + sum(self._width(row, k) for k in range(column))

    def _add_merge(self, row: int, column: int) -> None:
        c_in, c_out = self._joined(row, column), self._width(row, column)
        if column > 1:
            self[f"X_{row}{column}_downsample"] = Pointwise(c_in, 2 * c_out)
            c_in = 2 * c_out
        self[f"X_{row + 1}{column - 1}_Conv_1"] = EluConv3x3(c_in, c_out)

    def _merge(self, row: int, column: int, joined: torch.Tensor) -> torch.Tensor:
        merge = self[f"X_{row}{column}_attention" if (row, column) in GATED else f"X_{row + 1}{column - 1}_Conv_1"]
        if column > 1 and (row, column) not in GATED:
            joined = self[f"X_{row}{column}_downsample"](joined)
        out: torch.Tensor = merge(joined)
        return out

    def features(self, taps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The last node of every level, (B, C, H, W) at strides 1, 2, 4, 8 and 16; the heads read the first four."""
        nodes = {(row, 0): tap for row, tap in enumerate(taps)}
        for row in self.gated:
            nodes[row, 0] = self[f"f{row}"](taps[row])
        for row, column in NODES:
            source = row + 1, column - 1
            above = _twice(self["X_{}{}_Conv_0".format(*source)](nodes[source]))
            joined = torch.cat([above, *(nodes[row, k] for k in range(column))], 1)
            nodes[row, column] = self._merge(row, column, joined)
        finest = self["X_04_Conv_1"](_twice(self["X_04_Conv_0"](nodes[0, 4])))
        return [finest, *(nodes[row, 4 - row] for row in range(HEADS))]

    def head(self, feature: torch.Tensor, scale: int) -> torch.Tensor:
        """The sigmoid map of scale 0 to 3 from that scale's feature; (B, 1, H/2^scale, W/2^scale)."""
        return torch.sigmoid(self[f"{self.head_name}{scale}"](feature))


class NestedDepth(nn.Module):
    """What a network with this decoder does behind its encoder; a base beside the encoder's, if that is one.

    Attributes:
        convs: the decoder, under its published name.
    """

    convs: NestedDecoder

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The five encoder taps, at strides 2, 4, 8, 16 and 32."""
        raise NotImplementedError

    def decode(self, taps: list[torch.Tensor]) -> list[torch.Tensor]:
        """What the heads read, at full, half, quarter and eighth resolution."""
        return self.pyramid(taps)[:HEADS]

    def pyramid(self, taps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Decoder features at strides 1, 2, 4, 8 and 16, with 16, 32, 64, 128 and 256 channels."""
        return self.convs.features(taps)

    def head(self, feature: torch.Tensor, scale: int) -> torch.Tensor:
        """Disparity of scale 0 to 3 from the decoder feature at stride 2^scale."""
        return self.convs.head(feature, scale)

    def heads(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Disparity at full, half, quarter and eighth resolution, of the decoder's features."""
        return [self.convs.head(features[scale], scale) for scale in range(HEADS)]

    def disparities(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Disparity at full, half, quarter and eighth resolution, as training reads them."""
        return self.heads(self.decode(self.features(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Full-resolution disparity; the coarser heads are not computed."""
        return self.convs.head(self.decode(self.features(x))[0], 0)


def _twice(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def without_twins(tensors: Mapping[str, torch.Tensor], names: Sequence[str]) -> dict[str, torch.Tensor]:
    """Leave out the second name that a release gives every module of this decoder.

    ``decoder.<i>.`` and ``convs.<names[i]>.`` are one module there. An entry whose twin holds other values is kept,
    so that it is noticed.

    Args:
        tensors: of a checkpoint.
        names: of the modules, in order.
    """

    def twin(key: str) -> torch.Tensor | None:
        match = re.fullmatch(r"decoder\.(\d+)\.(.+)", key)
        if match is None or int(match[1]) >= len(names):
            return None
        return tensors.get(f"convs.{names[int(match[1])]}.{match[2]}")

    def is_twin(key: str, value: torch.Tensor) -> bool:
        other = twin(key)
        return other is not None and torch.equal(other, value)

    return {key: value for key, value in tensors.items() if not is_twin(key, value)}
