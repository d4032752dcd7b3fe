"""Patches that are done, kept on disk until the whole picture is: what was interrupted goes on where it stopped."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import OutputError
from edgedepth.files import replace_whole
from edgedepth.runtime.writing import npy_bytes

KEY = "picture.sha256"


class DonePatches:
    """Predictions of one picture's patches, by number, in a hidden folder beside the output.

    Args:
        output: the file that is being made.
        identity: everything that the predictions depend on; of another identity nothing is taken over.
        size: (height, width) of every prediction.
    """

    def __init__(self, output: Path, identity: bytes, size: tuple[int, int]) -> None:
        self.folder = output.absolute().with_name(f".{output.name}.refining")
        self._key = hashlib.sha256(identity).hexdigest()
        self._size = size
        self._resumed = (self.folder / KEY).is_file() and (self.folder / KEY).read_text() == self._key

    def read(self, number: int) -> NDArray[np.float32] | None:
        """That patch's prediction, or None where it is not done."""
        path = self._path(number)
        if not self._resumed or not path.is_file():
            return None
        values: NDArray[np.float32] = np.load(path, allow_pickle=False)
        return values if values.shape == self._size else None

    def write(self, number: int, values: NDArray[np.float32]) -> None:
        """Keep a prediction.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            if not self._resumed:
                self.remove()
                self.folder.mkdir(parents=True)
                replace_whole(self.folder / KEY, self._key.encode())
                self._resumed = True
            replace_whole(self._path(number), npy_bytes(values))
        except OSError as error:
            raise OutputError(
                f"{self.folder} cannot be written.",
                error.strerror or str(error),
                "Free some space, or name another output with -o.",
            ) from error

    def remove(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.npy"
