"""Bringing a prediction that is known up to scale to metres, with ground truth of the same frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import UsageError, nearest

Alignment = Literal["none", "median", "least-squares"]
ALIGNMENTS: Final[tuple[Alignment, ...]] = ("none", "median", "least-squares")
# A least-squares fit may send far pixels to zero or negative disparity; they become the farthest depth.
_SMALLEST_DISPARITY = 1e-6


@dataclass(frozen=True)
class Fit:
    """One frame's alignment, ready for any pixel of the frame.

    Attributes:
        alignment: which kind it is.
        scale: factor on depth; for ``least-squares``, factor on the reciprocal of depth.
        shift: for ``least-squares``, what is added to the scaled reciprocal, 1/m.
    """

    alignment: Alignment
    scale: float = 1.0
    shift: float = 0.0

    def __call__(self, depth: NDArray[np.float64]) -> NDArray[np.float64]:
        """Depths of any shape, up to scale, as metres."""
        if self.alignment == "least-squares":
            aligned: NDArray[np.float64] = 1.0 / np.maximum(self.scale / depth + self.shift, _SMALLEST_DISPARITY)
            return aligned
        return depth * self.scale


def fit(predicted: NDArray[np.float64], truth: NDArray[np.float64], how: Alignment) -> Fit:
    """The alignment of one frame.

    ``none`` fits nothing. ``median`` scales depths so that their median equals the truth's (Zhou et al., "SfMLearner",
    2017). ``least-squares`` minimises ``sum (s / p + t - 1 / g)^2`` over s and t (Ranftl et al., "MiDaS", 2020, eq. 4);
    of a constant prediction only the shift is fitted.

    Args:
        predicted: (N,) depths at the valid pixels, up to scale; for ``median`` positive.
        truth: (N,) metres, positive.
        how: which one.
    """
    if how == "median":
        return Fit("median", scale=float(np.median(truth) / np.median(predicted)))
    if how == "none":
        return Fit("none")
    p, g = 1.0 / predicted, 1.0 / truth
    centred = p - p.mean()
    spread = float(centred @ centred)
    # A constant prediction leaves rounding noise about its mean, which is no spread.
    flat = spread <= p.size * float(np.spacing(np.abs(p).max())) ** 2
    scale = 0.0 if flat else float(centred @ (g - g.mean())) / spread
    return Fit("least-squares", scale=scale, shift=float(g.mean() - scale * p.mean()))


def align(predicted: NDArray[np.float64], truth: NDArray[np.float64], how: Alignment) -> NDArray[np.float64]:
    """Fit one alignment on matched (N,) depths and apply it to them; see `fit`."""
    return fit(predicted, truth, how)(predicted)


def read_alignment(name: str) -> Alignment:
    """The alignment of that name.

    Raises:
        UsageError: unknown; the message lists what is known.
    """
    for known in ALIGNMENTS:
        if name == known:
            return known
    raise UsageError(
        f"There is no alignment named {name!r}.",
        f"Known: {', '.join(ALIGNMENTS)}.",
        nearest(name, ALIGNMENTS).capitalize(),
    )
