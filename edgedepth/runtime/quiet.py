"""Native libraries that announce themselves on stderr, made quiet without losing what matters."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_info_lines() -> Iterator[None]:
    """Hold back what the block writes to file descriptor 2; afterwards pass on all but ``INFO:`` lines.

    Native code writes there directly, so Python's `sys.stderr` cannot be used for this. Keep the block short
    and single-threaded: the descriptor belongs to the whole process.
    """
    if sys.stderr is None:  # started with stderr closed: there is nothing to keep quiet
        yield
        return
    sys.stderr.flush()
    real = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            os.close(real)
            held.seek(0)
            for line in held:
                if not line.startswith(b"INFO:"):
                    os.write(2, line)
