"""What several commands read from their options: lists, durations, settings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from edgedepth.errors import UsageError, nearest


def words(text: str, known: Iterable[str], option: str) -> tuple[str, ...]:
    """``a,b`` as words, each once and each known.

    Raises:
        UsageError: one is not known, or there is none.
    """
    legal = list(known)
    found = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    for word in found:
        if word not in legal:
            raise UsageError(
                f"{option} {word} is not known.",
                f"It takes {', '.join(legal)}, several with commas between.",
                nearest(word, legal).capitalize(),
            )
    if not found:
        raise UsageError(f"{option} names nothing.", f"It takes {', '.join(legal)}.", "")
    return found


def counts(text: str, option: str) -> tuple[int, ...]:
    """``1,2,4`` as whole numbers of 1 or more, each once.

    Raises:
        UsageError: not such a list.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(
            f"{option} {text!r} is not a list of counts.", "Each is 1 or more.", f"For example {option} 1,2"
        )
    return tuple(dict.fromkeys(int(part) for part in parts))


def duration(text: str, option: str) -> float:
    """``90``, ``90s`` or ``1.5m`` in seconds.

    Raises:
        UsageError: not a duration of 0 or more.
    """
    number, unit = text.strip(), 1.0
    for suffix, factor in (("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        if number.endswith(suffix):
            number, unit = number.removesuffix(suffix), factor
            break
    try:
        value = unit * float(number)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UsageError(f"{option} {text!r} is not a duration.", "", f"For example {option} 10m, or {option} 90s")
    return value


def settings(pairs: Sequence[str], option: str) -> dict[str, str]:
    """``name=value`` pairs.

    Raises:
        UsageError: one has no name, or a name occurs twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not (sign and name.strip()) or name.strip() in found:
            why = "It is given twice." if name.strip() in found else "It has no name or no value."
            raise UsageError(f"{option} {pair!r} is not a setting.", why, f"For example {option} gpu_backend=cl")
        found[name.strip()] = value
    return found
