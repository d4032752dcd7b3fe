"""What stands and drives in a street, built by chance from convex parts; each function returns the parts."""

from edgedepth.scenes.things.buildings import garden_wall, house, town_house
from edgedepth.scenes.things.furniture import bin_or_box, lamp_post, mast, person, traffic_sign
from edgedepth.scenes.things.plants import bush, conifer, hill, tree
from edgedepth.scenes.things.vehicles import car, lorry

__all__ = [
    "bin_or_box",
    "bush",
    "car",
    "conifer",
    "garden_wall",
    "hill",
    "house",
    "lamp_post",
    "lorry",
    "mast",
    "person",
    "town_house",
    "traffic_sign",
    "tree",
]
