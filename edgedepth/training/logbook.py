"""The run's record, one JSON object a line; a run that was stopped goes on where its saved state was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgedepth.errors import OutputError
from edgedepth.files import replace_whole


class Logbook:
    """The lines of one run.

    Args:
        path: the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, line: dict[str, Any]) -> None:
        """Append one line.

        Raises:
            OutputError: the disk is full or the folder cannot be written.
        """
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise _unwritten(self.path, error) from error

    def lines(self) -> list[dict[str, Any]]:
        """Every whole line; what a kill cut short is left out."""
        if not self.path.is_file():
            return []
        *whole, rest = self.path.read_text(encoding="utf-8").split("\n")
        del rest  # empty, or cut short while it was written
        return [json.loads(text) for text in whole]

    def rewind(self, step: int) -> None:
        """Drop the lines of later steps, which will be done again.

        Raises:
            OutputError: the file cannot be written.
        """
        kept = [json.dumps(line) + "\n" for line in self.lines() if line["step"] <= step]
        try:
            replace_whole(self.path, "".join(kept).encode())
        except OSError as error:
            raise _unwritten(self.path, error) from error


def _unwritten(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path} could not be written.", str(error), "Free some space, then go on with --resume.")
