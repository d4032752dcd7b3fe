"""MPViT (Lee et al., CVPR 2022): stages of parallel transformer paths over one map, seen at growing ranges.

All maps are NCHW. Layer norms and linear layers of the transformer act on the channels at every position.
"""

from __future__ import annotations

import torch
from torch import nn

from edgedepth.models.monovit.config import MonoViTConfig

WINDOWS = {3: 2, 5: 3, 7: 3}
"""Heads whose relative position code is a depthwise convolution of that size, in the order of the heads."""
NORM_EPS = 1e-6


class ConvBn(nn.Module):
    """Convolution without bias, batch norm and hard swish, or no activation.

    Shapes: (B, c_in, H, W) -> (B, c_out, ceil(H/stride), ceil(W/stride)).
    """

    def __init__(self, c_in: int, c_out: int, kernel: int = 1, stride: int = 1, *, act: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out)
        self.act: nn.Module = nn.Hardswish() if act else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve, normalize, activate."""
        out: torch.Tensor = self.act(self.bn(self.conv(x)))
        return out


class SeparableConv(nn.Module):
    """Depthwise 3x3 and 1x1 convolution, batch norm, hard swish; (B, C, H, W) -> (B, C, H/stride, W/stride)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
        self.pwconv = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.Hardswish()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve twice, normalize, activate."""
        out: torch.Tensor = self.act(self.bn(self.pwconv(self.dwconv(x))))
        return out


class PatchEmbed(nn.Module):
    """One path's share of the embedding, under its published name."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.patch_conv = SeparableConv(channels, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed."""
        out: torch.Tensor = self.patch_conv(x)
        return out


class PatchEmbedStage(nn.Module):
    """The paths' inputs: each path embeds what the one before it embedded, the first at half resolution."""

    def __init__(self, channels: int, paths: int) -> None:
        super().__init__()
        self.patch_embeds = nn.ModuleList(PatchEmbed(channels, 1 if path else 2) for path in range(paths))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(B, C, H, W) -> one (B, C, H/2, W/2) per path."""
        found = []
        for embed in self.patch_embeds:
            x = embed(x)
            found.append(x)
        return found


class ConvPosEnc(nn.Module):
    """Position code: a depthwise 3x3 convolution added to the map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the code; keeps the shape."""
        out: torch.Tensor = self.proj(x) + x
        return out


class ConvRelPosEnc(nn.Module):
    """Relative position code: depthwise convolutions of the values, wider for later heads."""

    def __init__(self, head_dim: int) -> None:
        super().__init__()
        self.widths = [heads * head_dim for heads in WINDOWS.values()]
        self.conv_list = nn.ModuleList(
            nn.Conv2d(width, width, window, padding=window // 2, groups=width)
            for window, width in zip(WINDOWS, self.widths, strict=True)
        )

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W), channels in the order of the heads; keeps the shape."""
        parts = zip(self.conv_list, torch.split(v, self.widths, 1), strict=True)
        return torch.cat([conv(part) for conv, part in parts], 1)


