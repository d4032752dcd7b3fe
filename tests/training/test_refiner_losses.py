"""A refiner's losses against the same formulas written out in float64 with NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.training.refiner.losses import (
    detail_and_scale,
    local_gradient_matching,
    ranking,
    scale_and_shift_invariant,
    silog,
)
from edgedepth.training.refiner.places import (
    WINDOW,
    WINDOWS,
    Pairs,
    Windows,
    draw_edge_pairs,
    draw_windows,
    windows_of,
)

SHAPE = (2, 1, 9, 12)


def maps(seed, shape=SHAPE, low=0.5, high=9.0):
    drawn = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return low + (high - low) * drawn


def weights(seed, shape=SHAPE):
    """Mostly 1, some 0, some between."""
    drawn = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.where(drawn < 0.3, 0.0, torch.where(drawn < 0.5, drawn, 1.0))


def some_pairs(seed=3, count=40, shape=SHAPE):
    drawn = torch.randint(shape[2] * shape[3], (2, shape[0], count), generator=torch.Generator().manual_seed(seed))
    return Pairs(drawn[0], drawn[1])


def numpy_silog(predicted, target, weight):
    known = weight > 0
    g = np.log(predicted[known]) - np.log(target[known])
    share = weight[known] / weight[known].sum()
    mean = (share * g).sum()
    variance = (share * (g - mean) ** 2).sum()
    return 10 * np.sqrt(variance + 0.15 * mean**2)


def numpy_ranking(predicted, pseudo, pairs):
    costs = []
    for image, (first, second) in enumerate(zip(pairs.first.numpy(), pairs.second.numpy(), strict=True)):
        for i, j in zip(first, second, strict=True):
            p, q = predicted[image].ravel()[[i, j]]
            a, b = pseudo[image].ravel()[[i, j]]
            if a / b >= 1.03:
                costs.append(np.log(1 + np.exp(q - p)))
            elif a / b <= 1 / 1.03:
                costs.append(np.log(1 + np.exp(p - q)))
            else:
                costs.append((p - q) ** 2)
    return np.mean(costs)


def fitted(d, target, weight):
    """Least squares by NumPy's own solver; the residual at every pixel."""
    root = np.sqrt(weight.ravel())
    design = np.stack([d.ravel(), np.ones(d.size)], 1)
    (s, t), *_ = np.linalg.lstsq(design * root[:, None], target.ravel() * root, rcond=None)
    return s * d + t - target


def numpy_invariant(predicted, pseudo, weight):
    return np.mean(
        [
            (np.abs(fitted(d, t, w)) * w).sum() / w.sum()
            for d, t, w in zip(predicted[:, 0], pseudo[:, 0], weight[:, 0], strict=True)
        ]
    )


def numpy_window(d, target, w):
    r = fitted(d, target, w)
    w_x, w_y = np.minimum(w[:, 1:], w[:, :-1]), np.minimum(w[1:], w[:-1])
    return (np.abs(np.diff(r, axis=1)) * w_x).sum() / w_x.sum() + (np.abs(np.diff(r, axis=0)) * w_y).sum() / w_y.sum()


def cut(array, windows, image, number):
    top, left = int(windows.tops[image, number]), int(windows.lefts[image, number])
    return array[image, 0, top : top + windows.side, left : left + windows.side]


def test_silog_written_out():
    p, t, w = maps(0), maps(1), weights(2)
    assert float(silog(p, t, w)) == pytest.approx(numpy_silog(p.numpy(), t.numpy(), w.numpy()), rel=1e-5)


@given(factor=st.floats(0.2, 5.0))
def test_silog_of_a_wrong_scale_alone(factor):
    target = maps(1)
    expected = 10 * np.sqrt(0.15) * abs(np.log(factor))
    assert float(silog(target * factor, target, torch.ones_like(target))) == pytest.approx(expected, abs=0.011)


def test_ranking_written_out():
    p, pseudo, pairs = maps(0), maps(1, low=4.0, high=4.4), some_pairs()
    assert float(ranking(p, pseudo, pairs)) == pytest.approx(numpy_ranking(p.numpy(), pseudo.numpy(), pairs), rel=1e-12)


