"""The operator tables that the classic ``benchmark_model`` prints when it profiles, as text or comma separated.

Columns are found by their header: builds differ in which they have. Numbers never lie between kind and name, so a
row is read around its block of numbers; kinds and names may then hold blanks and commas.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgedepth.bench.device.tools.text import MalformedError, lines_of, number
from edgedepth.bench.profile import OperatorTime, Profile
from edgedepth.errors import InputError

_RUNS = re.compile(r"Operator-wise Profiling Info for Regular Benchmark Runs:")
_TITLE = re.compile(r"=* ?(?P<title>Run Order|Top by Computation Time|Summary by node type) ?=*")
_INTERNAL = "Delegate internal"
_TEXT_GAP = re.compile(r"[ \t]{2,}|\t")
_COMMA = re.compile(r", *")


def read_operators(output: str, file: str) -> Profile:
    """The operators of one run, in order.

    An operator that is called several times in a run counts with all its calls. Where the whole graph is one
    delegate's and the delegate tells its own operators, those are given.

    Args:
        output: of the program, or the file that it wrote.
        file: name of the model.

    Raises:
        InputError: there is no such table, or it is damaged or cut off.
    """
    try:
        graph, internal = _tables([line.text for line in lines_of(output)])
        rows = internal if internal and len(graph) == 1 else graph
    except MalformedError as error:
        raise InputError(
            "The profile cannot be read.",
            str(error),
            "Profile again; a table that is cut off means that the program did not end.",
        ) from error
    operators = [OperatorTime(index, kind, name, ms) for index, (kind, name, ms) in enumerate(rows)]
    return Profile(file, "benchmark_model", "profiler", sum(operator.ms for operator in operators), operators)


_Row = tuple[str, str, float]


def _tables(lines: Sequence[str]) -> tuple[list[_Row], list[_Row]]:
    """Rows of the graph's own table and of its delegate's."""
    sections = [index for index, line in enumerate(lines) if _RUNS.fullmatch(line)]
    if not sections:
        raise MalformedError("There is no profile of the regular runs", lines[-1] if lines else "nothing was said")
    found: dict[bool, list[_Row]] = {}
    inside = False
    for index in range(sections[-1] + 1, len(lines)):
        line = lines[index]
        inside |= line.startswith(_INTERNAL)
        title = _TITLE.fullmatch(line)
        if title is not None and title["title"] == "Run Order" and inside not in found:
            found[inside] = _rows(lines, index + 1)
    if False not in found:
        raise MalformedError("There is no table in run order", lines[-1])
    return found[False], found.get(True, [])


def _rows(lines: Sequence[str], start: int) -> list[_Row]:
    if start >= len(lines):
        raise MalformedError("The table is cut off", lines[-1])
    gap = _COMMA if "[" not in lines[start] else _TEXT_GAP
    columns = [_plain(cell) for cell in gap.split(lines[start])]
    if columns[:1] != ["node type"] or "avg ms" not in columns:
        raise MalformedError("The table's columns are not known", lines[start])
    rows: list[_Row] = []
    for line in lines[start + 1 :]:
        if _TITLE.fullmatch(line) or line.startswith("Number of nodes executed"):
            if not rows:
                raise MalformedError("The table is empty", line)
            return rows
        rows.append(_row(gap.split(line), columns, line))
    raise MalformedError("The table is cut off", lines[-1])


def _row(cells: list[str], columns: Sequence[str], line: str) -> _Row:
    named = columns[-1] == "name"
    width = len(columns) - 1 - named
    fits = [
        at
        for at in range(1, len(cells) - width + 1)
        if all(_is_number(cell) for cell in cells[at : at + width]) and (at + width < len(cells)) == named
    ]
    if len(fits) != 1 or not any(cells[: fits[0]]):
        raise MalformedError("This row does not have the table's columns", line)
    told = dict(zip(columns[1:], cells[fits[0] : fits[0] + width], strict=False))
    calls = number(told["times called"], line) if "times called" in told else 1.0
    # Older builds do not count the calls and print 0.
    ms = number(told["avg ms"], line) * max(calls, 1.0)
    return ", ".join(cells[: fits[0]]), ", ".join(cells[fits[0] + width :]), ms


def _is_number(cell: str) -> bool:
    try:
        number(cell.removesuffix("%"), cell)
    except MalformedError:
        return False
    return True


def _plain(header: str) -> str:
    return header.strip("[] ").lower().replace("_", " ")
