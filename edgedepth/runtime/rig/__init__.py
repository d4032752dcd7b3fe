"""Run an artifact on all cameras of a vehicle: metric depth, one cloud, one picture from above, one report."""

from edgedepth.runtime.rig.job import RigWanted, run_rig
from edgedepth.runtime.rig.matching import match
from edgedepth.runtime.rig.report import RigReport

__all__ = ["RigReport", "RigWanted", "match", "run_rig"]
