"""Rigs: headings, and the order in which cameras ring a vehicle."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rig_poses import looking

from edgedepth.artifact.rig import Rig, RigCamera, RigMask, heading, ring_order, ring_pairs
from edgedepth.errors import InputError


def test_looking_is_a_rotation():
    rotation = looking(0.4, 0.2)[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(looking(0.0)[:3, :3], [[0, 0, 1], [-1, 0, 0], [0, -1, 0]], atol=1e-12)


def test_heading_is_zero_forward_and_positive_to_the_left():
    assert heading(looking(0.0)) == pytest.approx(0)
    assert heading(looking(1.2, 0.3)) == pytest.approx(1.2)
    assert heading(looking(-2.0, -0.3)) == pytest.approx(-2.0)


def test_six_cameras_named_as_in_the_field_ring_clockwise_from_the_front():
    azimuths = {"front": 2, "front_left": 52, "front_right": -53, "rear_left": 124, "rear_right": -125, "rear": -179}
    names = list(azimuths)
    order = ring_order([looking(math.radians(a), 0.02) for a in azimuths.values()])
    assert [names[i] for i in order] == ["front", "front_right", "rear_right", "rear", "rear_left", "front_left"]


@given(
    st.lists(st.integers(-1800, 1799), min_size=1, max_size=9, unique=True),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_input_does_not_matter(tenths, random):
    azimuths = [math.radians(t / 10) for t in tenths]
    nearest = sorted(abs(t) for t in tenths)
    assume(len(nearest) < 2 or nearest[0] < nearest[1])
    shuffled = random.sample(azimuths, len(azimuths))
    first = [azimuths[i] for i in ring_order([looking(a) for a in azimuths])]
    second = [shuffled[i] for i in ring_order([looking(a) for a in shuffled])]
    assert first == second
    assert abs(first[0]) == min(abs(a) for a in azimuths)
    turns = [(before - after) % math.tau for before, after in zip(first, [*first[1:], first[0]], strict=True)]
    assert len(first) == 1 or sum(turns) == pytest.approx(math.tau)  # once around, never back


def test_a_camera_that_looks_down_has_no_place_in_the_ring():
    with pytest.raises(InputError, match="straight up or down"):
        ring_order([looking(0.0), looking(0.3, -math.pi / 2)])


def test_neighbours():
    assert ring_order([]) == []
    assert ring_pairs(1) == []
    assert ring_pairs(2) == [(0, 1)]
    assert ring_pairs(4) == [(0, 1), (1, 2), (2, 3), (3, 0)]


def test_a_rig_goes_through_json_unchanged():
    pose = tuple(tuple(float(x) for x in row) for row in looking(0.5))
    rig = Rig((RigCamera("left", (500.5, 501.0, 320.0, 190.25), (384, 640), pose, RigMask("rig/left.png", "ab")),))
    assert msgspec.json.decode(msgspec.json.encode(rig), type=Rig) == rig
    assert rig.names() == ("left",)
    np.testing.assert_array_equal(rig.cameras[0].pose_matrix(), looking(0.5))
