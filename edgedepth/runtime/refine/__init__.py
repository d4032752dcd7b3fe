"""Refining a large picture patch by patch with an exported pair of graphs; nothing here needs PyTorch."""

from edgedepth.runtime.refine.job import Refined, RefineWanted, check_wanted, refine_picture
from edgedepth.runtime.refine.pair import RefinePair, open_pair
from edgedepth.runtime.refine.picture import refined_depth
from edgedepth.runtime.refine.tiles import Tiling, parse_tiling

__all__ = [
    "RefinePair",
    "RefineWanted",
    "Refined",
    "Tiling",
    "check_wanted",
    "open_pair",
    "parse_tiling",
    "refine_picture",
    "refined_depth",
]
