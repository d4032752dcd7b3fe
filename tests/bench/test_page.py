"""The page: complete, self-contained, escaped, deterministic, and opened by a real browser where there is one."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import varied_records as varied
from made_records import record as made
from PIL import Image

from edgedepth.bench.page import Accuracy, read_accuracy, write_page
from edgedepth.bench.published import published
from edgedepth.bench.rows import cautions, commands, milliseconds
from edgedepth.bench.schema import Caution, Subject
from edgedepth.errors import InputError, OutputError, UsageError

VOID = {"img", "meta", "source"}
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome", "chrome")
HOSTILE = "</script><img src=https://example.org onerror=alert(1)>\"'&amp;\x00\ud800"


class Outline(HTMLParser):
    """Every element with its attributes, and the text between them; refuses elements that do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data if self._open[-1:] != ["style"] else ""

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def records():
    return [*varied.host()[-5:], *varied.phones(), *varied.emulated()]


@pytest.fixture(scope="module")
def page(records, tmp_path_factory) -> Path:
    accuracy = [Accuracy("a", records[0].subject.sha256, "40 frames of somewhere", 0.1234, 0.8765)]
    folder = tmp_path_factory.mktemp("report")
    return write_page(records, folder / "new" / "report.html", accuracy, "Three devices")


@pytest.fixture(scope="module")
def outline(page) -> Outline:
    return Outline(page.read_text())


def test_the_page_needs_nothing_but_itself(page, outline):
    text = page.read_text()
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text))
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in outline.elements}
    for _, attributes in outline.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "srcset"):
            assert attributes.get(name, "data:").startswith("data:")
    assert str(page.parent) not in text


def test_pictures_are_those_beside_the_page_in_light_and_in_dark(page, outline):
    embedded = [base64.b64decode(image["src"].partition(",")[2]) for image in outline.of("img")]
    beside = {path.read_bytes() for path in (page.parent / "plots").glob("*.png")}
    assert set(embedded) == beside
    assert len(embedded) == len(beside) > 10
    dark = outline.of("source")
    assert len(dark) == len(embedded)
    assert all(one["media"] == "(prefers-color-scheme: dark)" for one in dark)


def test_every_record_its_reasons_warnings_and_command_are_there(outline, records):
    for record in records:
        assert record.subject.label in outline.text
        assert record.configuration in outline.text
        assert all(reason in outline.text for reason in record.invalid_reasons)
        assert all(c.remedy in outline.text for c in record.warnings)
    assert all(caution.what in outline.text for caution, _ in cautions(records))
    assert all(command in outline.text for command in commands(records))
    assert "adb: device 'e4da' not found" in outline.text
    assert "0.1234" in outline.text
    assert "40 frames of somewhere" in outline.text


def test_devices_conditions_and_programs_are_there(outline):
    for said in ("samsung SM-S938B", "QTI SM8750", "none; moderate", "76 %", "plugged in", "policy0: walt", "41 s"):
        assert said in outline.text
    assert "benchmark_model (sha256 ab12ab12ab12)" in outline.text
    assert "This device is emulated, so never a phone's time." in outline.text


def test_times_that_must_not_be_quoted_are_struck_out(page, records):
    text = page.read_text()
    for record in records:
        if record.latency is not None and record.latency.median is not None:
            struck = f"<s>{milliseconds(record.latency.median)}</s>" in text
            assert struck is not record.valid


def test_published_figures_are_in_a_table_of_their_own(page, outline):
    text = page.read_text()
    section = text[text.index('<section id="published">') :]
    section = section[: section.index("</section>")]
    for one in published():
        assert f"{one.params_millions:.3f}" in section
    assert "37.6" in section
    assert "37.6" not in text.replace(section, "")
    for truth in ("20.41 G multiply-adds", "11.22 G multiply-adds"):
        assert truth in section
    assert "left empty rather than guessed" in section


def test_headings_and_pictures_can_be_heard(outline):
    assert outline.of("html")[0]["lang"] == "en"
    assert all(len(image["alt"]) > 20 for image in outline.of("img"))
    assert all(heading["scope"] in ("col", "row", "colgroup") for heading in outline.of("th"))
    assert len(outline.of("table")) == len(outline.of("caption"))
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_what_others_wrote_is_escaped(tmp_path):
    what = Subject(label=HOSTILE, sha256="ab" * 32, bytes=1, format="tflite", weights=HOSTILE)
    warned = Caution(what=HOSTILE, remedy=HOSTILE)
    hostile = made(subject=what, reproduce=HOSTILE, log=HOSTILE, warnings=(warned,), invalid_reasons=(HOSTILE,))
    written = write_page([hostile], tmp_path / "report.html", title=HOSTILE).read_text()
    outline = Outline(written)
    assert {image["src"][:5] for image in outline.of("img")} == {"data:"}
    assert outline.text.count("<img src=https://example.org onerror=alert(1)>\"'&amp;") >= 8
    assert "\x00" not in written


