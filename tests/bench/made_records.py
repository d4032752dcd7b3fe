"""Results made up for tests: a valid one, to be changed at will."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from edgedepth.bench.schema import SCHEMA_VERSION, Device, Plan, Record, Runtime, Subject
from edgedepth.bench.statistics import latency_of
from edgedepth.bench.validity import judged


def samples(median: float = 10.0, count: int = 60, spread: float = 0.02, seed: int = 0) -> list[float]:
    """Milliseconds around a median, as a quiet machine gives them."""
    return (median * np.random.default_rng(seed).lognormal(0, spread, count)).tolist()


def record(times: list[float] | None = None, *, label: str = "net", threads: int = 1, **changed: Any) -> Record:
    """A judged result of `times`."""
    times = samples() if times is None else times
    fields: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "edgedepth": "0.0.1",
        "matrix": "m",
        "started": "2026-01-02T03:04:05Z",
        "subject": Subject(
            label=label,
            sha256=hashlib.sha256(label.encode()).hexdigest(),
            bytes=10,
            format="tflite",
            precision="fp32",
            model=label,
        ),
        "device": Device(place="host", id="d", name="A processor"),
        "runtime": Runtime(name="litert", version="2", accelerator="cpu", threads=threads),
        "plan": Plan(runs=10, seconds=0.0),
        "latency": latency_of(times),
    }
    return judged(Record(**{**fields, **changed}))
