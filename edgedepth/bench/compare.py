"""Two result files held against each other: which configurations became slower, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from edgedepth.bench.schema import Record, configuration
from edgedepth.bench.statistics import Ratio, chance_of_no_slowdown, enough_resamples

SIGNIFICANCE = 0.01
"""Chance of calling anything a regression where nothing became slower than allowed, over all pairs together."""

Verdict = Literal["regression", "within", "faster", "undecided"]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration before and after.

    Attributes:
        ratio: of the medians, after over before, with its 95 % interval; the interval is the value itself where a
            side has no raw samples.
        chance: that of samples like these if it did not become slower than allowed, corrected for the number of
            pairs (Holm); None where a side has no raw samples.
        note: why it is undecided; empty otherwise.
    """

    label: str
    configuration: str
    before_ms: float
    after_ms: float
    ratio: Ratio
    chance: float | None
    verdict: Verdict
    note: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What two files have in common.

    Attributes:
        threshold: share by which a configuration may become slower.
        only_before, only_after: configurations that the other file does not have.
        invalid: configurations that both have, with why they cannot be compared.
    """

    threshold: float
    pairs: tuple[Pair, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    invalid: tuple[str, ...]

    @property
    def regressions(self) -> tuple[Pair, ...]:
        """Those that became slower than allowed."""
        return tuple(pair for pair in self.pairs if pair.verdict == "regression")


def compare(before: Sequence[Record], after: Sequence[Record], threshold: float = 0.05) -> Comparison:
    """Match configurations of one model on one kind of device and test each for a slowdown.

    Records match when model, precision, format, size, batch, device and configuration are equal: the file's content
    may differ, that is what is compared. A pair is a regression when its median is slower by more than `threshold`
    and a one-sided rank test at `threshold` rejects that it is not, Holm's correction for all pairs included (S. Holm,
    A simple sequentially rejective multiple test procedure, 1979).

    Args:
        before, after: records; the last of each configuration counts.
        threshold: such as 0.05.
    """
    old, new = ({identity(record): record for record in records} for records in (before, after))
    shared = [name for name in old if name in new]
    invalid = [
        f"{_title(old[name])}: {side} is invalid ({'; '.join(record.invalid_reasons)})"
        for name in shared
        for side, record in (("before", old[name]), ("after", new[name]))
        if not record.valid
    ]
    sound = [(old[name], new[name]) for name in shared if old[name].valid and new[name].valid]
    chances = _holm([_chance(a, b, threshold) for a, b in sound])
    return Comparison(
        threshold=threshold,
        pairs=tuple(_pair(a, b, chance, threshold) for (a, b), chance in zip(sound, chances, strict=True)),
        only_before=tuple(_title(old[name]) for name in old if name not in new),
        only_after=tuple(_title(new[name]) for name in new if name not in old),
        invalid=tuple(invalid),
    )


def identity(record: Record) -> tuple[object, ...]:
    """Equal for results that are about the same thing, even if the file itself changed."""
    s, d = record.subject, record.device
    return (
        s.model or s.label,
        s.precision,
        s.format,
        s.size,
        s.batch,
        d.place,
        d.name,
        d.soc,
        configuration(record.runtime),
        record.conditions.fixed_performance,
    )


def _pair(before: Record, after: Record, chance: float | None, threshold: float) -> Pair:
    old, new = _centre(before), _centre(after)
    ratio = _ratio(before, after)
    note = ""
    verdict: Verdict = "within"
    if chance is None:
        if abs(ratio.value - 1) > threshold:
            verdict, note = "undecided", "there are no raw samples to test; measure with a tool that keeps them"
    elif ratio.value > 1 + threshold:
        verdict = "regression" if chance < SIGNIFICANCE else "undecided"
        note = "" if verdict == "regression" else "slower, but the samples do not prove it; measure longer"
    elif ratio.high < 1 - threshold:
        verdict = "faster"
    return Pair(
        label=before.subject.label,
        configuration=before.configuration,
        before_ms=old,
        after_ms=new,
        ratio=ratio,
        chance=chance,
        verdict=verdict,
        note=note,
    )


def _centre(record: Record) -> float:
    centre = None if record.latency is None else record.latency.centre
    if not centre:
        raise ValueError("a valid record has a time")
    return centre


def _samples(record: Record) -> list[float]:
    return [] if record.latency is None else record.latency.samples_ms


def _chance(before: Record, after: Record, threshold: float) -> float | None:
    if not (_samples(before) and _samples(after)):
        return None
    return chance_of_no_slowdown(_samples(before), _samples(after), threshold)


def _holm(chances: Sequence[float | None]) -> list[float | None]:
    known = sorted((chance, index) for index, chance in enumerate(chances) if chance is not None)
    corrected = list(chances)
    worst = 0.0
    for rank, (chance, index) in enumerate(known):
        worst = max(worst, min(1.0, (len(known) - rank) * chance))
        corrected[index] = worst
    return corrected


def _ratio(before: Record, after: Record) -> Ratio:
    value = _centre(after) / _centre(before)
    old, new = np.asarray(_samples(before)), np.asarray(_samples(after))
    if not (len(old) and len(new)):
        return Ratio(value, value, value)
    # The two were measured at different times, so each side is drawn anew by itself.
    rng = np.random.default_rng(0)
    draws = enough_resamples(max(len(old), len(new)))
    medians = [np.median(side[rng.integers(len(side), size=(draws, len(side)))], axis=1) for side in (old, new)]
    low, high = (float(q) for q in np.percentile(medians[1] / medians[0], [2.5, 97.5]))
    return Ratio(value, low, high)


def _title(record: Record) -> str:
    return f"{record.subject.label}, {record.configuration}"
