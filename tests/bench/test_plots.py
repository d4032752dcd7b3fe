"""Every plot with few and many records, with gaps, and with labels that nobody should use."""

from __future__ import annotations

import io
import warnings

import msgspec
import numpy as np
import pytest
import varied_records as varied
from hypothesis import given
from hypothesis import strategies as st
from made_records import record as made
from matplotlib.figure import Figure
from PIL import Image

from edgedepth.bench.page import Accuracy
from edgedepth.bench.page.axes import round_ticks
from edgedepth.bench.page.bars import latency_plot, memory_plot, phases_plot, spread_of
from edgedepth.bench.page.naming import lines_of, together
from edgedepth.bench.page.plots import plots_of
from edgedepth.bench.page.point_labels import label_points, shared
from edgedepth.bench.page.scatter import accuracy_plots, gmacs_plot
from edgedepth.bench.page.theme import DARK, DPI, LIGHT, WIDTH, Plot, drawable, png
from edgedepth.bench.page.traces import sustained_plot, trace_plot
from edgedepth.bench.schema import Latency, Subject

HOSTILE = "<script>$x^{2}$ &amp; \u6df1\u5ea6\U0001f600\n\x07 %s {0} _" + "long-" * 60


def picture(plot: Plot, theme=LIGHT) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        content = png(plot, theme)
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def accuracy(records) -> list[Accuracy]:
    files = dict.fromkeys(record.subject.sha256 for record in records)
    return [Accuracy("a", sha, "frames", 0.1 + 0.01 * i, 0.9 - 0.01 * i) for i, sha in enumerate(files)]


@pytest.mark.parametrize("count", [1, 60])
def test_every_plot_is_drawn_with_one_and_with_sixty_configurations(count):
    records = varied.many(count)
    plots = plots_of(records, accuracy(records))
    names = ["latency", "runs", "gmacs", "accuracy", "phases", "memory", "published"]
    assert [plot.name for plot in plots] == names
    for plot in plots:
        drawn = picture(plot)
        assert drawn.shape[1] == round(WIDTH * DPI)
        assert 100 < drawn.shape[0] < 9000
        # Something is drawn, and nothing runs over the left or right edge.
        assert drawn.std() > 5
        assert (drawn[:, [0, -1]] == 255).all(), plot.name


def test_the_dark_plot_is_another_picture_of_the_same_size():
    plot = latency_plot(varied.host(), "latency")
    light, dark = picture(plot), picture(plot, DARK)
    assert light.shape == dark.shape
    assert light.mean() > 200
    assert dark.mean() < 80


def test_equal_records_give_equal_bytes():
    for first, second in zip(plots_of(varied.phones(), ()), plots_of(varied.phones(), ()), strict=True):
        assert png(first, LIGHT) == png(second, LIGHT)


def test_hostile_labels_are_drawn_as_text():
    what = Subject(label=HOSTILE, sha256="ab" * 32, bytes=1, format="tflite", precision=HOSTILE, model=HOSTILE, macs=10)
    records = [made(subject=what), made(subject=what, threads=2)]
    for plot in plots_of(records, accuracy(records))[:-1]:
        picture(plot)
    assert drawable("a\n\x07b \U00100000") == "a \u25a1b \u25a1"


def test_plots_that_would_be_empty_are_left_out():
    bare = made(latency=None, invalid_reasons=("it died",))
    assert [plot.name for plot in plots_of([bare], ())] == ["published"]
    summary = made(latency=Latency(samples_ms=[], count=5, mean=3.0))
    assert [plot.name for plot in plots_of([summary], ())] == ["latency", "published"]
    for draw in (latency_plot, memory_plot, phases_plot, trace_plot, sustained_plot, gmacs_plot):
        assert draw([bare], "x") is None


def test_zero_times_and_equal_times_are_drawn():
    zero = made(latency=Latency(samples_ms=[0.0] * 60, count=60, median=0.0, mean=0.0))
    picture(latency_plot([zero], "x"))
    same = [made([5.0] * 60, subject=varied.subject(), threads=n) for n in (1, 2)]
    for plot in plots_of(same, accuracy(same)):
        picture(plot)