def test_ranking_does_not_depend_on_the_labels_unit():
    p, pairs = maps(0), some_pairs()
    assert float(ranking(p, maps(1), pairs)) == pytest.approx(float(ranking(p, maps(1) * 7, pairs)))


def test_scale_and_shift_invariant_written_out():
    p, pseudo, w = maps(0), maps(1), weights(2)
    expected = numpy_invariant(p.numpy(), pseudo.numpy(), w.numpy())
    assert float(scale_and_shift_invariant(p, pseudo, w)) == pytest.approx(expected, rel=1e-10)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.01, 100), shift=st.floats(-100, 100), negative=st.booleans())
def test_scale_and_shift_change_nothing(scale, shift, negative):
    p, pseudo, w = maps(0), maps(1), weights(2)
    moved = (-scale if negative else scale) * p + shift
    windows = Windows(torch.tensor([[0, 3], [2, 1]]), torch.tensor([[0, 6], [5, 2]]), 5)
    for loss, more in ((scale_and_shift_invariant, ()), (local_gradient_matching, (windows,))):
        expected = float(loss(p, pseudo, w, *more))
        assert float(loss(moved, pseudo, w, *more)) == pytest.approx(expected, rel=1e-5)
        assert float(loss(moved, p, w, *more)) == pytest.approx(0, abs=1e-6)


def test_local_gradient_matching_written_out():
    p, pseudo, w = maps(0), maps(1), weights(2)
    windows = draw_windows(p.shape, torch.Generator().manual_seed(5), count=7, side=5)
    found = [
        numpy_window(*(cut(x.numpy(), windows, image, number) for x in (p, pseudo, w)))
        for image in range(2)
        for number in range(7)
    ]
    assert float(local_gradient_matching(p, pseudo, w, windows)) == pytest.approx(np.mean(found), rel=1e-9)


def test_every_window_has_its_own_scale_and_shift():
    p = maps(0, (1, 1, 5, 10))
    pseudo = torch.cat([2 * p[..., :5] + 1, -3 * p[..., 5:] + 40], -1)
    windows = Windows(torch.tensor([[0, 0]]), torch.tensor([[0, 5]]), 5)
    everywhere = torch.ones_like(p)
    assert float(local_gradient_matching(p, pseudo, everywhere, windows)) == pytest.approx(0, abs=1e-12)
    assert float(scale_and_shift_invariant(p, pseudo, everywhere)) > 1


def test_windows_without_a_fit_are_left_out():
    p, pseudo, w = maps(0), maps(1), torch.ones(SHAPE, dtype=torch.float64)
    p[:, :, :5, :5] = 3.0  # flat
    w[:, :, 4:, 7:] = 0  # nothing known
    windows = Windows(torch.tensor([[0, 4, 2]] * 2), torch.tensor([[0, 7, 3]] * 2), 5)
    p.requires_grad_()
    loss = local_gradient_matching(p, pseudo, w, windows)
    expected = np.mean(
        [numpy_window(*(cut(x.detach().numpy(), windows, image, 2) for x in (p, pseudo, w))) for image in range(2)]
    )
    assert float(loss) == pytest.approx(expected, rel=1e-9)
    loss.backward()
    assert torch.isfinite(p.grad).all()
    assert float(p.grad[:, :, :2, :3].abs().max()) == 0


@pytest.mark.parametrize("flat", [True, False])
def test_nothing_to_fit_at_all_costs_nothing(flat):
    p = torch.full(SHAPE, 2.0, dtype=torch.float64) if flat else maps(0)
    w = torch.ones_like(p) if flat else torch.zeros_like(p)
    p.requires_grad_()
    windows = Windows(torch.tensor([[0], [1]]), torch.tensor([[2], [3]]), 5)
    loss = local_gradient_matching(p, maps(1), w, windows) + scale_and_shift_invariant(p, maps(1), w)
    loss.backward()
    assert float(loss) == 0
    assert float(p.grad.abs().max()) == 0


