"""The page's text: what was measured, on what, how sure it is, how to measure it again."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgedepth.bench.page.accuracy import Accuracy
from edgedepth.bench.page.device_facts import device_facts
from edgedepth.bench.page.html import Markup, join, scroller, table, tag
from edgedepth.bench.page.plots import PUBLISHED, prefix
from edgedepth.bench.page.published_section import published_section
from edgedepth.bench.page.theme import Plot
from edgedepth.bench.rows import WORDS, Row, Sheet, by_device, cautions, commands, identity, labels, sheets
from edgedepth.bench.schema import Record
from edgedepth.bench.table import EMULATED, title_of

SHOWN = 3
"""Configurations that a warning names at once."""
_STYLE = Path(__file__).with_name("style.css")
_COLUMNS = (
    "Times are milliseconds per run. median, p90, p99, min: of the timed runs; 95%: interval of the median. init: open "
    "the model; first: the first inference. to first: ratio of medians to the first valid row of the same interleaved "
    "matrix. to floor: over the time that the same multiply-adds take as plain large convolutions in the same rounds. "
    "Ratios have their 95% interval in brackets. delegated: nodes that a delegate took, of how many (in how many "
    "pieces). thermal, hottest C: at the start and at the end."
)


@dataclass(frozen=True)
class Picture:
    """A plot as PNG for light and for dark pages."""

    plot: Plot
    light: bytes
    dark: bytes


def document(
    records: Sequence[Record], accuracy: Sequence[Accuracy], pictures: Mapping[str, Picture], title: str
) -> str:
    """The whole page."""
    found = sheets(records)
    parts = [
        _section("device", "What was measured on", *(device_facts(own) for own in by_device(records))),
        _section("results", "Results", *(_results(sheet, len(found) > 1) for sheet in found), tag("p", _COLUMNS)),
        *(_section_of_device(n, sheet, found, pictures) for n, sheet in enumerate(found, 1)),
        _accuracy(records, accuracy),
        _invalid(records),
        _warnings(records),
        _section("published", "Published figures", *published_section(records), _figure(pictures[PUBLISHED])),
        _again(records),
    ]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(_STYLE.read_text(encoding="utf-8"))),
    )
    body = tag("body", tag("header", tag("h1", title), tag("p", _summary(records))), tag("main", *parts))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _section(anchor: str, heading: str, *content: str) -> Markup:
    return tag("section", tag("h2", heading), *content, id=anchor)


def _summary(records: Sequence[Record]) -> str:
    valid = sum(record.valid for record in records)
    starts = sorted(record.started for record in records)
    when = starts[0] if starts[0] == starts[-1] else f"{starts[0]} to {starts[-1]}"
    devices = len(by_device(records))
    return (
        f"{len(records)} configuration{'' if len(records) == 1 else 's'} on {devices} "
        f"device{'' if devices == 1 else 's'}: {valid} valid, {len(records) - valid} invalid. {when}. "
        f"edgedepth {', '.join(dict.fromkeys(record.edgedepth for record in records))}."
    )


def _results(sheet: Sheet, several: bool) -> Markup:
    numbers = [heading for heading in sheet.headings if heading not in WORDS]
    rows = [line for row in sheet.rows for line in _lines(row, sheet.headings)]
    caption = title_of(sheet.device) if several or sheet.device.place == "emulated" else "Milliseconds per run"
    return table(sheet.headings, rows, caption, numbers)


def _lines(row: Row, headings: Sequence[str]) -> list[Sequence[str]]:
    """The cells; what must not be quoted is struck out, and a line below says why."""
    if row.record.valid:
        return [row.cells]
    pairs = zip(headings, row.cells, strict=True)
    struck: list[str] = [cell if heading in WORDS or not cell else tag("s", cell) for heading, cell in pairs]
    struck[headings.index("verdict")] = tag("strong", "INVALID")
    reasons = "; ".join(row.record.invalid_reasons) or "not judged"
    return [struck, tag("tr", tag("td", f"Invalid: {reasons}.", colspan=str(len(headings)), class_="why"))]


def _section_of_device(number: int, sheet: Sheet, every: Sequence[Sheet], pictures: Mapping[str, Picture]) -> Markup:
    start = prefix(number, every)
    own = [p for name, p in pictures.items() if name.startswith(start) and name != PUBLISHED]
    if not own:
        return Markup()
    emulated = [tag("p", f"This device is {EMULATED}.", class_="note")] if sheet.device.place == "emulated" else []
    heading = f"Plots: {title_of(sheet.device)}" if len(every) > 1 else "Plots"
    return _section(f"plots{number}", heading, *emulated, *map(_figure, own))


def _figure(picture: Picture) -> Markup:
    plot = picture.plot
    dark = tag("source", srcset=_data(picture.dark), media="(prefers-color-scheme: dark)")
    image = tag("img", src=_data(picture.light), alt=f"{plot.alt} {plot.caption}")
    return tag(
        "figure",
        tag("h3", plot.title),
        scroller(tag("picture", dark, image), plot.title),
        tag("figcaption", plot.caption),
    )


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _accuracy(records: Sequence[Record], accuracy: Sequence[Accuracy]) -> Markup:
    if not accuracy:
        return Markup()
    names = {sha256: label for (_, sha256), label in labels(records).items()}
    weights = {record.subject.sha256: record.subject.weights for record in records}
    headings = ("artifact", "AbsRel", "d<1.25", "data and protocol", "weights")
    rows = [
        (names[one.sha256], f"{one.abs_rel:.4f}", f"{one.delta1:.4f}", one.rule, weights[one.sha256])
        for one in accuracy
        if one.sha256 in names
    ]
    return _section(
        "accuracy",
        "Accuracy of the files that were timed",
        table(headings, rows, "Mean over frames, found by the files' hashes", headings[1:3]),
    )


def _invalid(records: Sequence[Record]) -> Markup:
    names = labels(records)
    items = [_why(record, names[identity(record)]) for record in records if not record.valid]
    if not items:
        return Markup()
    return _section("invalid", "Invalid results, not to be quoted", tag("ul", *items))


def _why(record: Record, name: str) -> Markup:
    reasons = tag("ul", *(tag("li", reason) for reason in record.invalid_reasons or ("not judged",)))
    said = tag("details", tag("summary", "What the tool said last"), tag("pre", record.log)) if record.log else ""
    return tag("li", tag("strong", f"{name}, {record.configuration}"), reasons, said)


def _warnings(records: Sequence[Record]) -> Markup:
    items = [
        tag("li", tag("strong", caution.what), " ", caution.remedy, _about(about))
        for caution, about in cautions(records)
    ]
    return _section("warnings", "Warnings", tag("ul", *items)) if items else Markup()


def _about(about: Sequence[str]) -> Markup:
    """The configurations; many of them only when asked for, which needs no script."""
    if len(about) <= SHOWN:
        return tag("span", f" ({'; '.join(about)})", class_="faint")
    listed = tag("ul", *(tag("li", one) for one in about))
    return tag("details", tag("summary", f"{len(about)} configurations"), listed)


def _again(records: Sequence[Record]) -> Markup:
    lines = commands(records)
    if not lines:
        return Markup()
    return _section("again", "Measure it again", scroller(tag("pre", join("\n".join(lines))), "commands"))
