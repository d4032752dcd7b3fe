"""The backbone's blocks, which FlexDepth's decoder reuses (YOLO11: C3k2, SPPF, C2PSA). All tensors are NCHW."""

from __future__ import annotations

import torch
from torch import nn

from edgedepth.models.shared.conv import ConvBnAct


class Bottleneck(nn.Module):
    """Two 3x3 convolutions with a residual; (B, c, H, W) -> (B, c, H, W)."""

    def __init__(self, channels: int, expansion: float) -> None:
        super().__init__()
        hidden = int(channels * expansion)
        self.cv1 = ConvBnAct(channels, hidden, 3)
        self.cv2 = ConvBnAct(hidden, channels, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Residual over both convolutions."""
        out: torch.Tensor = x + self.cv2(self.cv1(x))
        return out


class C3k(nn.Module):
    """Two bottlenecks beside a 1x1 shortcut branch; (B, c, H, W) -> (B, c, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // 2
        self.cv1 = ConvBnAct(channels, hidden)
        self.cv2 = ConvBnAct(channels, hidden)
        self.cv3 = ConvBnAct(2 * hidden, channels)
        self.m = nn.Sequential(Bottleneck(hidden, 1.0), Bottleneck(hidden, 1.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Merge the bottleneck branch with the shortcut branch."""
        out: torch.Tensor = self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], 1))
        return out


class C3k2(nn.Module):
    """Cross-stage block; (B, c_in, H, W) -> (B, c_out, H, W).

    Args:
        c_in, c_out: channels.
        repeats: inner blocks in a row, each of whose outputs joins the final concatenation.
        nested: inner blocks are `C3k` (the paper's HPB in the decoder) instead of `Bottleneck` (HEB).
        expansion: inner width as a fraction of `c_out`.
    """

    def __init__(self, c_in: int, c_out: int, repeats: int, *, nested: bool, expansion: float) -> None:
        super().__init__()
        self.hidden = int(c_out * expansion)
        self.cv1 = ConvBnAct(c_in, 2 * self.hidden)
        self.cv2 = ConvBnAct((2 + repeats) * self.hidden, c_out)
        self.m = nn.ModuleList(C3k(self.hidden) if nested else Bottleneck(self.hidden, 0.5) for _ in range(repeats))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Split, run the inner blocks in a row, and merge every intermediate."""
        first, second = self.cv1(x).chunk(2, 1)
        parts = [first, second]
        for block in self.m:
            parts.append(block(parts[-1]))
        out: torch.Tensor = self.cv2(torch.cat(parts, 1))
        return out


class SPPF(nn.Module):
    """Three chained 5x5 max pools over a halved map, concatenated; keeps shape and channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1 = ConvBnAct(channels, channels // 2)
        self.cv2 = ConvBnAct(2 * channels, channels)
        self.m = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool repeatedly and merge."""
        parts = [self.cv1(x)]
        for _ in range(3):
            parts.append(self.m(parts[-1]))
        out: torch.Tensor = self.cv2(torch.cat(parts, 1))
        return out


class Attention(nn.Module):
    """Multi-head self-attention over all positions, with a depthwise position term; keeps the shape.

    Heads have 64 value channels and 32 key channels; N = H * W positions.
    """

    HEAD_DIM = 64
    KEY_DIM = 32

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // self.HEAD_DIM
        self.scale = self.KEY_DIM**-0.5
        self.qkv = ConvBnAct(channels, channels + 2 * self.KEY_DIM * self.heads, act=False)
        self.proj = ConvBnAct(channels, channels, act=False)
        self.pe = ConvBnAct(channels, channels, 3, groups=channels, act=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend and project."""
        B, C, H, W = x.shape
        qkv = self.qkv(x).view(B, self.heads, 2 * self.KEY_DIM + self.HEAD_DIM, H * W)
        q, k, v = qkv.split([self.KEY_DIM, self.KEY_DIM, self.HEAD_DIM], 2)
        weights = ((q.transpose(-2, -1) @ k) * self.scale).softmax(-1)
        mixed = (v @ weights.transpose(-2, -1)).view(B, C, H, W)
        out: torch.Tensor = self.proj(mixed + self.pe(v.reshape(B, C, H, W)))
        return out


class PSABlock(nn.Module):
    """Attention and a two-layer feed-forward, each with a residual; keeps the shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attn = Attention(channels)
        self.ffn = nn.Sequential(ConvBnAct(channels, 2 * channels), ConvBnAct(2 * channels, channels, act=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Residual attention, then residual feed-forward."""
        x = x + self.attn(x)
        out: torch.Tensor = x + self.ffn(x)
        return out


class C2PSA(nn.Module):
    """Attention on one half of the channels; keeps shape and channels."""

    def __init__(self, channels: int, repeats: int) -> None:
        super().__init__()
        self.cv1 = ConvBnAct(channels, channels)
        self.cv2 = ConvBnAct(channels, channels)
        self.m = nn.Sequential(*(PSABlock(channels // 2) for _ in range(repeats)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Split, attend on the second half, and merge."""
        a, b = self.cv1(x).chunk(2, 1)
        out: torch.Tensor = self.cv2(torch.cat([a, self.m(b)], 1))
        return out
