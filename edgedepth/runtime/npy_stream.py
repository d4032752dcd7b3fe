"""Many equal maps as one .npy, without holding them all in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from edgedepth.runtime.writing import whole_file


class NpyStream:
    """Appends (H, W) float32 maps to a file that becomes (N, H, W).

    NumPy leaves room in the header for the first size to grow, so the true count can be put there at the end.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._count = 0
        self._shape: tuple[int, ...] = ()
        self._body = 0

    def append(self, values: NDArray[np.float32]) -> None:
        """Add one map; all must be of one shape."""
        if not self._count:
            self._shape = values.shape
            self._write_header()
            self._body = self._file.tell()
        self._file.write(np.ascontiguousarray(values, dtype="<f4").tobytes())
        self._count += 1

    def finish(self) -> None:
        """Put the count into the header."""
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._body:
            raise RuntimeError("this NumPy's .npy header leaves no room for the number of frames")

    def _write_header(self) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._count, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)


@contextmanager
def npy_stream(target: Path) -> Iterator[NpyStream]:
    """An `NpyStream` whose file appears when the block ends well.

    Raises:
        OutputError: as `whole_file`.
    """
    with whole_file(target) as passing, passing.open("wb") as file:
        stream = NpyStream(file)
        yield stream
        stream.finish()
