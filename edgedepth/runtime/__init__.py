"""Run an artifact: pictures, folders and video to depth, driven by its contracts alone."""

from edgedepth.runtime.decode import DepthMap, Meaning
from edgedepth.runtime.job import Summary, run_source
from edgedepth.runtime.predictor import DepthPredictor, open_predictor
from edgedepth.runtime.session import Session
from edgedepth.runtime.sinks import Wanted, open_sink
from edgedepth.runtime.sources import open_source

__all__ = [
    "DepthMap",
    "DepthPredictor",
    "Meaning",
    "Session",
    "Summary",
    "Wanted",
    "open_predictor",
    "open_sink",
    "open_source",
    "run_source",
]
