"""Quantized precisions through the whole export: contract kept or exit 3, facts in the manifest."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from edgedepth.artifact import open_artifact
from edgedepth.errors import GateError, UsageError
from edgedepth.export.pipeline import export
from edgedepth.export.request import ExportRequest, validate
from edgedepth.scenes import street_frames

SIZE = (64, 96)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Six street pictures in a folder, without ground truth."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    for i, frame in enumerate(street_frames(3, 6, *SIZE)):
        Image.fromarray(frame.image).save(folder / f"{i}.png")
    return folder


def request_of(pictures, *precisions, **changes):
    return ExportRequest("flex-nano", sizes=(SIZE,), precisions=precisions, calibration=pictures, **changes)


def test_every_file_says_how_it_was_quantized_and_what_that_cost(pictures, tmp_path):
    asked = request_of(pictures, "fp32", "w8", "w8a8", max_absrel_drop=0.1, max_d1_drop=0.1)
    made = export(asked, tmp_path / "out")
    files = {(f.format, f.precision): f for f in made.manifest.files}
    assert set(files) == {(f, p) for f in ("onnx", "tflite") for p in ("fp32", "w8", "w8a8")}
    for (file_format, precision), entry in files.items():
        if precision == "fp32":
            assert entry.quantization is None
            continue
        facts = entry.quantization
        assert facts is not None
        assert facts.scheme == precision
        assert (facts.calibration is None) == (precision == "w8")
        assert facts.outcome is not None
        assert facts.outcome.against == "float32 output"
        assert facts.outcome.pictures == 2
        assert 0 < facts.outcome.absrel < 0.1
        assert entry.bytes < 0.4 * files[file_format, "fp32"].bytes
    assert open_artifact(tmp_path / "out").files == made.manifest.files


def test_a_missed_contract_rejects_and_names_the_layers_that_hurt(pictures, tmp_path):
    asked = request_of(pictures, "w8a8", formats=("tflite",), max_absrel_drop=0.0, max_d1_drop=0.0)
    with pytest.raises(GateError, match="accuracy contract") as caught:
        export(asked, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    report = json.loads((tmp_path / "out.rejected" / "report.json").read_text())
    harm = report["files"][0]["quantization"]["sensitivity"]
    assert [value for _, value in harm] == sorted((value for _, value in harm), reverse=True)
    assert harm[0][0] in caught.value.evidence
    assert {"encoder.0", "decoder.7"} <= {name for name, _ in harm}
    assert "head" not in {name for name, _ in harm}


def test_auto_keeps_the_contract_that_w8a8_misses(pictures, tmp_path):
    loose = export(
        request_of(pictures, "w8a8", formats=("tflite",), max_absrel_drop=1, max_d1_drop=1), tmp_path / "loose"
    )
    entry = loose.manifest.files[0]
    assert entry.quantization is not None
    assert entry.quantization.outcome is not None
    bound = 0.9 * entry.quantization.outcome.absrel
    found = export(
        request_of(pictures, "auto", formats=("tflite",), max_absrel_drop=bound, max_d1_drop=1), tmp_path / "auto"
    )
    facts = found.manifest.files[0].quantization
    assert facts is not None
    assert facts.outcome is not None
    assert facts.outcome.absrel <= bound
    assert facts.sensitivity
    assert facts.scheme == "w8" or facts.kept


def test_rendered_streets_do_not_calibrate_trained_weights():
    with pytest.raises(UsageError, match="needs calibration pictures"):
        validate(ExportRequest("flex-nano", precisions=("w8a8",)))
    validate(ExportRequest("flex-nano", precisions=("w8a8",), random_seed=0))
    validate(ExportRequest("flex-nano", precisions=("w8", "dyn8")))


def test_sixteen_bits_need_their_operator_set_before_any_work():
    with pytest.raises(UsageError, match="opset 21"):
        validate(ExportRequest("flex-nano", precisions=("w8a16",), random_seed=0))
    validate(ExportRequest("flex-nano", precisions=("w8a16",), random_seed=0, opset=21))
    validate(ExportRequest("flex-nano", precisions=("w8a16",), random_seed=0, formats=("tflite",)))


@pytest.mark.parametrize(
    "changes", [{"lowering": "none"}, {"output_type": "int8", "output": "depth"}, {"max_d1_drop": -1.0}]
)
def test_what_cannot_be_combined_is_refused_at_once(changes, tmp_path):
    with pytest.raises(UsageError):
        validate(ExportRequest("flex-nano", precisions=("w8",), **changes))


def test_an_empty_calibration_folder_is_a_clear_error(tmp_path):
    from edgedepth.cli import app

    (tmp_path / "none").mkdir()
    result = CliRunner().invoke(
        app, ["export", "flex-nano", "-p", "w8a8", "--calib", str(tmp_path / "none"), "-o", str(tmp_path / "out")]
    )
    assert result.exit_code != 0
    assert not (tmp_path / "out").exists()
