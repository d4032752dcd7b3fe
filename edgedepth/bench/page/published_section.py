"""Published figures in a table, with what was measured here in columns of their own."""

from __future__ import annotations

from collections.abc import Sequence

from edgedepth.bench.page.html import Markup, scroller, tag
from edgedepth.bench.published import NOT_KNOWN, RULE, Published, published
from edgedepth.bench.rows import milliseconds
from edgedepth.bench.schema import Record
from edgedepth.bench.table import title_of

PRINTED = ("parameters, M", "GFLOPs", "AbsRel", "d<1.25", "frames/s")
MEASURED = ("parameters, M", "GMACs of the file", "fastest valid median, ms", "which")
_MEASURED_KINDS = ("number apart", "number", "number", "words wide")
_CAPTION = "Published: as papers and releases print it. Measured here: another device and another way of counting."


def published_section(records: Sequence[Record]) -> list[Markup]:
    """Notes and the table."""
    known = published()
    notes = [tag("li", tag("strong", one.name), f": {one.note}") for one in known if one.note]
    head = tag(
        "thead",
        tag(
            "tr",
            tag("th", "network", rowspan="2", scope="col"),
            tag("th", "published", colspan=str(len(PRINTED)), scope="colgroup"),
            tag("th", "measured here", colspan=str(len(MEASURED)), scope="colgroup", class_="apart"),
            tag("th", "who published it", rowspan="2", scope="col", class_="apart"),
        ),
        tag(
            "tr",
            *(tag("th", text, scope="col", class_="number") for text in PRINTED),
            *(tag("th", text, scope="col", class_=kind) for text, kind in zip(MEASURED, _MEASURED_KINDS, strict=True)),
        ),
    )
    body = tag("tbody", *(_row(one, [r for r in records if r.subject.model == one.name]) for one in known))
    return [
        tag("p", "These figures were printed by others and are not mixed with anything measured here. ", RULE),
        tag("p", NOT_KNOWN),
        tag("ul", *notes),
        scroller(tag("table", tag("caption", _CAPTION), head, body), "Published figures"),
    ]


def _row(one: Published, records: Sequence[Record]) -> Markup:
    printed = (
        f"{one.params_millions:.3f}",
        "" if one.gflops is None else f"{one.gflops:.3f}",
        "" if one.abs_rel is None else f"{one.abs_rel:.3f}",
        "" if one.delta1 is None else f"{one.delta1:.3f}",
        "" if one.frames_per_second is None else f"{one.frames_per_second:g}",
    )
    cells = [tag("td", text, class_="number") for text in printed]
    cells += [tag("td", text, class_=kind) for text, kind in zip(_measured(records), _MEASURED_KINDS, strict=True)]
    return tag("tr", tag("th", one.name, scope="row"), *cells, tag("td", _sources(one), class_="words wide apart"))


def _sources(one: Published) -> str:
    told = {"parameters, GFLOPs": one.source, "accuracy": one.protocol, "speed": one.speed_source}
    return "; ".join(f"{what}: {source}" for what, source in told.items() if source)


def _measured(records: Sequence[Record]) -> tuple[str, str, str, str]:
    """Of one model; empty where nothing was measured."""
    parameters = next((r.subject.parameters for r in records if r.subject.parameters), None)
    macs = {r.subject.macs / r.subject.batch for r in records if r.subject.macs}
    single = (r for r in records if r.valid and r.subject.batch == 1)
    timed = [(r.latency.centre, r) for r in single if r.latency and r.latency.centre]
    ms, fastest = min(timed, key=lambda found: found[0], default=(None, None))
    return (
        "" if parameters is None else f"{parameters / 1e6:.3f}",
        " to ".join(dict.fromkeys(f"{value / 1e9:.3f}" for value in (min(macs), max(macs)))) if macs else "",
        milliseconds(ms),
        f"{fastest.subject.label}, {fastest.configuration}, {title_of(fastest.device)}" if fastest else "",
    )
