"""The papers' own figures as a plot, on axes of their own."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from edgedepth.bench.page.axes import logarithmic
from edgedepth.bench.page.naming import colour
from edgedepth.bench.page.point_labels import label_points
from edgedepth.bench.page.theme import WIDTH, Plot, Theme
from edgedepth.bench.published import Published, published


def published_plot(name: str) -> Plot:
    """Accuracy and parameters against GFLOPs as papers print them, with hollow markers."""
    known = [one for one in published() if one.gflops is not None]
    return Plot(
        name,
        "As published",
        f"Published AbsRel and parameters against published GFLOPs of {len(known)} networks.",
        "Hollow: a figure that somebody else printed. Nothing measured shares these axes. A cross at the end of an "
        "arrow: what counting the network itself gives where the printed figure is known to be wrong.",
        lambda theme: _draw(known, theme),
    )


def _draw(known: Sequence[Published], theme: Theme) -> Figure:
    figure = Figure(figsize=(WIDTH, 7.4))
    upper, lower = figure.add_axes((0.09, 0.62, 0.87, 0.34)), figure.add_axes((0.09, 0.14, 0.87, 0.38))
    accurate = [one for one in known if one.abs_rel is not None]
    errors = [one.abs_rel for one in accurate if one.abs_rel is not None]
    logarithmic(upper.xaxis, [_printed(one) for one in accurate], 0.12)
    upper.set_ylim(min(errors) - 0.004, max(errors) + 0.004)
    upper.set_title("AbsRel on KITTI Eigen, depths up to 80 m (lower is better)")
    upper.set_xlabel("GFLOPs by the paper's rule")
    places = list(zip([_printed(one) for one in accurate], errors, strict=True))
    _hollow(figure, upper, accurate, places, theme)
    logarithmic(lower.xaxis, [_printed(one) for one in known], 0.1)
    logarithmic(lower.yaxis, [one.params_millions for one in known], 0.1)
    lower.set_title("Parameters, millions")
    lower.set_xlabel("GFLOPs by the paper's rule")
    for one in known:
        if one.true_gmacs is not None and one.true_params_millions is not None:
            _corrected(lower, one, (one.true_gmacs, one.true_params_millions), theme)
    _hollow(figure, lower, known, [(_printed(one), one.params_millions) for one in known], theme, _on_arrows(known))
    families = dict.fromkeys(one.family for one in known)
    handles = [
        Line2D([], [], marker="o", color=colour(f, theme), markerfacecolor="none", linestyle="none", label=f)
        for f in families
    ]
    figure.legend(handles=handles, loc="lower left", ncols=len(handles), bbox_to_anchor=(0.03, 0.0))
    return figure


def _printed(one: Published) -> float:
    """GFLOPs of a network that is plotted, so which has them."""
    assert one.gflops is not None  # noqa: S101 - `published_plot` left the others out
    return one.gflops


def _hollow(
    figure: Figure,
    axes: Axes,
    known: Sequence[Published],
    places: Sequence[tuple[float, float]],
    theme: Theme,
    avoid: Sequence[tuple[float, float]] = (),
) -> None:
    for one, (x, y) in zip(known, places, strict=True):
        axes.plot(x, y, "o", markerfacecolor="none", color=colour(one.family, theme), markersize=7, markeredgewidth=1.4)
    label_points(figure, axes, [*places, *avoid], [one.name for one in known], theme)


def _on_arrows(known: Sequence[Published]) -> list[tuple[float, float]]:
    """Points on the arrows from printed to counted figures, straight on logarithmic axes."""
    return [
        (_printed(one) ** (1 - t) * one.true_gmacs**t, one.params_millions ** (1 - t) * one.true_params_millions**t)
        for one in known
        if one.true_gmacs is not None and one.true_params_millions is not None
        for t in (step / 20 for step in range(1, 21))
    ]


def _corrected(axes: Axes, one: Published, true: tuple[float, float], theme: Theme) -> None:
    axes.annotate(
        "",
        true,
        xytext=(_printed(one), one.params_millions),
        arrowprops={"arrowstyle": "->", "color": theme.faint, "linestyle": "--", "shrinkA": 7, "shrinkB": 5},
    )
    axes.plot(*true, "x", color=colour(one.family, theme), markersize=6)
