"""Whether a pinhole camera's intrinsics can belong to a picture."""

from __future__ import annotations

from collections.abc import Iterator

# From a fisheye's centre to a long telephoto lens, as a share of the picture's width.
SHORTEST_FOCAL, LONGEST_FOCAL = 0.2, 5.0


def faults(fx: float, fy: float, cx: float, cy: float, size: tuple[int, int]) -> Iterator[str]:
    """What no camera has; mostly intrinsics of another size of the same pictures.

    Args:
        fx, fy: focal lengths in pixels.
        cx, cy: the principal point in pixels; the first pixel's centre is (0, 0).
        size: (height, width) of the picture.

    Yields:
        the continuation of "The picture is ...: ".
    """
    height, width = size
    if not (0 <= cx <= width - 1 and 0 <= cy <= height - 1):
        yield f"the principal point ({cx:.1f}, {cy:.1f}) lies outside"
    if not all(SHORTEST_FOCAL * width <= focal <= LONGEST_FOCAL * width for focal in (fx, fy)):
        least, most = SHORTEST_FOCAL, LONGEST_FOCAL
        yield f"focal lengths of {fx:.1f} and {fy:.1f} pixels are not between {least:g} and {most:g} times the width"
