"""Refining pictures with a pair of graphs: the arithmetic, the files, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tiny_graphs
import tiny_pair
from PIL import Image

from edgedepth.artifact import open_artifact
from edgedepth.artifact.reading import verify_hashes
from edgedepth.errors import InputError, UsageError
from edgedepth.runtime import open_predictor
from edgedepth.runtime.preprocess import resize
from edgedepth.runtime.refine import RefineWanted, Tiling, open_pair, parse_tiling, refine_picture
from edgedepth.runtime.tiling import Grid, average_grid, cut, to_picture

PLENTY = 10**12
H, W = tiny_pair.PATCH


def photo(path, height=101, width=163, mode="RGB", seed=0):
    """A smooth picture with noise, as a file; its pixels as RGB."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([127 + 120 * np.sin(y / 17), x * 255 / width, (x + y) % 256], -1)
    pixels = np.clip(base + rng.integers(-20, 20, base.shape), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return pixels


def sampled(values, box, size):
    """One bilinear sample in the middle of every cell, borders repeated; written out."""
    left, top, right, bottom = box
    rows = np.clip((top + (np.arange(size[0]) + 0.5) * (bottom - top) / size[0]) * values.shape[0] - 0.5, 0, None)
    columns = np.clip((left + (np.arange(size[1]) + 0.5) * (right - left) / size[1]) * values.shape[1] - 0.5, 0, None)
    columns, rows = np.minimum(columns, values.shape[1] - 1), np.minimum(rows, values.shape[0] - 1)
    across = np.stack([np.interp(columns, np.arange(values.shape[1]), line) for line in values])
    return np.stack([np.interp(rows, np.arange(values.shape[0]), line) for line in across.T], 1)


def refined(picture, patch, box):
    """A patch's depth by the formulas, float64."""
    log_depth, feature = tiny_pair.coarse(resize(picture, (H, W)) / 255.0)
    there = sampled(log_depth, box, (H, W))
    feature = sampled(feature, box, (H // tiny_pair.CELLS, W // tiny_pair.CELLS))
    return np.exp(there + tiny_pair.correction(resize(patch, (H, W)) / 255.0, there - log_depth.mean(), feature))


def run(pair, source, output, tiling="m1", memory=PLENTY, **more):
    on_patch = more.pop("on_patch", lambda *_: None)
    return refine_picture(pair, source, RefineWanted(output, parse_tiling(tiling), memory, **more), on_patch)


def test_a_patch_written_out(pair, tmp_path):
    picture = photo(tmp_path / "a.png")
    box = (0.3, 0.25, 0.6, 0.45)
    patch = picture[20:60, 50:100]
    (found,) = pair.refine(pair.coarse(picture), [patch], [box])
    np.testing.assert_allclose(found, refined(picture, patch, box), rtol=2e-5)


@pytest.mark.parametrize("tiling", ["m1", "m2"])
def test_a_picture_is_the_average_of_its_patches(pair, tmp_path, tiling):
    picture = photo(tmp_path / "a.png")
    grid = Grid(*picture.shape[:2], patch=(H, W))

    def predict(tiles):
        return [refined(picture, cut(picture, tile), grid.fractions(tile)) for tile in tiles]

    expected = np.concatenate(list(to_picture(average_grid(grid, tiling, predict), grid)))
    done = run(pair, tmp_path / "a.png", tmp_path / "depth.npy", tiling)
    found = np.load(tmp_path / "depth.npy")
    assert found.dtype == np.float32
    assert done.size == found.shape == picture.shape[:2]
    assert (done.patches, done.resumed) == ({"m1": 16, "m2": 49}[tiling], 0)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_tiled_equals_untiled_where_the_patch_is_the_picture(tmp_path):
    pair = open_pair(tiny_pair.artifact(tmp_path / "one", grid=(1, 1)))
    picture = photo(tmp_path / "a.png", H, W)
    run(pair, tmp_path / "a.png", tmp_path / "depth.npy")
    np.testing.assert_allclose(np.load(tmp_path / "depth.npy"), refined(picture, picture, (0, 0, 1, 1)), rtol=2e-5)


@pytest.mark.parametrize("tiling", ["m2", "r5"])
def test_a_batch_changes_nothing(pair, tmp_path, tiling):
    """49 and 54 patches do not divide by 4."""
    photo(tmp_path / "a.png")
    four = open_pair(tiny_pair.artifact(tmp_path / "four", batch=4))
    assert four.batch == 4
    told = []
    run(four, tmp_path / "a.png", tmp_path / "four.npy", tiling, on_patch=lambda *now: told.append(now))
    done = run(pair, tmp_path / "a.png", tmp_path / "one.npy", tiling)
    assert told[-1] == (done.patches, done.patches)
    np.testing.assert_allclose(np.load(tmp_path / "four.npy"), np.load(tmp_path / "one.npy"), rtol=1e-5)


def test_random_patches_are_the_same_every_time(pair, tmp_path):
    photo(tmp_path / "a.png")
    assert run(pair, tmp_path / "a.png", tmp_path / "one.npy", "r6").patches == 55
    run(pair, tmp_path / "a.png", tmp_path / "two.npy", "r6")
    assert (tmp_path / "one.npy").read_bytes() == (tmp_path / "two.npy").read_bytes()
    assert np.isfinite(np.load(tmp_path / "one.npy")).all()


@pytest.mark.parametrize("tiling", ["m2", "r7"])
def test_an_interrupted_picture_goes_on_where_it_stopped(pair, tmp_path, tiling):
    photo(tmp_path / "a.png")
    run(pair, tmp_path / "a.png", tmp_path / "whole.npy", tiling)

    def stop(done, _):
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(pair, tmp_path / "a.png", tmp_path / "depth.npy", tiling, on_patch=stop)
    assert not (tmp_path / "depth.npy").exists()
    kept = tmp_path / ".depth.npy.refining"
    assert len(list(kept.glob("*.npy"))) == 20
    (kept / "3.npy").write_bytes((tmp_path / "whole.npy").read_bytes())  # of another size: not taken over
    done = run(pair, tmp_path / "a.png", tmp_path / "depth.npy", tiling)
    assert done.resumed == 19
    assert (tmp_path / "depth.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert not kept.exists()


def test_another_picture_or_other_tiles_take_nothing_over(pair, tmp_path):
    photo(tmp_path / "a.png")

    def stop(done, _):
        if done == 5:
            raise KeyboardInterrupt

    for again in ({"tiling": "m2"}, {"seed": 1}):
        photo(tmp_path / "a.png")
        with pytest.raises(KeyboardInterrupt):
            run(pair, tmp_path / "a.png", tmp_path / "depth.npy", on_patch=stop)
        photo(tmp_path / "a.png", seed=again.get("seed", 0))
        assert run(pair, tmp_path / "a.png", tmp_path / "depth.npy", again.get("tiling", "m1")).resumed == 0
    assert not (tmp_path / ".depth.npy.refining").exists()


@pytest.mark.parametrize(
    ("tiling", "memory", "says"), [("m1", 10**6, "does not hold one patch"), ("r3", 10**6, "Allow at least")]
)
def test_a_budget_that_is_too_small_is_refused(pair, tmp_path, tiling, memory, says):
    photo(tmp_path / "a.png")
    with pytest.raises(UsageError, match=says):
        run(pair, tmp_path / "a.png", tmp_path / "depth.png", tiling, memory)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


@pytest.mark.parametrize("size", [(1, 400), (400, 1), (3, 3), (9, 400)])
def test_a_picture_that_cannot_be_cut_is_refused(pair, tmp_path, size):
    photo(tmp_path / "a.png", *size)
    with pytest.raises(UsageError, match="cannot be cut into 4 x 4 patches"):
        run(pair, tmp_path / "a.png", tmp_path / "depth.png")
    assert not (tmp_path / "depth.png").exists()


def test_extreme_shapes_are_refined(pair, tmp_path):
    photo(tmp_path / "a.png", 16, 1200)
    done = run(pair, tmp_path / "a.png", tmp_path / "depth.npy", "m2")
    assert done.size == (16, 1200)
    assert np.isfinite(np.load(tmp_path / "depth.npy")).all()


def test_alpha_and_16_bits_are_read_as_everywhere(pair, tmp_path):
    pixels = photo(tmp_path / "a.png")
    grey = pixels[..., 0]
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    Image.fromarray(np.repeat(grey[..., None], 3, 2)).save(tmp_path / "flat.png")
    alpha = np.full((*grey.shape, 1), 255, np.uint8)
    Image.fromarray(np.concatenate([np.repeat(grey[..., None], 3, 2), alpha], 2)).save(tmp_path / "alpha.png")
    for name in ("flat", "deep", "alpha"):
        run(pair, tmp_path / f"{name}.png", tmp_path / f"{name}.npy")
    expected = np.load(tmp_path / "flat.npy")
    for name in ("deep", "alpha"):
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), expected)


def test_what_is_written(pair, tmp_path):
    photo(tmp_path / "a.png")
    done = run(pair, tmp_path / "a.png", tmp_path / "b.png", npy=True, side_by_side=True)
    assert done.outputs == (tmp_path / "b.png", tmp_path / "b.npy")
    assert Image.open(tmp_path / "b.png").size == (2 * 163, 101)
    assert np.load(tmp_path / "b.npy").shape == (101, 163)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.npy", "b.png"]
    assert done.peak_bytes > 0


@pytest.mark.parametrize(
    ("source", "output", "more"),
    [
        ("a.png", "b.mp4", {}),
        ("a.png", "b.npy", {"side_by_side": True}),
        ("a.png", "a.png", {}),
        (".", "b.png", {}),
    ],
)
def test_outputs_that_do_not_fit_are_refused(pair, tmp_path, source, output, more):
    photo(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(UsageError):
        run(pair, tmp_path / source, tmp_path / output, **more)
    assert (tmp_path / "a.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


# The artifact


def test_to_every_other_command_the_pair_is_its_coarse_graph(folder, tmp_path):
    picture = photo(tmp_path / "a.png", H, W)
    depth = open_predictor(folder)(picture)
    log_depth, _ = tiny_pair.coarse(picture / 255.0)
    np.testing.assert_allclose(depth.values, np.exp(log_depth), rtol=1e-5)


def test_an_artifact_without_a_refiner_says_so(tmp_path):
    tiny_graphs.write_artifact(tmp_path / "plain", [tiny_graphs.entry()])
    with pytest.raises(UsageError, match="has no refiner"):
        open_pair(tmp_path / "plain")


def test_a_format_that_is_not_there_is_refused(folder):
    with pytest.raises(UsageError, match="tflite"):
        open_pair(folder, file_format="tflite")


def test_a_changed_refiner_is_noticed(tmp_path):
    folder = tiny_pair.artifact(tmp_path / "pair")
    with (folder / "refine.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match=r"refine\.onnx"):
        open_pair(folder)
    with pytest.raises(InputError, match=r"refine\.onnx"):
        verify_hashes(open_artifact(folder))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("m1", Tiling("m1")), ("m2", Tiling("m2")), ("r32", Tiling("m2", 32)), ("r1", Tiling("m2", 1))],
)
def test_names_of_tilings(text, expected):
    assert parse_tiling(text) == expected
    assert expected.name == text


@pytest.mark.parametrize("text", ["", "m3", "r", "r0", "r-1", "M1", "r99999", "r1.5"])
def test_other_names_are_refused(text):
    with pytest.raises(UsageError, match="no tiles called"):
        parse_tiling(text)


def test_refining_needs_no_torch():
    code = "import sys, edgedepth.runtime.refine; print(*{'torch', 'timm'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
