"""Damaged answers of a phone: never an exception, never a number that does not stand there.

``EDGEDEPTH_FUZZ=100000`` runs that many cases; the oracle reads the damaged text in its own, stricter way.
"""

from __future__ import annotations

import os
import random
import re

from test_conditions import FULL, SAMSUNG, SECTIONS

from edgedepth.bench.device.conditions import parse

CASES = int(os.environ.get("EDGEDEPTH_FUZZ", "2000"))
ODD = ["٣", ",", ".", "-", "e9", "NaN", "inf", "\0", "\r", "\n", "}", "{", "mValue=", "mType=", "=", ":", " ", "9" * 30]


def _damage(text: str, chance: random.Random) -> str:
    for _ in range(chance.randrange(1, 6)):
        if not text:
            return text
        start = chance.randrange(len(text))
        end = min(len(text), start + chance.randrange(1, 40))
        kind = chance.randrange(6)
        if kind == 0:
            text = text[:start] + text[end:]
        elif kind == 1:
            text = text[:end] + text[start:]
        elif kind == 2:
            text = text[:start] + chance.choice(ODD) + text[start:]
        elif kind == 3:
            text = text[:start] + chr(chance.randrange(1, 0x250)) + text[start + 1 :]
        elif kind == 4:
            lines = text.splitlines(keepends=True)
            chance.shuffle(lines)
            text = "".join(lines)
        else:
            text = text[:start]
    return text


def _standing(sections: dict[str, str]) -> dict[str, set[float]]:
    """Numbers that stand in the text behind the label that each field has."""

    def after(name: str, pattern: str, scale: float) -> set[float]:
        found = re.findall(f"(?={pattern})", sections[name])  # overlapping ones too
        return {float(text) / scale for text in found if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)}

    level, whole = after("battery", r"level[ \t]*:[ \t]*(\S+)", 1), after("battery", r"scale[ \t]*:[ \t]*(\S+)", 1)
    return {
        "temperatures": after("thermal", r"mValue=\s*([^,}\s]*)", 1) | after("zones", r"/temp (\S+)", 1000),
        "frequencies": after("frequencies", r"scaling_cur_freq (\S+)", 1000),
        "battery_c": after("battery", r"temperature[ \t]*:[ \t]*(\S+)", 10),
        "thermal_status": after("thermal", r"Thermal Status:\s*(\S+)", 1),
        "battery_level": {round(100 * a / b) for a in level for b in whole | {100.0} if b},
    }


def test_damaged_answers_give_no_number_of_their_own():
    chance = random.Random(20)  # noqa: S311
    silent = 0
    for case in range(CASES):
        source = SECTIONS | ({"thermal": SAMSUNG} if case % 3 == 0 else {})
        sections = {name: _damage(text, chance) if chance.random() < 0.6 else text for name, text in source.items()}
        found, standing = parse(sections, 0.0), _standing(sections)
        for field in ("temperatures", "frequencies"):
            values = getattr(found, field).values()
            assert set(values) <= standing[field], (field, sections)
        for field in ("battery_c", "thermal_status", "battery_level"):
            value = getattr(found, field)
            assert value is None or value in standing[field], (field, value, sections)
        assert all(-30 <= value <= 150 for value in found.temperatures.values())
        assert all(10 <= value <= 10_000 for value in found.frequencies.values())
        assert found.battery_c is None or -30 <= found.battery_c <= 100
        assert found.battery_level is None or 0 <= found.battery_level <= 100
        silent += found.battery_level is None
    assert silent < CASES * 0.7  # most answers are still read
    assert parse(SECTIONS, FULL.at_s) == FULL
