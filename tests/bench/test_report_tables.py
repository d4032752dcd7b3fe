"""Records as rows and as terminal tables."""

from __future__ import annotations

import io

import msgspec
import numpy as np
import pytest
import varied_records as varied
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import record as made
from rich.console import Console

from edgedepth.bench.rows import cautions, commands, milliseconds, sheets, to_first
from edgedepth.bench.schema import Caution, Device
from edgedepth.bench.table import notes, tables


def shown(records, width=None) -> str:
    console = Console(file=io.StringIO(), width=width or 250, soft_wrap=True, markup=False, highlight=False)
    for table in tables(records, width):
        console.print(table)
    return console.file.getvalue()


def column(sheet, heading):
    return [row.cells[sheet.headings.index(heading)] for row in sheet.rows]


def test_every_record_is_a_row_with_its_figures():
    records = varied.everything()
    rows = [row for sheet in sheets(records) for row in sheet.rows]
    assert sorted(row.record.key for row in rows) == sorted(record.key for record in records)
    text = shown(records)
    for record in records:
        assert record.subject.label in text
        if record.latency is not None:
            assert milliseconds(record.latency.centre) in text


def test_columns_that_nobody_fills_are_left_out():
    (sheet,) = sheets([made()])
    assert sheet.headings == ("artifact", "configuration", "verdict", "median", "95%", "p90", "p99", "min")
    phone = sheets(varied.phones())[0]
    assert {"thermal", "hottest C", "delegated", "init", "peak MB"} <= set(phone.headings)
    assert "to floor" not in phone.headings
    assert "batch" in sheets(varied.gpu())[0].headings


def test_a_ratio_is_that_of_medians_in_one_interleaved_matrix():
    records = varied.host()
    told = to_first(records)
    base = np.median(records[0].latency.samples_ms)
    assert told[records[0].key] == "1"
    for record in records[1:-1]:
        value, interval = told[record.key].split(" (")
        low, high = map(float, interval.rstrip(")").split("-"))
        assert float(value) == pytest.approx(np.median(record.latency.samples_ms) / base, abs=0.006)
        assert low <= float(value) <= high
    assert not records[-1].valid
    assert records[-1].key not in told


def test_no_ratio_where_samples_are_not_of_the_same_rounds():
    first, second = made(label="a"), made(label="b", threads=2)
    assert len(to_first([first, second])) == 2
    assert to_first([first, msgspec.structs.replace(second, matrix="another")]) == {}
    phone = Device(place="phone", id="d", name="A phone")
    assert to_first([msgspec.structs.replace(one, device=phone) for one in (first, second)]) == {}
    assert to_first([first, made([10.0] * 59 + [10.5], label="b")]).keys() == {first.key, made(label="b").key}
    assert to_first([first, made([10.0] * 59, label="b")]) == {}


def test_the_first_valid_row_is_what_others_are_compared_with():
    invalid = made(label="a", invalid_reasons=("the fan stopped",))
    told = to_first([invalid, made(label="b"), made(label="c")])
    assert [told.get(one.key) for one in (invalid, made(label="b"))] == [None, "1"]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_narrow_terminals_lose_columns_and_say_so(width):
    text = shown(varied.host(), width)
    lines = [line for line in text.splitlines() if not line.startswith("A wider")]
    assert max(map(len, lines)) <= width
    assert "A wider terminal also shows: min" in text
    assert "median" in text
    assert text.count("VALID") == 16
    assert "wider terminal" not in shown(varied.host())


def test_markup_in_a_label_is_text():
    assert "[red]net[/red]" in shown([made(label="[red]net[/red]")])


def test_files_of_one_name_are_told_apart_by_hash():
    first, second = varied.subject(), varied.subject(sha256="f00d" * 16)
    records = [made(subject=first), made(subject=second)]
    assert column(sheets(records)[0], "artifact")[1] == f"{second.label} (f00df00d)"


def test_an_invalid_row_says_why():
    text = shown([made(invalid_reasons=("the device went away",))])
    assert "INVALID: the device went away" in text


def test_notes_have_each_warning_once_with_its_remedy_and_the_commands():
    records = varied.phones()
    text = notes(records)
    assert sum("The tool gives no raw samples." in line for line in text) == 1
    assert any("The cable may be loose. Use another port." in line for line in text)
    assert [line for line in text if line.startswith("Again: ")] == [f"Again: {one}" for one in commands(records)]
    assert len(commands(records)) == 2


def test_warnings_that_differ_in_figures_only_are_one():
    def warned(what, label):
        return made(label=label, warnings=(Caution(what=what, remedy="Wait."),))

    records = [warned("It took 1.6 times 2 runs.", "a"), warned("It took 12.5 times 2 runs.", "b"), warned("Hot.", "c")]
    (first, about), (second, _) = cautions(records)
    assert first == Caution(what="It took 1.6 to 12.5 times 2 runs.", remedy="Wait.")
    assert about == ["a, litert cpu 1 thread", "b, litert cpu 1 thread"]
    assert second.what == "Hot."
    assert notes([warned("Hot.", name) for name in "abcde"])[0].endswith("; and 2 more)")


def test_what_an_emulated_processor_takes_is_never_called_a_phones():
    assert "never a phone's time" in shown(varied.emulated())
    assert "never a phone's time" not in shown(varied.phones())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(varied.everything()), min_size=1, unique_by=lambda r: r.key))
def test_any_selection_has_a_row_each_and_no_empty_column(records):
    found = sheets(records)
    assert sum(len(sheet.rows) for sheet in found) == len(records)
    for sheet in found:
        assert len({(row.record.device.place, row.record.device.id) for row in sheet.rows}) == 1
        assert all(any(column(sheet, heading)) for heading in sheet.headings)
