"""Cameras: KITTI's intrinsics scaled, and absurd ones refused."""

from __future__ import annotations

import numpy as np
import pytest

from edgedepth.errors import UsageError
from edgedepth.scenes import Camera, Scene, street_frames

GOOD = np.array([[50.0, 0.0, 20.0], [0.0, 50.0, 12.0], [0.0, 0.0, 1.0]])


def changed(matrix: np.ndarray, row: int, column: int, value: float) -> np.ndarray:
    copy = matrix.copy()
    copy[row, column] = value
    return copy


def test_kitti_like_scales_each_axis_alone() -> None:
    K = Camera.kitti_like(192, 640).K
    assert K[0, 0] == pytest.approx(721.5377 * 640 / 1242)
    assert K[1, 1] == pytest.approx(721.5377 * 192 / 375)
    assert K[0, 2] == pytest.approx(609.5593 * 640 / 1242)
    assert K[1, 2] == pytest.approx(172.854 * 192 / 375)
    full = Camera.kitti_like(375, 1242).K
    assert full[0, 0] == pytest.approx(721.5377)
    assert full[1, 1] == pytest.approx(721.5377)


def test_directions_invert_the_intrinsics_even_with_skew() -> None:
    K = np.array([[70.0, 3.0, 20.0], [0.5, 65.0, 12.0], [0.0, 0.0, 1.0]])
    x, y = Camera(K, 40, 24).directions()
    u, v, w = np.einsum("ij,jhw->ihw", K, np.stack([x, y, np.ones_like(x)]))
    rows, columns = np.mgrid[:24, :40]
    np.testing.assert_allclose(u / w, columns, atol=1e-9)
    np.testing.assert_allclose(v / w, rows, atol=1e-9)


@pytest.mark.parametrize("factor", [2, 3])
def test_magnified_blocks_share_a_centre(factor: int) -> None:
    camera = Camera.kitti_like(16, 32)
    x, y = camera.directions()
    fine_x, fine_y = camera.magnified(factor).directions()
    np.testing.assert_allclose(fine_x.reshape(-1, 32, factor).mean(axis=2)[::factor], x, atol=1e-12)
    np.testing.assert_allclose(fine_y.reshape(16, factor, -1).mean(axis=1)[:, ::factor], y, atol=1e-12)


def test_the_caller_keeps_no_handle_on_the_intrinsics() -> None:
    K = GOOD.copy()
    camera = Camera(K, 40, 24)
    K[0, 0] = 1.0
    assert camera.K[0, 0] == 50.0
    with pytest.raises(ValueError, match="read-only"):
        camera.K[0, 0] = 1.0


@pytest.mark.parametrize(("width", "height"), [(7, 24), (40, 7), (0, 24), (-8, 24), (10**6, 24), (40.5, 24)])
def test_absurd_sizes_are_refused(width: int, height: int) -> None:
    with pytest.raises(UsageError, match="cannot be rendered"):
        Camera(GOOD, width, height)


@pytest.mark.parametrize(
    ("K", "words"),
    [
        (changed(GOOD, 0, 0, np.nan), "finite"),
        (changed(GOOD, 1, 2, np.inf), "finite"),
        (changed(GOOD, 0, 0, 0.0), "singular"),
        (changed(GOOD, 2, 2, 2.0), "last row"),
        (np.eye(4), "3x3"),
        ("fx", "not numbers"),
    ],
)
def test_absurd_intrinsics_are_refused(K: np.ndarray, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Camera(K, 40, 24)


@pytest.mark.parametrize(
    ("pose", "words"),
    [
        (changed(np.eye(4), 0, 3, np.nan), "finite"),
        (changed(np.eye(4), 0, 0, 2.0), "rigid"),
        (changed(np.eye(4), 0, 0, -1.0), "rigid"),
        (changed(np.eye(4), 3, 0, 1.0), "rigid"),
        (np.eye(3), "4x4"),
    ],
)
def test_absurd_poses_are_refused(pose: np.ndarray, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Scene.street(0).render(Camera(GOOD, 40, 24), pose)


def test_absurd_options_are_refused() -> None:
    scene, camera = Scene.street(0), Camera(GOOD, 40, 24)
    for options in ({"supersample": 0}, {"supersample": 9}, {"noise": -1.0}, {"noise": float("nan")}):
        with pytest.raises(UsageError, match="out of range"):
            scene.render(camera, scene.pose(0.0), **options)
    with pytest.raises(UsageError, match="time"):
        scene.render(camera, scene.pose(0.0), float("inf"))
    with pytest.raises(UsageError, match="drive"):
        next(scene.drive(camera, 1, fps=0))
    with pytest.raises(UsageError, match="seed"):
        Scene.street(-1)
    with pytest.raises(UsageError, match="frames"):
        street_frames(0, -1, 24, 40)
    with pytest.raises(UsageError, match="height"):
        street_frames(0, 1, 4, 40)