def test_equal_records_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_page(varied.gpu()[:2], tmp_path / name / "report.html")
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / n).rglob("*.*")} for n in ("a", "b"))
    assert first == second


def test_nothing_to_report_and_nowhere_to_write(tmp_path):
    with pytest.raises(UsageError, match="nothing to report"):
        write_page([], tmp_path / "report.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        write_page([made()], tmp_path / "file" / "report.html")


# Accuracy


def evaluation(
    folder: Path, sha256: str, abs_rel: float = 0.1, name: str = "eval.json", max_depth: float = 80.0
) -> Path:
    """As `edgedepth eval --json` writes it, through its own code."""
    from edgedepth.evaluation.metrics import DepthMetrics
    from edgedepth.evaluation.protocol import EvaluationProtocol, EvaluationReport, FrameResult
    from edgedepth.evaluation.report import Results, as_object

    figures = dict.fromkeys(DepthMetrics.__dataclass_fields__, 0.5) | {"abs_rel": abs_rel, "delta1": 0.9}
    frame = FrameResult("000001", 10, DepthMetrics(**figures), {}, 1.0, None)
    report = EvaluationReport(
        "a title", {"sha256": sha256}, "some streets", EvaluationProtocol(max_depth=max_depth), (frame,), False
    )
    path = folder / name
    path.write_text(json.dumps(as_object(Results((report,)))))
    return path


def test_metrics_are_found_by_the_files_hash(tmp_path):
    records = varied.host()
    path = evaluation(tmp_path, records[0].subject.sha256, 0.125)
    (found,) = read_accuracy([path], records)
    assert (found.abs_rel, found.delta1, found.sha256) == (0.125, 0.9, records[0].subject.sha256)
    assert found.rule.startswith("some streets, 1 frame, protocol ")
    assert "to 80 m" in found.rule
    assert read_accuracy([path, path], records) == (found,)


def test_metrics_of_files_that_were_not_timed_are_refused(tmp_path):
    with pytest.raises(UsageError, match="says nothing about the files that were timed"):
        read_accuracy([evaluation(tmp_path, "00" * 32)], varied.host())


def test_contradicting_metrics_are_refused_and_other_protocols_kept_apart(tmp_path):
    records = varied.host()
    sha = records[0].subject.sha256
    paths = [evaluation(tmp_path, sha, 0.1 + n / 100, f"{n}.json") for n in (1, 2)]
    with pytest.raises(UsageError, match="contradict each other"):
        read_accuracy(paths, records)
    paths = [evaluation(tmp_path, sha, 0.1 + n / 100, f"{n}.json", 40.0 * n) for n in (1, 2)]
    assert len({one.rule for one in read_accuracy(paths, records)}) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b'{"reports": 3}', b"\xff\xfe", b'{"type": "record"}'])
def test_what_is_no_evaluation_is_refused(tmp_path, content):
    path = tmp_path / "eval.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not an evaluation"):
        read_accuracy([path], varied.host())
    with pytest.raises(InputError, match="cannot be read"):
        read_accuracy([tmp_path / "nowhere.json"], varied.host())


# A real browser


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no headless browser is installed (Debian: chromium-headless-shell)")

    def run(*arguments: str) -> str:
        options = (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--hide-scrollbars",
        )
        done = subprocess.run([found, *options, *arguments], capture_output=True, text=True, timeout=120, check=True)
        return done.stdout

    return run


@pytest.mark.parametrize(("scheme", "setting"), [("light", 1), ("dark", 0)])
def test_a_browser_draws_the_page_in_either_scheme(browser, page, tmp_path, scheme, setting):
    shot = tmp_path / "shot.png"
    look = f"--blink-settings=preferredColorScheme={setting}"
    browser(look, "--window-size=1200,3000", f"--screenshot={shot}", page.as_uri())
    drawn = np.asarray(Image.open(shot).convert("L"))
    paper = np.median(drawn)
    assert paper > 240 if scheme == "light" else paper < 40
    assert (np.abs(drawn.astype(int) - paper) > 60).mean() > 0.01


@pytest.mark.parametrize("width", [390, 1200])
def test_no_width_makes_the_page_itself_scroll_sideways_and_every_picture_loads(browser, page, tmp_path, width):
    measuring = (
        "<script>document.title = JSON.stringify([document.documentElement.scrollWidth, innerWidth,"
        " [...document.images].filter(i => !i.complete || !i.naturalWidth).length])</script>"
    )
    probe = tmp_path / "probe.html"
    probe.write_text(page.read_text().replace("</body>", f"{measuring}</body>"))
    dom = browser(f"--window-size={width},2000", "--dump-dom", probe.as_uri())
    title = re.search(r"<title>(.*?)</title>", dom, flags=re.DOTALL)
    assert title is not None
    needed, room, broken = json.loads(html.unescape(title.group(1)))
    assert room == width
    assert needed <= room
    assert broken == 0
