"""The process that runs LiteRT's GPU accelerator, apart because native code logs, and may abort.

``python -m edgedepth.preflight.gpu_worker MODEL SEED RESULT`` writes ``{"accepted": ..., "max_abs": ..., "rms": ...,
"output_std": ..., "finite": ...}`` to RESULT; what the accelerator says goes to stderr.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedepth.bench.litert import open_interpreter
from edgedepth.bench.picture import seeded_picture

PARTLY = "not accelerated"


def check(path: Path, seed: int) -> dict[str, Any]:
    """Compile for the GPU alone, run on a seeded picture, read back, compare with the CPU."""
    from ai_edge_litert.compiled_model import CompiledModel  # noqa: PLC0415 - loads the accelerators
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator  # noqa: PLC0415

    try:
        model = CompiledModel.from_file(str(path), hardware_accel=HardwareAccelerator.GPU)
    except RuntimeError as error:
        if PARTLY in str(error):
            return {"accepted": False}
        raise
    if not model.is_fully_accelerated():
        return {"accepted": False}
    signature, names = next(iter(model.get_signature_list().items()))
    details = model.get_input_tensor_details(signature)
    feed = {
        name: seeded_picture(tuple(details[name]["shape"]), details[name]["dtype"], seed + i)
        for i, name in enumerate(names["inputs"])
    }
    expected = _on_cpu(path, signature, feed)
    inputs = {name: model.create_input_buffer_by_name(signature, name) for name in names["inputs"]}
    outputs = {name: model.create_output_buffer_by_name(signature, name) for name in names["outputs"]}
    for name, buffer in inputs.items():
        buffer.write(feed[name])
    model.run_by_name(signature, inputs, outputs)
    got = {name: buffer.read(expected[name].size, expected[name].dtype) for name, buffer in outputs.items()}
    gaps = {name: _gap(got[name], value) for name, value in expected.items()}
    spreads = {name: float(value.astype(np.float64).std()) for name, value in expected.items()}
    return {
        "accepted": True,
        "max_abs": max(float(gap.max()) for gap in gaps.values()),
        # An output that does not vary has no scale of its own; `output_std` tells.
        "rms": max(float(np.sqrt((gap**2).mean())) / (spreads[name] or 1.0) for name, gap in gaps.items()),
        "output_std": max(spreads.values()),
        "finite": bool(all(np.isfinite(np.asarray(value)).all() for value in got.values())),
    }


def _on_cpu(path: Path, signature: str, feed: dict[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
    runner = open_interpreter(path, threads=1).get_signature_runner(signature)
    return {name: np.asarray(value) for name, value in runner(**feed).items()}


def _gap(got: npt.NDArray[np.generic], expected: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    return np.abs(np.asarray(got).reshape(expected.shape).astype(np.float64) - expected.astype(np.float64))


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(check(Path(sys.argv[1]), int(sys.argv[2]))))
