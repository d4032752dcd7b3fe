"""Large pictures in patches: where they lie, what they weigh, and how their predictions become one map."""

from edgedepth.runtime.tiling.average import Rows, RunningAverage
from edgedepth.runtime.tiling.plan import Grid, Tile, grouped, patches_at_once
from edgedepth.runtime.tiling.sampling import sample_box
from edgedepth.runtime.tiling.stream import average_grid, average_random, cut, to_picture
from edgedepth.runtime.tiling.window import border_window

__all__ = [
    "Grid",
    "Rows",
    "RunningAverage",
    "Tile",
    "average_grid",
    "average_random",
    "border_window",
    "cut",
    "grouped",
    "patches_at_once",
    "sample_box",
    "to_picture",
]
