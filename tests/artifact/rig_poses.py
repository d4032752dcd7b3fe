"""Poses of cameras on a vehicle."""

from __future__ import annotations

import math

import numpy as np


def looking(azimuth, pitch=0.0):
    """Camera-to-vehicle of a camera turned left by `azimuth` and up by `pitch`, radians."""
    forward = np.array([math.cos(pitch) * math.cos(azimuth), math.cos(pitch) * math.sin(azimuth), math.sin(pitch)])
    right = np.array([math.sin(azimuth), -math.cos(azimuth), 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    return pose
