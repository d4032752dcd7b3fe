"""Why a benchmark program gave no result, in one line."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

from edgedepth.bench.device.tools.delegation import refused_operators
from edgedepth.bench.device.tools.text import Line, shortened
from edgedepth.bench.schema import Accelerator

CUT_OFF = "the output is cut off"

_NOT_WHOLE = re.compile(
    r"Disallowed CPU fallback detected"
    r"|Hint fully delegated to single delegate is set, but the graph is not fully delegated"
    r"|fallback to CPU EP has been explicitly disabled"
)
_FATAL = re.compile(r"Benchmarking failed\.|Run failed|CANNOT LINK EXECUTABLE|Unconsumed cmdline flags:|Aborted\b")
_UNKNOWN_FLAGS = re.compile(r"Unconsumed cmdline flags: *(?P<flags>.*)")
_CANNOT_START = {
    126: "it may not be executed: is it in a folder that allows that?",
    127: "it or its loader was not found: a build for Linux does not run on Android, nor the other way round",
}


def why_failed(lines: Sequence[Line], code: int, accelerator: Accelerator) -> str | None:
    """The reason, or None where nothing says that it failed.

    A line logged as an error is not one by itself: a GPU delegate logs so what it leaves to the processor.
    """
    for line in lines:
        if (unknown := _UNKNOWN_FLAGS.match(line.text)) is not None:
            # The program ignores what it does not know and would measure something else than was asked.
            return f"this build of the program does not know {shortened(unknown['flags'])}"
    if any(_NOT_WHOLE.search(line.text) for line in lines):
        return _not_whole(lines, accelerator)
    fatal = next((line for line in lines if _FATAL.search(line.text)), None)
    if code == 0 and fatal is None:
        return None
    if code in _CANNOT_START:
        return f"the program did not start (exit code {code}): {_CANNOT_START[code]}"
    what = _ending(code)
    said = next((line for line in lines if line.error and line is not fatal), fatal)
    return what if said is None else f"{what}: {shortened(said.text)}"


def _not_whole(lines: Sequence[Line], accelerator: Accelerator) -> str:
    refused = refused_operators(lines)
    split = next((line.text for line in lines if "will run on the GPU" in line.text), "")
    parts = [f"the {accelerator} does not run the whole graph"]
    if refused:
        parts.append("refused are " + "; ".join(refused))
    if split:
        parts.append(shortened(split))
    return ": ".join(parts[:2]) + (f" ({parts[2]})" if len(parts) == 3 else "")


def _ending(code: int) -> str:
    if code == 0:
        return "the program says that it failed"
    number = -code if code < 0 else code - 128
    if 0 < number < 65 and number in {s.value for s in signal.Signals}:
        hint = ", as when memory runs out" if number == signal.SIGKILL else ""
        return f"the program was ended by {signal.Signals(number).name}{hint}"
    return f"the program failed (exit code {code})"
