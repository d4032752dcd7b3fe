"""Fixtures that several rooms share."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Maps in the tests are small: one thread is the fastest, and parallel workers stay out of each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from device.tiers import pytest_terminal_summary  # noqa: F401 - with several workers only this file is loaded by all

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Goldens:
    """The golden vectors beside the repository: what the published networks compute."""

    folder: Path
    generator: Any

    def facts(self, name: str) -> dict[str, Any]:
        """The JSON of that vector."""
        found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return found

    def arrays(self, name: str) -> dict[str, np.ndarray[Any, Any]]:
        """Its arrays."""
        with np.load(self.folder / f"{name}.npz") as stored:
            return dict(stored)

    def fill(self, model: Any, gain: float = 1.3) -> Any:
        """Give a network the golden weights, in place."""
        state = self.generator.fill(model.state_dict(), keep=("init_pos",), gain=gain)
        model.load_state_dict(state)
        return model.eval()


@pytest.fixture(scope="session")
def goldens() -> Goldens:
    """Golden vectors; without them the test is skipped."""
    folder = REPOSITORY.parent / "shared" / "golden"
    if not (folder / "weights.py").is_file():
        pytest.skip("the golden vectors do not lie beside this checkout")
    spec = importlib.util.spec_from_file_location("golden_weights", folder / "weights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Goldens(folder, module)


@pytest.fixture(scope="session")
def shared_tmp(tmp_path_factory):
    """One folder for the whole run, whichever worker asks."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "shared"
    root.mkdir(exist_ok=True)
    return root


@pytest.fixture(scope="session")
def once(shared_tmp):
    """``once(name, make)``: the path that ``make(path)`` fills, made by the first worker that asks for it."""

    def get(name: str, make: Callable[[Path], object]) -> Path:
        path = shared_tmp / name
        with (shared_tmp / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                make(path)
        return path

    return get
