"""The line in which LiteRT's programs sum up a series of runs: ``count=50 first=12 curr=.. min=.. max=.. avg=..``.

Microseconds. ``p5``, ``median`` and ``p95`` are in newer builds only. A series whose runs all took the same is told as
``count=3 curr=12`` or ``count=3 curr=12(all same)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from edgedepth.bench.device.tools.text import Line, MalformedError, number, whole_number
from edgedepth.bench.schema import Latency

PRINTED = 5.01e-6
"""Largest relative error of a number printed with six digits, as C++ streams do, and a little."""

_ALL_SAME = "(all same)"
_SPREAD = frozenset({"first", "min", "max", "avg", "std"})


@dataclass(frozen=True)
class Series:
    """Microseconds; None where the line does not tell.

    Attributes:
        line: as it was printed.
    """

    line: str
    count: int
    first: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    p5: float | None = None
    median: float | None = None
    p95: float | None = None

    def latency(self) -> Latency:
        """In milliseconds, as a result holds it."""

        def ms(value: float | None) -> float | None:
            return None if value is None else value / 1e3

        return Latency(
            samples_ms=[],
            count=self.count,
            mean=ms(self.mean),
            std=ms(self.std),
            minimum=ms(self.minimum),
            p5=ms(self.p5),
            median=ms(self.median),
            p95=ms(self.p95),
            maximum=ms(self.maximum),
        )


def is_series(line: Line) -> bool:
    """Whether a line is, or once was, such a line."""
    return line.text.startswith("count=")


def read_series(text: str) -> Series:
    """Read it and check that its numbers can be one series'.

    Raises:
        MalformedError: it cannot be read, or its numbers contradict each other.
    """
    told: dict[str, float] = {}
    for token in text.replace(_ALL_SAME, "", 1).split():
        name, equals, value = token.partition("=")
        if not equals or name in told:
            raise MalformedError("This line is damaged", text)
        told[name] = whole_number(value, text) if name == "count" else number(value, text)
    count = int(told.get("count", 0))
    if count == 0:
        return Series(text, 0)
    if "curr" in told and not told.keys() & _SPREAD:
        told |= dict.fromkeys(("first", "min", "max", "avg", "p5", "median", "p95"), told["curr"]) | {"std": 0.0} | told
    series = Series(
        text,
        count,
        first=told.get("first"),
        minimum=told.get("min"),
        maximum=told.get("max"),
        mean=told.get("avg"),
        std=told.get("std"),
        p5=told.get("p5"),
        median=told.get("median"),
        p95=told.get("p95"),
    )
    _check(series)
    return series


def _check(s: Series) -> None:
    if s.mean is None and s.median is None:
        raise MalformedError("Neither avg nor median", s.line)
    require_order(s.line, s.minimum, s.p5, s.median, s.p95, s.maximum)
    require_order(s.line, s.minimum, s.first, s.maximum)
    if s.minimum is None or s.maximum is None:
        return
    if s.mean is not None:
        # One run took the longest, one the shortest, the others something in between.
        require_order(
            s.line,
            (s.maximum + (s.count - 1) * s.minimum) / s.count,
            s.mean,
            (s.minimum + (s.count - 1) * s.maximum) / s.count,
        )
    require_order(s.line, s.std, s.maximum - s.minimum)


def require_order(line: str, *values: float | None) -> None:
    """Values that are told must not fall, up to the last printed digit.

    Raises:
        MalformedError: they do.
    """
    told = [value for value in values if value is not None]
    if any(low > high * (1 + PRINTED) for low, high in pairwise(told)):
        raise MalformedError("These numbers contradict each other", line)


def require_equal(what: str, line: str, one: float | None, other: float | None, slack: float = 0.0) -> None:
    """Two places that tell the same number, where both do.

    Raises:
        MalformedError: they differ by more than `slack` and printing explains.
    """
    if one is not None and other is not None and abs(one - other) > slack + PRINTED * max(one, other):
        raise MalformedError(f"{what} is {one:g} here and {other:g} elsewhere", line)