class FactorizedAttention(nn.Module):
    """Attention whose cost is linear in the positions: ``q (softmax(k)^T v)``, the softmax over positions.

    Shapes: (B, C, H, W) -> (B, C, H, W).
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (channels // heads) ** -0.5
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, tokens: torch.Tensor, size: tuple[int, int], relative: ConvRelPosEnc) -> torch.Tensor:
        """Attend.

        Args:
            tokens: (B, H * W, C).
            size: (H, W).
            relative: the stage's relative position code.
        """
        B, N, C = tokens.shape
        per_head = self.qkv(tokens).view(B, N, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = per_head[0], per_head[1], per_head[2]
        attended = q @ (k.softmax(2).transpose(2, 3) @ v)
        image = v.transpose(2, 3).reshape(B, C, *size)
        code = relative(image).view(B, self.heads, C // self.heads, N).transpose(2, 3)
        mixed = self.scale * attended + q * code
        out: torch.Tensor = self.proj(mixed.transpose(1, 2).reshape(B, N, C))
        return out


class Mlp(nn.Module):
    """Two linear layers with GELU between; (..., C) -> (..., C)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Feed forward."""
        out: torch.Tensor = self.fc2(self.act(self.fc1(x)))
        return out


class TransformerBlock(nn.Module):
    """Position code, attention and feed-forward, the latter two with residuals; (B, C, H, W), shape kept."""

    def __init__(self, channels: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.factoratt_crpe = FactorizedAttention(channels, heads)
        self.mlp = Mlp(channels, mlp_ratio * channels)
        self.norm1 = nn.LayerNorm(channels, NORM_EPS)
        self.norm2 = nn.LayerNorm(channels, NORM_EPS)

    def forward(self, x: torch.Tensor, position: ConvPosEnc, relative: ConvRelPosEnc) -> torch.Tensor:
        """Apply the block with the position codes of its path."""
        H, W = x.shape[2:]
        tokens = position(x).flatten(2).transpose(1, 2)
        tokens = tokens + self.factoratt_crpe(self.norm1(tokens), (H, W), relative)
        tokens = tokens + self.mlp(self.norm2(tokens))
        out: torch.Tensor = tokens.transpose(1, 2).reshape(x.shape)
        return out


class PathEncoder(nn.Module):
    """The transformer blocks of one path, which share their position codes; (B, C, H, W), shape kept."""

    def __init__(self, channels: int, layers: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.cpe = ConvPosEnc(channels)
        self.crpe = ConvRelPosEnc(channels // heads)
        self.MHCA_layers = nn.ModuleList(TransformerBlock(channels, heads, mlp_ratio) for _ in range(layers))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the blocks."""
        for layer in self.MHCA_layers:
            x = layer(x, self.cpe, self.crpe)
        return x


class ResidualConvs(nn.Module):
    """1x1, depthwise 3x3 and 1x1 convolution with a residual: what a stage knows of its neighbourhood alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvBn(channels, channels)
        self.dwconv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.Hardswish()
        self.conv2 = ConvBn(channels, channels, act=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve and add the input; keeps the shape."""
        out: torch.Tensor = x + self.conv2(self.act(self.norm(self.dwconv(self.conv1(x)))))
        return out


class Stage(nn.Module):
    """The paths beside a convolutional branch, merged by a 1x1 convolution."""

    def __init__(self, channels: int, c_out: int, *, layers: int, paths: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.mhca_blks = nn.ModuleList(PathEncoder(channels, layers, heads, mlp_ratio) for _ in range(paths))
        self.InvRes = ResidualConvs(channels)
        self.aggregate = ConvBn((paths + 1) * channels, c_out)

    def forward(self, inputs: list[torch.Tensor]) -> torch.Tensor:
        """One (B, C, H, W) per path -> (B, c_out, H, W)."""
        found = [self.InvRes(inputs[0])]
        found += [path(x) for path, x in zip(self.mhca_blks, inputs, strict=True)]
        out: torch.Tensor = self.aggregate(torch.cat(found, 1))
        return out


class MPViT(nn.Module):
    """The backbone. Input (B, 3, H, W), RGB in 0..1 and not normalized; five taps at strides 2, 4, 8, 16 and 32."""

    def __init__(self, config: MonoViTConfig) -> None:
        super().__init__()
        widths = config.widths
        self.stem = nn.Sequential(ConvBn(3, widths[0] // 2, 3, 2), ConvBn(widths[0] // 2, widths[0], 3))
        self.patch_embed_stages = nn.ModuleList(
            PatchEmbedStage(width, paths) for width, paths in zip(widths, config.paths, strict=True)
        )
        each = zip(widths, (*widths[1:], widths[-1]), config.layers, config.paths, strict=True)
        self.mhca_stages = nn.ModuleList(
            Stage(width, c_out, layers=layers, paths=paths, heads=config.heads, mlp_ratio=config.mlp_ratio)
            for width, c_out, layers, paths in each
        )

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The five taps; their channels are the first width, then the widths of the next stages, the last twice."""
        taps = [self.stem(x)]
        for embed, stage in zip(self.patch_embed_stages, self.mhca_stages, strict=True):
            taps.append(stage(embed(taps[-1])))
        return taps
