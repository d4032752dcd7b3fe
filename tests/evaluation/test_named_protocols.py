"""The table of protocols, changes to it, and what cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgedepth.errors import UsageError
from edgedepth.evaluation.named_protocols import PROTOCOLS, EvaluationProtocol, protocol_named, read_ranges

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evaluating.md"


def test_nothing_changed_is_the_protocol_itself():
    for name, protocol in PROTOCOLS.items():
        assert protocol_named(name, crop=None, max_depth=None) == protocol
        assert protocol.name == name


def test_what_is_stated_wins_and_the_name_says_so():
    changed = protocol_named("eigen", max_depth=50.0, alignment="none", metres_per_unit=16.0)
    assert changed == replace(
        PROTOCOLS["eigen"], max_depth=50.0, alignment="none", metres_per_unit=16.0, name="eigen, changed"
    )
    assert changed.statement() == "alignment none, 16 m per unit, 0.001 to 50 m, Garg crop"
    assert protocol_named("eigen", max_depth=80.0).name == "eigen"


def test_an_unknown_name_is_refused():
    with pytest.raises(UsageError, match=r"kitti2015, eigen[\s\S]*Did you mean metric"):
        protocol_named("metrics")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"min_depth": 80.0}, "leave nothing"),
        ({"min_depth": 0.0}, "above 0"),
        ({"metres_per_unit": 0.0}, "longer than nothing"),
        ({"ranges": (0.0, 10.0, 10.0)}, "do not ascend"),
        ({"ranges": (-2.0, 10.0)}, "do not ascend"),
        ({"ranges": (10.0,)}, "do not ascend"),
    ],
)
def test_values_that_make_no_protocol(wrong, words):
    with pytest.raises(UsageError, match=words):
        EvaluationProtocol(**wrong)


def test_ranges_from_text():
    assert read_ranges("0,2.5,80") == (0, 2.5, 80)
    with pytest.raises(UsageError, match="list of borders"):
        read_ranges("0-80")


def test_the_documentation_has_the_same_table():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `") and line.split("`")[1] in PROTOCOLS
    ]
    assert rows == [
        [f"`{p.name}`", p.alignment, p.crop, f"{p.min_depth:g} to {p.max_depth:g} m"] for p in PROTOCOLS.values()
    ]
