"""Readers of depth datasets, one per file; `open_dataset` finds the one that reads a folder."""

from edgedepth.evaluation.datasets.base import DepthDataset, DepthSample
from edgedepth.evaluation.datasets.registry import READERS, open_dataset

__all__ = ["READERS", "DepthDataset", "DepthSample", "open_dataset"]
