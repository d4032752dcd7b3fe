"""Losses of surround students against direct float64 arithmetic, and their gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.training.surround.losses import log_depth_loss, relation_loss, view_distances

MOMENTS, VIEWS, BINS, HEIGHT, WIDTH = 2, 4, 5, 4, 6


def probabilities(seed, moments=MOMENTS, views=VIEWS):
    logits = torch.randn(moments, views, BINS, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed))
    return logits.double().softmax(2)


def everywhere(moments=MOMENTS, views=VIEWS):
    return torch.ones(moments, views, 1, HEIGHT, WIDTH, dtype=torch.bool)


def partly(seed=9):
    return torch.rand(MOMENTS, VIEWS, 1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed)) < 0.9


def pooled(maps, seen, pool):
    """Means over squares, and which squares are seen whole."""
    blocks = (*maps.shape[:3], HEIGHT // pool, pool, WIDTH // pool, pool)
    masks = (*seen.shape[:3], HEIGHT // pool, pool, WIDTH // pool, pool)
    return maps.reshape(blocks).mean((4, 6)), seen.reshape(masks).all((4, 6))


def huber(x, delta):
    return np.where(np.abs(x) <= delta, 0.5 * x**2, delta * (np.abs(x) - 0.5 * delta))


def direct_distances(maps, seen, distance, pool):
    """By moment and pair: one distance, or one per pixel that both cameras see."""
    maps, seen = pooled(maps.numpy(), seen.numpy(), pool)
    found = {}
    for b, i in np.ndindex(maps.shape[:2]):
        j = (i + 1) % maps.shape[1]
        both = seen[b, i, 0] & seen[b, j, 0]
        squares = ((maps[b, i] - maps[b, j]) ** 2).sum(0)[both]
        assert squares.size
        found[b, i] = np.sqrt([squares.sum()]) if distance == "view" else np.sqrt(squares)
    return found


def direct_relation(student, teacher, seen, distance, mean, delta, pool):
    """The loss pair by pair, as the paper writes it."""
    networks = [direct_distances(maps, seen, distance, pool) for maps in (student, teacher)]
    total = 0.0
    for pair in networks[0]:
        ours, theirs = (
            found[pair] / np.concatenate([d for key, d in found.items() if mean == "batch" or key[0] == pair[0]]).mean()
            for found in networks
        )
        total += huber(ours - theirs, delta).mean()
    return total / student.shape[0]


@pytest.mark.parametrize("distance", ["view", "pixel"])
@pytest.mark.parametrize("mean", ["batch", "moment"])
@pytest.mark.parametrize(("delta", "pool"), [(1.0, 1), (0.05, 1), (1.0, 2)])
def test_relation_is_the_papers(distance, mean, delta, pool):
    student, teacher, seen = probabilities(1), probabilities(2), partly()
    ours, weight = view_distances(student, seen, distance, pool)
    theirs, _ = view_distances(teacher, seen, distance, pool)
    found = relation_loss(ours, theirs, weight, mean=mean, huber=delta)
    expected = direct_relation(student, teacher, seen, distance, mean, delta, pool)
    assert float(found) == pytest.approx(expected, rel=1e-9)


def test_relation_of_one_network_with_itself_is_nothing():
    distances, weight = view_distances(probabilities(1), partly(), "view", 1)
    assert float(relation_loss(distances, distances, weight, mean="batch", huber=1.0)) == 0


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    views=st.integers(2, 6),
    turn=st.integers(0, 5),
    distance=st.sampled_from(["view", "pixel"]),
)
def test_where_the_ring_begins_and_which_way_it_runs_does_not_matter(seed, views, turn, distance):
    """So a mirrored rig, whose ring runs the other way, has the same loss."""
    student, teacher = probabilities(seed, views=views), probabilities(seed + 1, views=views)
    seen = everywhere(views=views)

    def loss(ours, theirs):
        distances, weight = view_distances(ours, seen, distance, 1)
        return relation_loss(distances, view_distances(theirs, seen, distance, 1)[0], weight, mean="batch", huber=1.0)

    expected = loss(student, teacher)
    torch.testing.assert_close(loss(student.roll(turn, 1), teacher.roll(turn, 1)), expected)
    back = [maps.flip(1, 4) for maps in (student, teacher)]
    torch.testing.assert_close(loss(*back), expected)


def test_what_a_camera_does_not_see_has_no_part():
    student, teacher, seen = probabilities(1), probabilities(2), partly()
    other = torch.where(seen, student, probabilities(3))
    for distance in ("view", "pixel"):
        torch.testing.assert_close(
            view_distances(other, seen, distance, 1)[0] * view_distances(other, seen, distance, 1)[1],
            view_distances(student, seen, distance, 1)[0] * view_distances(student, seen, distance, 1)[1],
        )
    student.requires_grad_()
    ours, weight = view_distances(student, seen, "pixel", 1)
    relation_loss(ours, view_distances(teacher, seen, "pixel", 1)[0], weight, mean="batch", huber=1.0).backward()
    assert float((student.grad * ~seen).abs().max()) == 0
    assert float(student.grad.abs().max()) > 0


@pytest.mark.parametrize("seen", [everywhere(), ~everywhere()], ids=["equal views", "nothing seen"])
@pytest.mark.parametrize("distance", ["view", "pixel"])
def test_views_without_a_difference_give_no_nan(distance, seen):
    one = probabilities(1)[:, :1].expand(-1, VIEWS, -1, -1, -1).clone().requires_grad_()
    ours, weight = view_distances(one, seen, distance, 1)
    theirs, _ = view_distances(probabilities(2), seen, distance, 1)
    loss = relation_loss(ours, theirs, weight, mean="batch", huber=1.0)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(one.grad).all()


def direct_silog(predicted, target, weight, focus, factor):
    p, g, w = (values.double().numpy().ravel() for values in (predicted, target, weight))
    e, w = np.log(p[w > 0] / g[w > 0]), w[w > 0]
    mean = (w * e).sum() / w.sum()
    return factor * np.sqrt((w * e**2).sum() / w.sum() - focus * mean**2)


def depths(seed):
    generator = torch.Generator().manual_seed(seed)
    predicted, target = (60 * torch.rand(3, 1, HEIGHT, WIDTH, generator=generator).double() + 0.5 for _ in range(2))
    weight = torch.rand(3, 1, HEIGHT, WIDTH, generator=generator).double()
    return predicted, target, torch.where(weight < 0.4, 0, weight)


@pytest.mark.parametrize("focus", [0.0, 0.85, 1.0])
def test_the_log_loss_is_the_stated_formula(focus):
    predicted, target, weight = depths(4)
    found = log_depth_loss(predicted, target, weight, focus=focus, factor=10.0)
    assert float(found) == pytest.approx(direct_silog(predicted, target, weight, focus, 10.0), rel=1e-5)


def test_it_is_zoedepths_over_the_whole_batch():
    """10 sqrt(var + 0.15 mean^2) of all known pixels, with the variance of the population."""
    predicted, target, weight = depths(5)
    weight = (weight > 0).double()
    e = np.log((predicted / target)[weight > 0].numpy())
    expected = 10 * np.sqrt(e.var() + 0.15 * e.mean() ** 2)
    assert float(log_depth_loss(predicted, target, weight, focus=0.85, factor=10)) == pytest.approx(expected, rel=1e-5)


def test_targets_without_weight_may_be_anything():
    predicted, target, weight = depths(6)
    predicted.requires_grad_()
    broken = torch.where(weight > 0, target, float("nan"))
    loss = log_depth_loss(predicted, broken, weight, focus=0.85, factor=10)
    assert torch.equal(loss, log_depth_loss(predicted, target, weight, focus=0.85, factor=10))
    loss.backward()
    assert float((predicted.grad * (weight == 0)).abs().max()) == 0


@pytest.mark.parametrize("known", [True, False], ids=["perfect", "nothing known"])
def test_the_log_loss_has_a_slope_at_nothing(known):
    _, target, weight = depths(7)
    predicted = target.clone().requires_grad_()
    loss = log_depth_loss(predicted, target, weight * known, focus=0.85, factor=10)
    loss.backward()
    assert float(loss.detach()) < 0.02
    assert torch.isfinite(predicted.grad).all()


def test_depth_at_nothing_stays_finite():
    _, target, weight = depths(8)
    predicted = torch.zeros_like(target).requires_grad_()
    loss = log_depth_loss(predicted, target, weight, focus=0.85, factor=10)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(predicted.grad).all()


def test_gradients_of_the_log_loss():
    predicted, target, weight = depths(9)
    predicted.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: log_depth_loss(p, target, weight, focus=0.85, factor=10.0), predicted)


@pytest.mark.parametrize("distance", ["view", "pixel"])
@pytest.mark.parametrize("mean", ["batch", "moment"])
@pytest.mark.parametrize("pool", [1, 2])
def test_gradients_of_relations(distance, mean, pool):
    logits = torch.randn(2, 3, 3, 2, 4, generator=torch.Generator().manual_seed(1)).double().requires_grad_()
    teacher = torch.randn(2, 3, 3, 2, 4, generator=torch.Generator().manual_seed(2)).double().softmax(2)
    seen = torch.ones(2, 3, 1, 2, 4, dtype=torch.bool)
    seen[0, 1, 0, 0, 0] = False
    theirs, weight = view_distances(teacher, seen, distance, pool)

    def loss(values):
        ours, _ = view_distances(values.softmax(2), seen, distance, pool)
        return relation_loss(ours, theirs, weight, mean=mean, huber=0.3)

    assert torch.autograd.gradcheck(loss, logits)
