"""Checkpoints: what is read, and one clear refusal for everything else."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from support import SCALES, gap, network, official_state, picture, write_official

from edgedepth import files
from edgedepth.errors import CheckpointError, OutputError, UsageError
from edgedepth.models import build, card, checkpoint, with_config


@pytest.fixture(scope="module")
def nano():
    return network("flex-nano", seed=4)


@pytest.fixture
def folder(nano, tmp_path):
    return write_official(tmp_path / "release", official_state(nano))


def outputs_agree(a, b):
    x = picture(32, 64)
    with torch.no_grad():
        return gap(a(x), b(x)) == 0


def refusal(path, name=None):
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path, name)
    error = caught.value
    assert error.exit_code == 2
    assert error.cause
    assert error.remedy
    assert all("\n" not in line for line in (error.cause, error.evidence, error.remedy))
    return error


# What is read


def test_official_folder_gives_the_network_its_size_and_its_hashes(folder, nano):
    loaded = checkpoint.load(folder)
    assert loaded.card is card("flex-nano")
    assert loaded.size == (192, 640)
    assert sorted(loaded.files) == ["depth.pth", "encoder.pth"]
    assert all(len(digest) == 64 for digest in loaded.files.values())
    assert not loaded.model.training
    assert outputs_agree(loaded.model, nano)


def test_golden_weights_load_from_an_official_folder(goldens, tmp_path):
    model = goldens.fill(build(card("flex-nano")))
    loaded = checkpoint.load(write_official(tmp_path, official_state(model)))
    with torch.no_grad():
        found = loaded.model(goldens.generator.golden_input())
    assert gap(found, torch.from_numpy(goldens.arrays("flex_n")["disp0"])) <= 1e-4


def test_wrappers_prefix_and_profilers_junk_are_dropped(nano, tmp_path):
    files = official_state(nano)
    for name, content in files.items():
        wrapped = {f"module.{key}" if isinstance(value, torch.Tensor) else key: value for key, value in content.items()}
        for key in list(content):
            if key.endswith(".conv.weight"):
                parent = key.removesuffix(".weight")
                wrapped[f"module.{parent}.total_ops"] = torch.zeros(1, dtype=torch.float64)
                wrapped[f"module.{parent}.total_params"] = torch.zeros(1, dtype=torch.float64)
        wrapped |= {"total_ops": torch.zeros(1), "module.total_params": torch.zeros(1)}
        files[name] = wrapped
    assert outputs_agree(checkpoint.load(write_official(tmp_path, files), "flex-nano").model, nano)


def test_newer_releases_extra_entries_do_not_matter(nano, tmp_path):
    files = official_state(nano)
    files["encoder.pth"] |= {"decoder_model_type": "flexn", "c3k": True, "upsample": "dysample_pl"}
    assert checkpoint.load(write_official(tmp_path, files)).card.name == "flex-nano"


def test_batch_counters_may_be_absent(nano, tmp_path):
    files = {
        name: {k: v for k, v in content.items() if not k.endswith("num_batches_tracked")}
        for name, content in official_state(nano).items()
    }
    assert outputs_agree(checkpoint.load(write_official(tmp_path, files)).model, nano)


def test_half_precision_weights_are_read_as_float32(nano, tmp_path):
    files = {
        name: {k: v.half() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in content.items()}
        for name, content in official_state(nano).items()
    }
    loaded = checkpoint.load(write_official(tmp_path, files))
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    x = picture(32, 64)
    with torch.no_grad():
        assert gap(loaded.model(x), nano(x)) < 0.05


@pytest.mark.parametrize("name", SCALES)
def test_the_scale_is_told_from_the_shapes(name, tmp_path):
    model = build(card(name))
    assert checkpoint.load(write_official(tmp_path / "folder", official_state(model))).card is card(name)
    file = tmp_path / "foreign.safetensors"
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, file)
    assert checkpoint.load(file).card is card(name)


def test_own_file_round_trip_keeps_everything(nano, tmp_path):
    file = tmp_path / "weights.safetensors"
    checkpoint.save(file, nano, card("flex-nano"), {}, {"licence": "mine", "recipe": "none"})
    loaded = checkpoint.load(file)
    state, expected = loaded.model.state_dict(), nano.state_dict()
    assert all(torch.equal(state[key], expected[key]) for key in expected)
    assert loaded.notes == {"licence": "mine", "recipe": "none"}
    assert loaded.size is None
    assert list(loaded.files) == ["weights.safetensors"]
    assert list(tmp_path.iterdir()) == [file]


def test_own_file_round_trip_keeps_the_configuration(tmp_path):
    overrides = {"offset_limits": [0.25, 0.25, 0.75, 1.75], "head": "inverted"}
    model = network("flex-nano", **overrides)
    file = tmp_path / "bounded.safetensors"
    checkpoint.save(file, model, card("flex-nano"), overrides, {})
    loaded = checkpoint.load(file)
    assert loaded.card == with_config(card("flex-nano"), overrides)
    assert outputs_agree(loaded.model, model)


def test_equal_networks_are_saved_as_equal_bytes(nano, tmp_path):
    for name in ("a", "b"):
        checkpoint.save(tmp_path / name, nano, card("flex-nano"), {}, {"z": "1", "a": "2"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_saving_replaces_what_is_there(nano, tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"old")
    checkpoint.save(file, nano, card("flex-nano"), {}, {})
    assert checkpoint.load(file).card.name == "flex-nano"


# What does not fit


@pytest.mark.parametrize(
    ("stored", "asked"),
    [("flex-small", "flex-nano"), ("flex-large", "flex-medium"), ("flex-medium", "flex-large")],
)
def test_the_wrong_scale_is_named(stored, asked, tmp_path):
    write_official(tmp_path, official_state(build(card(stored))))
    error = refusal(tmp_path, asked)
    assert f"this is {stored}" in error.cause
    assert asked in error.cause
    assert stored in error.remedy
    assert "differences" in error.evidence


def test_a_missing_key_is_listed(nano, tmp_path):
    files = official_state(nano)
    del files["depth.pth"]["decoder.1.cv1.conv.weight"]
    error = refusal(write_official(tmp_path, files), "flex-nano")
    assert "1 differences: missing decoder.1.cv1.conv.weight" in error.evidence


def test_an_unexpected_key_is_listed(nano, tmp_path):
    files = official_state(nano)
    files["depth.pth"]["decoder.99.weight"] = torch.zeros(3)
    assert "unexpected decoder.99.weight" in refusal(write_official(tmp_path, files), "flex-nano").evidence


def test_a_mis_shaped_key_is_listed_with_both_shapes(nano, tmp_path):
    files = official_state(nano)
    files["encoder.pth"]["encoder.0.conv.weight"] = torch.zeros(16, 3, 5, 5)
    evidence = refusal(write_official(tmp_path, files), "flex-nano").evidence
    assert "encoder.0.conv.weight is [16, 3, 5, 5], not [16, 3, 3, 3]" in evidence


def test_only_the_first_differences_are_listed(nano, tmp_path):
    files = official_state(nano)
    files["depth.pth"] = {}
    evidence = refusal(write_official(tmp_path, files), "flex-nano").evidence
    assert evidence.count("missing") == 4
    assert int(evidence.split()[0]) > 50


def test_without_a_name_the_closest_model_is_named(nano, tmp_path):
    files = official_state(nano)
    files["depth.pth"]["decoder.99.weight"] = torch.zeros(3)
    error = refusal(write_official(tmp_path, files))
    assert "closest is flex-nano" in error.cause
    assert "decoder.99.weight" in error.evidence


def test_another_networks_checkpoint_is_refused(goldens, tmp_path):
    facts = goldens.facts("monodepth2_r18")
    facts["files"] = [row for row in facts["files"] if "layer4.1" not in row[1]]
    files: dict[str, dict[str, torch.Tensor]] = {"encoder.pth": {}, "depth.pth": {}}
    for file, key, shape, dtype in facts["files"]:
        files[file][key] = torch.zeros(shape, dtype=getattr(torch, dtype))
    assert "fits no model" in refusal(write_official(tmp_path, files)).cause


def test_an_unknown_name_is_refused_with_the_nearest(folder):
    with pytest.raises(UsageError, match="flex-nano"):
        checkpoint.load(folder, "flex-nan")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(nano, tmp_path, value):
    files = official_state(nano)
    files["encoder.pth"]["encoder.3.conv.weight"][0, 0, 0, 0] = value
    error = refusal(write_official(tmp_path, files))
    assert "not finite" in error.cause
    assert "encoder.3.conv.weight" in error.evidence


def test_other_start_positions_are_refused(nano, tmp_path):
    files = official_state(nano)
    files["depth.pth"]["decoder.0.init_pos"][0, 0] = 0.5
    assert "decoder.0.init_pos" in refusal(write_official(tmp_path, files)).evidence


# What is no checkpoint


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("protocol", ["torch", "pickle"])
def test_a_pickle_with_code_is_refused_and_not_run(folder, tmp_path, protocol):
    trap = tmp_path / "trap"
    content = {"encoder.0.conv.weight": Bomb(trap)}
    if protocol == "torch":
        torch.save(content, folder / "encoder.pth")
    else:
        (folder / "encoder.pth").write_bytes(pickle.dumps(content, protocol=2))
    error = refusal(folder)
    assert not trap.exists()
    assert "encoder.pth" in error.cause
    assert "mkdir" in error.evidence
    assert "torch" not in error.evidence
    assert "never run" in error.remedy


def test_a_whole_pickled_module_is_refused(folder, nano):
    torch.save(nano, folder / "depth.pth")
    assert "depth.pth" in refusal(folder).cause


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.9999])
@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_a_truncated_pth_is_damaged(folder, nano, share, layout):
    file = folder / "encoder.pth"
    content = official_state(nano)["encoder.pth"]
    torch.save(content, file, _use_new_zipfile_serialization=layout == "zip")
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    error = refusal(folder)
    assert "encoder.pth" in error.cause


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.3, 0.99])
def test_a_truncated_safetensors_is_damaged(nano, tmp_path, share):
    file = tmp_path / "weights.safetensors"
    checkpoint.save(file, nano, card("flex-nano"), {}, {})
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    error = refusal(file)
    assert "cannot be read as a checkpoint" in error.cause
    assert f"{file.stat().st_size} bytes" in error.evidence


@pytest.mark.parametrize(
    "content", [b"", b"not a checkpoint\n", b"PK\x03\x04 only looks like a zip", b"\x80\x02", b"\x00" * 100]
)
def test_files_that_are_no_checkpoint_are_refused(folder, tmp_path, content):
    (folder / "depth.pth").write_bytes(content)
    assert "depth.pth" in refusal(folder).cause
    file = tmp_path / "file.safetensors"
    file.write_bytes(content)
    assert "file.safetensors" in refusal(file).cause


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 1000), st.integers(0, 8))
def test_any_damage_ends_in_a_refusal(tmp_path, noise, where, flips):
    """Bytes at random, and a small valid file with random bytes written into it."""
    (tmp_path / "depth.pth").write_bytes(noise)
    small = tmp_path / "encoder.pth"
    torch.save({"a": torch.arange(4.0), "height": 3}, small)
    content = bytearray(small.read_bytes())
    at = where % len(content)
    content[at : at + flips] = noise[:flips]
    small.write_bytes(bytes(content))
    for layout in (tmp_path, _with_suffix(tmp_path, noise)):
        with pytest.raises(CheckpointError):
            checkpoint.load(layout)


def _with_suffix(folder, noise):
    file = folder / "noise.safetensors"
    file.write_bytes(noise)
    return file


@pytest.mark.parametrize("stored", [[1, 2], torch.zeros(3), {1: torch.zeros(1)}, "text"])
def test_a_file_of_something_else_is_refused(folder, stored):
    torch.save(stored, folder / "depth.pth")
    error = refusal(folder)
    assert "no state_dict" in error.cause
    assert type(stored).__name__ in error.evidence


@pytest.mark.parametrize("absent", ["encoder.pth", "depth.pth"])
def test_a_folder_without_one_of_its_files_is_refused(folder, absent):
    (folder / absent).unlink()
    error = refusal(folder)
    assert absent in error.evidence
    assert "encoder.pth and depth.pth" in error.remedy


def test_nothing_there(tmp_path):
    assert "no checkpoint at" in refusal(tmp_path / "nowhere").cause


@pytest.mark.parametrize("name", ["encoder.pth", "notes.txt", "weights"])
def test_a_single_file_of_another_kind_is_refused(folder, name):
    (folder / name).touch()
    assert "neither a .safetensors file nor a folder" in refusal(folder / name).cause


def test_a_folder_named_like_a_file_is_still_a_folder(nano, tmp_path):
    folder = write_official(tmp_path / "weights.safetensors", official_state(nano))
    assert checkpoint.load(folder).card.name == "flex-nano"


# What a foreign header may say


def with_header(nano, file, **header):
    save_file({k: v.contiguous() for k, v in nano.state_dict().items()}, file, metadata=header)
    return file


@pytest.mark.parametrize(
    "config",
    [
        "{not json",
        "[1, 2]",
        '{"groups": "four"}',
        '{"groups": 3}',
        '{"no_such_field": 1}',
        '{"offset_limits": 3}',
        '{"offset_limits": [0, 0, 0, 0]}',
        '{"decoder_block": ["HEB"]}',
    ],
)
def test_a_header_that_makes_no_sense_is_refused(nano, tmp_path, config):
    file = with_header(nano, tmp_path / "odd.safetensors", model="flex-nano", config=config)
    error = refusal(file)
    assert "odd.safetensors" in error.cause
    assert error.evidence


def test_a_foreign_header_does_not_matter(nano, tmp_path):
    """Only shapes tell then; what the header says is kept as a note."""
    header = {"model": "resnet", "config": "resnet.yaml", "format": "pt"}
    loaded = checkpoint.load(with_header(nano, tmp_path / "foreign.safetensors", **header))
    assert loaded.card is card("flex-nano")
    assert loaded.notes == header


def test_an_own_file_under_another_name_is_told_by_its_header(tmp_path):
    overrides = {"decoder_block": "HPB"}
    file = tmp_path / "weights.safetensors"
    checkpoint.save(file, build(card("flex-nano"), **overrides), card("flex-nano"), overrides, {})
    assert "this is flex-nano" in refusal(file, "flex-small").cause


def test_a_size_that_is_no_number_is_no_size(nano, tmp_path):
    loaded = checkpoint.load(with_header(nano, tmp_path / "odd.safetensors", height="tall", width="wide"))
    assert loaded.size is None


def test_a_files_own_configuration_is_in_the_message(nano, tmp_path):
    """The weights fit the plain card, but the header asks for another decoder: both facts are told."""
    header = {"model": "flex-nano", "config": json.dumps({"decoder_block": "HPB"})}
    error = refusal(with_header(nano, tmp_path / "odd.safetensors", **header))
    assert "this is flex-nano" not in error.cause
    assert "decoder_block" in error.cause + error.evidence + error.remedy


# What cannot be written


def test_a_file_that_cannot_be_written_leaves_nothing(nano, tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OutputError, match="could not be written"):
        checkpoint.save(tmp_path / "weights.safetensors", nano, card("flex-nano"), {}, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("parent", ["absent", "file"])
def test_a_parent_that_is_no_folder(nano, tmp_path, parent):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        checkpoint.save(tmp_path / parent / "weights.safetensors", nano, card("flex-nano"), {}, {})


def test_an_interruption_keeps_the_old_file(nano, tmp_path, monkeypatch):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"old")

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(file, nano, card("flex-nano"), {}, {})
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]
