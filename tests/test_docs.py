"""What the documentation says is there: commands and options, files, links, figures."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

pages = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)


def without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def fences(text: str) -> Iterator[tuple[str, str]]:
    for found in re.finditer(r"^```(\w*)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        yield found.group(1), found.group(2)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_fences(page.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def table(page: Path, first_heading: str) -> list[list[str]]:
    """Rows of the table whose first heading is that."""
    rows: list[list[str]] = []
    inside = False
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if cells and cells[0] == first_heading:
            inside = True
        elif inside and not cells:
            break
        elif inside and not set(cells[0]) <= set("-:"):
            rows.append(cells)
    assert rows, f"{page.name} has no table that starts with {first_heading!r}"
    return rows


@pages
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", without_fences(page.read_text())):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_file(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name} links to {target}"


@pages
def test_paths_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"`((?:edgedepth|examples|tests|docs)/[\w./-]+)`", page.read_text())
    assert not [name for name in named if not (ROOT / name).exists()]


def commands_of(text: str) -> Iterator[str]:
    """Command lines of edgedepth, in fences (those behind a prompt, if there are any) and between backticks."""
    for language, body in fences(text):
        if language in ("", "sh"):
            lines = body.splitlines()
            prompts = any(line.startswith("$ ") for line in lines)
            for line in lines:
                bare = line.removeprefix("$ ")
                if bare.startswith("edgedepth ") and (line.startswith("$ ") or not prompts):
                    yield bare
    yield from re.findall(r"`(edgedepth [^`]+)`", without_fences(text))


@pages
def test_commands_and_options_exist(page: Path) -> None:
    from edgedepth.cli import app

    root = typer.main.get_command(app)
    for line in commands_of(page.read_text()):
        words = line.split()[1:]
        command, asked = root, "edgedepth"
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            asked = f"{asked} {words[0]}"
            assert words[0] in command.commands, f"{page.name} names `{asked}`, which does not exist"
            command = command.commands[words.pop(0)]
        known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)} | {"--help", "-h"}
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= known, f"{page.name}: `{line}` uses {sorted(used - known)}"


@pages
def test_options_named_alone_exist(page: Path) -> None:
    from edgedepth.cli import app

    def options(command: object) -> Iterator[str]:
        for parameter in getattr(command, "params", ()):
            yield from (*parameter.opts, *parameter.secondary_opts)
        for sub in getattr(command, "commands", {}).values():
            yield from options(sub)

    known = {*options(typer.main.get_command(app)), "--help"}
    named = re.findall(r"`(--[a-z][a-z0-9-]*)", without_fences(page.read_text()))
    assert set(named) <= known, sorted(set(named) - known)


def test_readme_has_the_two_set_up_commands_and_no_other() -> None:
    section = (ROOT / "README.md").read_text().partition("## Two commands")[2].partition("\n## ")[0]
    assert [body.split("\n") for _, body in fences(section)] == [["make demo", "make test", ""]]


def test_make_targets_that_are_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE)
    assert phony is not None
    targets = set(phony.group(1).split())
    assert targets <= set(re.findall(r"^([\w-]+):", makefile, flags=re.MULTILINE))
    for page in (*PAGES, ROOT / ".ci" / "run"):
        assert set(re.findall(r"`make ([\w-]+)`", page.read_text())) <= targets
    helped = re.findall(r"make ([\w-]+) {2,}", makefile)
    assert set(helped) == targets - {"help"}


def test_scales_are_those_of_the_registry() -> None:
    import torch

    from edgedepth.models import build, cards
    from edgedepth.models.counting import count

    expected = []
    for name, card in cards().items():
        with torch.device("meta"):
            counted = count(build(card), (card.input.height, card.input.width))
        printed = f"{card.paper.gflops:.3f}" if card.paper and card.paper.gflops else "-"
        expected.append([name, f"{counted.parameters:,}", printed, f"{counted.macs / 1e9:.3f}"])
        if printed != "-" and card.paper.true_gmacs is None:
            assert f"{counted.paper_gflops:.3f}" == printed
    assert table(ROOT / "README.md", "model") == expected


def test_formats_are_those_of_the_table() -> None:
    from edgedepth.export.formats import FORMATS

    expected = [
        [
            fmt.name,
            ", ".join(fmt.precisions),
            *fmt.layouts,
            f"{fmt.opsets[0]} to {fmt.opsets[1]}" if fmt.opsets else "-",
            fmt.runs_on,
        ]
        for fmt in FORMATS.values()
    ]
    assert table(ROOT / "README.md", "format") == expected


def test_gates_are_those_of_the_export() -> None:
    from edgedepth.export.verify import GATES

    rows = {row[0]: [float(cell) for cell in row[1:]] for row in table(ROOT / "docs/measuring.md", "precision")}
    expected = {
        name: [gate.max_abs, gate.mean_abs, gate.correlation, gate.absrel_drift] for name, gate in GATES.items()
    }
    assert rows == expected


def test_window_figures_are_those_of_the_export() -> None:
    from edgedepth.export.lowering.window import reach
    from edgedepth.export.windows import MARGIN, MOST_TAPS, TOLERANCE

    text = " ".join((ROOT / "docs/lowering.md").read_text().split())
    assert f"a margin of {MARGIN:.0%}" in text
    assert f"by no more than {TOLERANCE:.0e}".replace("e-0", "e-") in text
    assert f"every offset up to {reach(2)}" in text
    assert f"more than {MOST_TAPS} taps" in text
    assert f"three taps for {reach(3)}, five for {reach(5)}" in text


def test_exit_codes_are_those_of_the_errors() -> None:
    from edgedepth import errors

    def codes(kind: type[errors.EdgedepthError]) -> Iterator[int]:
        yield kind.exit_code
        for sub in kind.__subclasses__():
            yield from codes(sub)

    documented = {int(row[0]) for row in table(ROOT / "README.md", "code")}
    assert documented == {0, 130, *codes(errors.EdgedepthError)}


def test_manifest_fields_are_documented() -> None:
    from edgedepth.artifact import manifest, rig

    text = (ROOT / "docs/artifact.md").read_text()
    for struct in (
        manifest.Manifest,
        manifest.ModelFacts,
        manifest.Source,
        manifest.FileEntry,
        manifest.RefinerEntry,
        manifest.InputContract,
        manifest.OutputContract,
        manifest.TensorSpec,
        manifest.Parity,
        manifest.Lowering,
        manifest.Reference,
        manifest.Quantization,
        manifest.CalibrationFacts,
        manifest.ContractOutcome,
        rig.Rig,
        rig.RigCamera,
        rig.RigMask,
    ):
        for field in struct.__struct_fields__:
            assert f"`{field}`" in text, f"{struct.__name__}.{field} is not in docs/artifact.md"


@pages
def test_python_in_the_docs_imports_what_exists(page: Path) -> None:
    import importlib

    for language, body in fences(page.read_text()):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(body)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("edgedepth"):
                module = importlib.import_module(node.module or "")
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{node.module}.{alias.name}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.name)
def test_examples_are_linked_and_start(example: Path) -> None:
    assert f"examples/{example.name}" in "".join(page.read_text() for page in PAGES)
    done = subprocess.run([sys.executable, example], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "usage" in done.stderr
    assert "Traceback" not in done.stderr


def test_street_picture(tmp_path: Path) -> None:
    picture, depth = tmp_path / "street.png", tmp_path / "depth.npy"
    command = [
        sys.executable,
        ROOT / "examples/street_picture.py",
        picture,
        "--size",
        "48x160",
        "--depth",
        depth,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    with Image.open(picture) as image:
        assert image.size == (160, 48)
    assert str(picture) in done.stdout
    assert depth.is_file()


def test_style() -> None:
    for page in PAGES:
        text = page.read_text()
        assert text.isascii() or page.name == "README.md", page.name  # the README shows a table of box characters
        assert not re.search(r"\bTODO\b|!\[|[\U0001f300-\U0001faff]", text), page.name
        long = [line for line in without_fences(text).splitlines() if len(line) > 120 and "|" not in line]
        assert not long, long


def test_licence_files() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]
    notice = (ROOT / "NOTICE").read_text()
    assert notice.startswith("edgedepth\nCopyright")
    for needed in ("CC BY-NC-SA 3.0", "non-commercial", "Geiger", "Menze", "PSMNet", "flex-nano"):
        assert needed in notice


@pytest.mark.skipif(os.name == "nt", reason="the scripts are for POSIX shells")
@pytest.mark.parametrize(
    "script", [("sh", ".ci/venv"), ("bash", ".ci/run"), ("bash", ".ci/device-tools")], ids=lambda s: s[1]
)
def test_scripts_parse(script: tuple[str, str]) -> None:
    shell, name = script
    assert os.access(ROOT / name, os.X_OK)
    subprocess.run([shell, "-n", ROOT / name], check=True)
