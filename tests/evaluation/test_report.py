"""Tables and the object for programs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from frames_in_memory import Fixed, Frames, ramp, sample
from rich.console import Console

from edgedepth.evaluation.protocol import EvaluationProtocol, evaluate
from edgedepth.evaluation.report import Results, as_object, tables

NONE = EvaluationProtocol("none", name="metric")


def results(*factors, sparse=False, **more):
    known = ramp() * (np.arange(20) % 2) if sparse else ramp()
    frames = Frames(sample(known, "a", **more), sample(known * 1.1, "b", **more))
    models = [evaluate(Fixed(ramp() * factor, f"x{factor}"), frames, NONE) for factor in factors]
    return Results(tuple(models), (evaluate(Fixed(ramp() * 2, "constant"), frames, NONE),))


def printed(found, **options):
    console = Console(width=200)
    with console.capture() as capture:
        for table in tables(found, **options):
            console.print(table)
    return capture.get()


def test_the_first_model_is_the_reference():
    text = printed(results(1.0, 1.5))
    assert "made up, 2 frames" in text
    assert "protocol metric: alignment none, 0.001 to 80 m, no crop; mean over frames" in text
    assert text.count("  difference") == 1
    row = next(line for line in text.splitlines() if "difference" in line)
    # (0 + 0.1 / 1.1) / 2 without the factor; (0.5 + 0.4 / 1.1) / 2 with it.
    assert f"{(0.5 + 0.4 / 1.1 - 0.1 / 1.1) / 2:+.4f}" in row
    assert "Scale" in text
    assert f"{1 / 1.5:.4f}" not in text  # the other's depths are 1.5 times as large, not smaller
    assert "1.5000" in text


def test_one_model_has_no_differences_and_no_frames_unless_asked():
    text = printed(results(1.0))
    assert "difference" not in text
    assert "Scale" not in text
    assert "frame by frame" not in text
    assert "frame by frame" in printed(results(1.0), per_frame=True)


def test_no_difference_has_no_sign_of_its_own():
    assert "-0.0000" not in printed(results(1.0, 1.0))


def test_borders_are_shown_where_truth_is_dense():
    assert "boundary F1" in printed(results(1.0, dense=True))
    assert "share of jumps" not in printed(results(1.0, dense=True))


def test_shares_of_jumps_are_shown_where_truth_is_sparse():
    text = printed(results(1.0, sparse=True))
    assert "boundary F1" not in text
    assert "share of jumps" in text
    assert "1.000" in text[text.index("share of jumps") :]
    first = as_object(results(1.0, sparse=True))["reports"][0]
    assert "sparse" in first["edges"]["absent"]
    assert first["jumps"] == pytest.approx(1)
    assert first["frames"]["a"]["jumps"] == pytest.approx(1)


def test_parts_are_shown_with_their_pixels():
    moving = np.zeros((12, 20), bool)
    moving[0] = True
    text = printed(results(1.0, moving=moving))
    head, pixels = (next(line for line in text.splitlines() if word in line) for word in ("10-20 m", "pixels"))
    assert "static" in head
    assert " 40 " in pixels


def test_the_object_holds_everything_and_is_json():
    content = json.loads(json.dumps(as_object(results(1.0, 1.5)), allow_nan=False))
    first, second, constant = content["reports"]
    assert content["protocol"]["alignment"] == "none"
    assert [one["predictor"] for one in content["reports"]] == ["x1.0", "x1.5", "constant"]
    assert set(first["frames"]) == {"a", "b"}
    assert first["frames"]["a"]["abs_rel"] == 0
    assert first["frames"]["a"]["pixels"] == 240
    assert first["frames"]["a"]["parts"]["0-10 m"]["pixels"] == 40
    assert first["facts"] == {"runtime": "NumPy"}
    assert first["edges"]["f1"] == 1
    assert first["jumps"] is None
    assert "to_first" not in first
    assert "to_first" not in constant
    difference = second["to_first"]["difference"]["abs_rel"]
    assert difference == pytest.approx(second["mean"]["abs_rel"] - first["mean"]["abs_rel"])
    assert second["to_first"]["scale_drift"]["median"] == pytest.approx(1.5)
    assert second["to_first"]["scale_drift"]["spread"] == pytest.approx(0)


def test_without_scale_there_is_no_drift():
    disparity = Fixed(ramp(), "disparity", "inverse depth", "up to scale and shift")
    report = evaluate(disparity, Frames(sample(ramp())), EvaluationProtocol("least-squares"))
    found = Results((report, report))
    assert "Scale" not in printed(found)
    second = as_object(found)["reports"][1]
    assert second["scale"] is None
    assert second["to_first"]["scale_drift"] is None


def test_results_need_a_model():
    with pytest.raises(ValueError, match="at least one"):
        Results(())