def test_what_could_not_be_timed_is_named_below_the_bars():
    plot = latency_plot(varied.phones()[-2:], "x")
    assert "could be timed: 1 result." in plot.caption


def test_devices_do_not_share_axes():
    names = [plot.name for plot in plots_of(varied.everything(), ())]
    assert [name for name in names if name.endswith("latency")] == [f"device{n}-latency" for n in range(1, 6)]
    assert len(names) == len(set(names))


def test_invalid_results_are_on_no_speed_plot():
    valid, invalid = varied.host()[0], varied.host()[-1]
    assert gmacs_plot([invalid], "x") is None
    assert accuracy_plots([invalid], accuracy([invalid]), "x") == []
    assert "of 1 results" in gmacs_plot([valid, invalid], "x").alt


def test_metrics_of_different_protocols_do_not_share_axes():
    records = varied.host()[:8]
    own = accuracy(records)
    other = [msgspec.structs.replace(one, rule="other frames") for one in own]
    plots = accuracy_plots(records, [*own, *other], "accuracy")
    assert [plot.name for plot in plots] == ["accuracy-1", "accuracy-2"]
    assert [plot.caption.split(". ")[0] for plot in plots] == ["Accuracy: frames", "Accuracy: other frames"]


def test_the_spread_is_numpys_percentiles_or_what_the_tool_says():
    times = varied.times(10.0, seed=3)
    expected = tuple(np.quantile(np.array(times), [0.1, 0.9]))
    assert spread_of(Latency(samples_ms=times, count=len(times))) == pytest.approx(expected, rel=1e-12)
    assert spread_of(varied.summary_only(8.0)) == (0.98 * 8.0, 1.05 * 8.0)
    assert spread_of(Latency(samples_ms=[], count=1, mean=3.0)) is None


@pytest.mark.parametrize("records", [varied.many(60), varied.phones(), varied.gpu(), varied.many(1)])
def test_lines_do_not_overlap(records):
    lines = lines_of(together(records))
    every = sorted([*lines.at, *(at for at, _ in lines.headings)])
    assert np.diff(every).min(initial=1.0) >= 0.8
    assert every[-1] < lines.height
    assert len(lines.at) == len(lines.names) == len(records)
    named = [text for _, text in lines.headings]
    assert len(named) == len(set(named))


@given(st.floats(1e-6, 1e6), st.floats(1.0001, 1e9))
def test_ticks_are_few_round_and_within(low, factor):
    high = low * factor
    ticks = round_ticks(low, high)
    assert all(low <= tick <= high for tick in ticks)
    assert ticks == sorted(set(ticks))
    assert len(ticks) <= 20
    if factor > 1.5:
        assert len(ticks) >= 2


def test_names_beside_points_cover_neither_each_other_nor_points():
    figure = Figure(figsize=(7, 5), dpi=DPI)
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    points = [(x, y) for x, y in np.random.default_rng(0).uniform(0.1, 0.9, (14, 2))]
    label_points(figure, axes, points, [f"network-{n}" for n in range(len(points))], LIGHT)
    figure.canvas.draw()
    notes = [note for note in axes.texts if note.get_text()]
    boxes = np.array([note.get_window_extent().extents for note in notes])
    assert len(boxes) == 14
    assert np.triu(shared(boxes, boxes), 1).sum() == 0
    at = axes.transData.transform(points)
    assert shared(boxes, np.hstack([at - 1, at + 1])).sum() == 0


def test_a_sustained_run_without_temperatures_is_drawn():
    minutes = tuple(
        msgspec.structs.replace(one, temperature_c=None, battery_c=None, thermal_status=None)
        for one in varied.sustained(3)
    )
    picture(sustained_plot([made(sustained=minutes)], "x"))
    picture(sustained_plot([made(sustained=varied.sustained(1))], "x"))
