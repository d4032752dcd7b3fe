"""The Android demo's app: its own check, what it measured, and what its files promise each other."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from demo_checks import DEMO, needs_demo

from edgedepth.artifact import sha256
from edgedepth.bench.compare import compare
from edgedepth.bench.device.app_contract import AppRequest, read_answer
from edgedepth.bench.journal import read_records

APP = DEMO / "app"
MAIN = APP / "src/main"
ANDROID = "{http://schemas.android.com/apk/res/android}"
pytestmark = needs_demo


@pytest.mark.slow
def test_every_screen_was_drawn_and_the_package_is_as_it_should_be(app_checked: Path) -> None:
    drawn = {path.stem for path in (app_checked / "screenshots").glob("*.png")}
    live = {"live", "live-landscape", "live-night", "live-large-font", "live-small"}
    assert {"self-test", "picture", "models", "accelerators", "benchmark-done", *live} <= drawn
    assert sum(name.startswith("fault-") for name in drawn) >= 15
    assert (app_checked / "edgedepth-demo.apk").is_file()


@pytest.mark.slow
def test_the_host_believes_the_apps_answer(app_checked: Path) -> None:
    (file,) = (app_checked / "results").glob("*.request.json")
    request = msgspec.json.decode(file.read_bytes(), type=AppRequest)
    answer = (app_checked / "results" / f"{request.token}.json").read_bytes()
    result = read_answer(answer, request, sha256(Path(request.model)))
    assert result.tool.failure is None
    assert result.tool.latency is not None
    assert result.tool.latency.count >= request.runs


@pytest.mark.slow
def test_a_failed_measurement_is_one_for_the_host_too(app_checked: Path) -> None:
    (file,) = (app_checked / "results").glob("*.request.json")
    request = msgspec.json.decode(file.read_bytes(), type=AppRequest)
    for token in ("aa", "bb"):
        asked = msgspec.structs.replace(request, token=token)
        result = read_answer((app_checked / "results" / f"{token}.json").read_bytes(), asked, "")
        assert result.tool.failure is not None
        assert "the app says" in result.tool.failure


@pytest.mark.slow
def test_what_a_hand_measured_is_compared_as_any_result(app_checked: Path) -> None:
    files = sorted((app_checked / "results").glob("hand-*.jsonl"))
    assert files
    (record,) = read_records(files[-1:])
    assert record.device.place == "phone"
    assert record.runtime.name == "app"
    assert compare([record], [record])


def xml(path: str) -> ET.Element:
    return ET.parse(MAIN / path).getroot()  # noqa: S314 - a file of this repository


def settings() -> dict[str, str]:
    """What `app/check` reads from the Gradle file."""
    found = re.findall(r'^\s*(\w+) = "?([^"\n]+)', (APP / "build.gradle.kts").read_text(), re.MULTILINE)
    return dict(found)


def test_the_gradle_file_says_what_the_issue_asks_for() -> None:
    found = settings()
    assert found["namespace"] == found["applicationId"] == "io.edgedepth.demo"
    assert (found["minSdk"], int(found["targetSdk"]) >= 35) == ("24", True)
    gradle = (APP / "build.gradle.kts").read_text()
    assert 'noCompress += "tflite"' in gradle
    assert "libs.litert" in gradle


def test_the_manifest_asks_for_the_camera_alone_and_lets_the_benchmark_be_started() -> None:
    manifest = xml("AndroidManifest.xml")
    assert [one.get(f"{ANDROID}name") for one in manifest.iter("uses-permission")] == ["android.permission.CAMERA"]
    assert [one.get(f"{ANDROID}required") for one in manifest.iter("uses-feature")] == ["false"]
    (measuring,) = (one for one in manifest.iter("activity") if one.get(f"{ANDROID}name") == ".BenchmarkActivity")
    assert measuring.get(f"{ANDROID}exported") == "true"
    assert measuring.get(f"{ANDROID}permission") is None


def test_no_model_constant_stands_in_the_apps_source() -> None:
    for file in MAIN.rglob("*.kt"):
        text = "".join(line for line in file.read_text().splitlines() if line.lstrip()[:1] not in ("*", "/"))
        for constant in ("9.99", "0.225", "min_disparity", "192", "lanczos"):
            assert constant not in text, f"{file.name} has {constant}"


def test_androidx_is_not_used() -> None:
    for file in (*MAIN.rglob("*.kt"), *MAIN.rglob("*.xml")):
        assert "androidx" not in file.read_text(), file.name


def test_night_has_every_colour_of_the_day() -> None:
    def names(folder: str) -> set[str]:
        return {str(one.get("name")) for one in xml(f"res/{folder}/colors.xml")}

    assert names("values") == names("values-night")


def test_every_text_is_used() -> None:
    source = "".join(file.read_text() for file in (*MAIN.rglob("*.kt"), *MAIN.rglob("*.xml")))
    for one in xml("res/values/strings.xml"):
        name = one.get("name")
        assert re.search(rf"(R\.(string|plurals|array)\.|@string/){name}\b", source), name


def test_models_are_never_committed() -> None:
    assert "/src/main/assets/models/" in (APP / ".gitignore").read_text().splitlines()


def test_the_versions_of_the_check_are_those_of_the_build() -> None:
    catalog = (DEMO / "gradle/libs.versions.toml").read_text()
    kotlin = re.search(r'^kotlin = "([^"]+)"', catalog, re.MULTILINE)
    own = re.search(r"<kotlin\.version>([^<]+)<", (APP / "pom.xml").read_text())
    assert kotlin is not None
    assert own is not None
    assert kotlin[1] == own[1]


def test_requests_are_json_of_the_contract() -> None:
    """The names that the app's own test asks with."""
    source = (APP / "src/test/kotlin/io/edgedepth/demo/BenchmarkScreenTest.kt").read_text()
    named = set(re.findall(r'"(\w+)" to ', source))
    assert named == {field.name for field in msgspec.structs.fields(AppRequest)}
