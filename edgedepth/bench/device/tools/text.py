"""A program's output as lines without what terminals, loggers and adb put around them, and the numbers in them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

LONGEST = 4096
"""Characters of a line that are looked at; no line that is understood is nearly as long."""

CUT = " [...]"
"""Behind a line that was cut or holds control characters: nothing in it may pass for a whole number."""

TAIL_LINES = 20
TAIL_WIDTH = 300

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_PREFIXES = re.compile(
    r"(?:[0-9-]{5,10} [0-9:.]{8,18} +[0-9]{1,8} +[0-9]{1,8} (?P<threadtime>[VDIWEF]) [^:]{1,64}: "  # logcat
    r"|(?P<brief>[VDIWEF])/[^(:]{1,64}\( *[0-9]{1,8}\): "  # logcat -v brief
    r"|(?P<word>VERBOSE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL): ?"
    r"|\[[^\]\s]{1,200}:[0-9]{1,6}\] ?)"  # source file and line
)
_ERRORS = ("E", "F", "ERROR", "FATAL")


class MalformedError(Exception):
    """A line that is there but cannot be read without doubt; its text says what and why."""

    def __init__(self, why: str, line: str) -> None:
        super().__init__(f"{why}: {shortened(line)}")


@dataclass(frozen=True)
class Line:
    """One message.

    Attributes:
        text: without prefixes and surrounding blanks.
        error: whether the program logged it as an error.
    """

    text: str
    error: bool


def lines_of(output: str) -> list[Line]:
    """All lines that say something, in order. One without a line end at the end of the output was cut."""
    *whole, rest = output.split("\n")
    return [line for raw in (*whole, rest and rest + CUT) if (line := _line(raw)).text]


def _line(raw: str) -> Line:
    text = raw[:LONGEST].strip(" \t\r")
    if len(raw) > LONGEST or not text.replace("\t", " ").isprintable():
        text += CUT
    error = False
    for _ in range(4):
        found = _PREFIXES.match(text)
        if found is None:
            break
        error |= any(found[group] in _ERRORS for group in ("threadtime", "brief", "word") if found[group])
        text = text[found.end() :].strip(" \t\r")
    return Line(text, error)


def number(text: str, line: str) -> float:
    """A finite number that is not negative, written with a decimal point and nothing else.

    Raises:
        MalformedError: anything else: thousands separators, a decimal comma, nan, inf, a sign, a unit, nothing.
    """
    if _NUMBER.fullmatch(text) is None:
        raise MalformedError(f"{shortened(text, 40)!r} is not a number", line)
    value = float(text)
    if not math.isfinite(value):
        raise MalformedError(f"{shortened(text, 40)} cannot be a time, a size or a count", line)
    return value


def whole_number(text: str, line: str) -> int:
    """A count.

    Raises:
        MalformedError: not one, or more than 999 999 999.
    """
    if re.fullmatch(r"[0-9]{1,9}", text) is None:
        raise MalformedError(f"{shortened(text, 40)!r} is not a count", line)
    return int(text)


def shortened(text: str, width: int = 160) -> str:
    """On one line, at most about `width` characters, printable."""
    line = "".join(c if c.isprintable() else " " for c in text[: 4 * width]).strip()
    return line if len(line) <= width else line[:width] + " ..."


def tail(stdout: str, stderr: str) -> str:
    """The last lines of both streams, as a result keeps them."""
    parts = []
    for stream in (stdout, stderr):
        kept = [shortened(line, TAIL_WIDTH) for line in stream[-TAIL_LINES * LONGEST :].split("\n") if line.strip()]
        parts += kept[-TAIL_LINES:]
    return "\n".join(parts)