def test_float32_far_from_zero_is_still_fitted():
    near = maps(0)
    far = (near + 1000).float()
    w = torch.ones(SHAPE)
    expected = float(scale_and_shift_invariant(near, maps(1), w.double()))
    assert float(scale_and_shift_invariant(far, maps(1).float(), w)) == pytest.approx(expected, rel=1e-2)


def test_detail_and_scale_is_the_sum_of_its_parts():
    p, t, w, pseudo, pairs = maps(0), maps(1), weights(2), maps(4), some_pairs()
    a, b, c, d = (x.numpy() for x in (p, t, w, pseudo))
    expected = numpy_silog(a, b, c) + 0.5 * (numpy_ranking(a, d, pairs) + numpy_invariant(a, d, np.ones_like(d)))
    assert float(detail_and_scale(p, t, w, pseudo, pairs, detail=0.5)) == pytest.approx(expected, rel=1e-5)


def test_gradients_are_those_of_the_functions():
    p, t, w, pairs = (
        maps(0, (1, 1, 5, 6)),
        maps(1, (1, 1, 5, 6)),
        weights(2, (1, 1, 5, 6)),
        some_pairs(1, 6, (1, 1, 5, 6)),
    )
    windows = Windows(torch.tensor([[0, 1]]), torch.tensor([[0, 2]]), 4)
    p.requires_grad_()
    for loss in (
        lambda x: silog(x, t, w),
        lambda x: ranking(x, t, pairs),
        lambda x: scale_and_shift_invariant(x, t, w),
        lambda x: local_gradient_matching(x, t, w, windows),
        lambda x: detail_and_scale(x, t, w, maps(5, (1, 1, 5, 6)), pairs, detail=0.8),
    ):
        assert torch.autograd.gradcheck(loss, (p,))


# Places


def test_windows_are_a_hundred_squares_of_23_inside_the_picture():
    windows = draw_windows(torch.Size((3, 1, 40, 23)), torch.Generator().manual_seed(0))
    assert (WINDOWS, WINDOW) == (100, 23)
    assert windows.tops.shape == windows.lefts.shape == (3, 100)
    assert (int(windows.tops.min()), int(windows.tops.max()), int(windows.lefts.max())) == (0, 17, 0)
    values = torch.arange(3 * 40 * 23, dtype=torch.float64).view(3, 1, 40, 23)
    found = windows_of(values, windows).numpy()
    for image, number in ((0, 0), (2, 99), (1, 50)):
        np.testing.assert_array_equal(found[image, number], cut(values.numpy(), windows, image, number))
    again = draw_windows(torch.Size((3, 1, 40, 23)), torch.Generator().manual_seed(0))
    assert torch.equal(again.tops, windows.tops)


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="23 pixels does not fit into 22x40"):
        draw_windows(torch.Size((1, 1, 22, 40)), torch.Generator())


def test_edge_pairs_lie_across_an_edge_and_beside_it():
    pseudo = torch.ones(1, 1, 40, 60)
    pseudo[..., 31:] = 5
    pairs = draw_edge_pairs(pseudo, torch.Generator().manual_seed(0), count=50, reach=20)
    assert pairs.first.shape == (1, 150)
    first, second = (column.view(50, 3) for column in pairs.values(pseudo))
    # Along the gradient: two points before the edge, the edge between, two points behind it.
    assert (first[:, 0] == 1).all()
    assert (second[:, 2] == 5).all()
    assert (second[:, 1] >= first[:, 1]).all()
    assert float((second[:, 1] > first[:, 1]).float().mean()) > 0.9
    rows = torch.stack([pairs.first // 60, pairs.second // 60])
    assert torch.equal(rows[0], rows[1])
    columns = torch.stack([pairs.first % 60, pairs.second % 60])
    assert int(columns.min()) >= 31 - 21
    assert int(columns.max()) <= 31 + 20


def test_a_flat_label_gives_pairs_too():
    pairs = draw_edge_pairs(torch.full((2, 1, 8, 9), 3.0), torch.Generator().manual_seed(0), count=5)
    assert pairs.first.shape == (2, 15)
    assert int(torch.stack([pairs.first, pairs.second]).max()) < 72
