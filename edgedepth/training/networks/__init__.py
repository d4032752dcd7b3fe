"""Networks that training needs beside the depth network, and that are never exported."""

from edgedepth.training.networks.pose import PoseNet
from edgedepth.training.networks.seeding import seeded
from edgedepth.training.networks.threshold import MuPredictor
from edgedepth.training.networks.variance import VarianceNet

__all__ = ["MuPredictor", "PoseNet", "VarianceNet", "seeded"]
