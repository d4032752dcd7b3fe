"""What the JVM tests compare with: small artifacts, and the numbers that edgedepth's Python runtime gives.

    python make_fixtures.py FOLDER

writes FOLDER/artifacts, FOLDER/vectors and FOLDER/inferences. What is there already and was made by the same sources
is left as it is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from ai_edge_litert import schema_py_generated as schema
from msgspec.structs import replace
from numpy.typing import NDArray

import edgedepth
from edgedepth.artifact import open_artifact
from edgedepth.artifact.flatbuffer import pack, unpack
from edgedepth.artifact.manifest import BYTES, FILE_NAME, FileEntry, TensorQuantization, encode
from edgedepth.errors import InputError
from edgedepth.runtime import open_predictor
from edgedepth.runtime.colour import colour_table, colourize, robust_range
from edgedepth.runtime.decode import decode, dequantized
from edgedepth.runtime.preprocess import to_batch
from edgedepth.scenes import street_frames

SIZES = (
    *((1, 1), (1, 7), (7, 1), (2, 3), (5, 641), (97, 3), (33, 77), (64, 160), (64, 161), (63, 160)),
    *((101, 203), (127, 255), (191, 641), (193, 639), (240, 319), (299, 401), (375, 1242), (479, 641)),
    *((480, 640), (720, 405), (211, 95), (300, 12)),
)
"""(height, width) of the pictures: odd ones, a graph's own, single pixels, and what cameras give."""

LEAST_RENDERED = 32
LARGEST_RENDERED = 320 * 480
LARGEST_DECODED = 128 * 256
"""Pixels; larger pictures are noise, and are decoded at a smaller size, to save time and space."""

EXPORTS = {
    "flex-nano": ("--size", "192x640"),
    "flex-nano-bytes": ("--size", "96x160", "--input", "uint8"),
    "flex-nano-depth": ("--size", "96x160", "--output", "depth"),
    "flex-nano-w8a8": ("--size", "96x160", "-p", "w8a8", "--random-weights", "1"),
    "flex-nano-uint8": ("--size", "96x160", "--input", "uint8", "--output-type", "uint8"),
    "flex-nano-int8": (
        *("--size", "96x160", "-p", "w8a8", "--random-weights", "1"),
        *("--input", "int8", "--output-type", "int8"),
    ),
}
TWO_OUTPUTS = "flex-nano-outputs"
"""The graph of flex-nano-bytes, with a feature map as its first output: depth is found by its name alone."""
SOURCES = ("artifact", "export", "models", "runtime", "scenes")


@dataclass(frozen=True)
class Variant:
    """One graph's interface, of the kinds that manifests can describe."""

    name: str
    size: tuple[int, int]
    layout: str
    dtype: str
    values: tuple[float, float]
    meaning: str
    metric: bool = False
    given: TensorQuantization | None = None
    made: tuple[str, TensorQuantization] | None = None


SIGNED, UNSIGNED = TensorQuantization(1 / 255, -128), TensorQuantization(1 / 255, 0)
CLIPPED = TensorQuantization(0.018, 100)
"""Too narrow for the variant's values, and no multiple of a byte's step."""
VARIANTS = (
    Variant("unit-floats", (64, 160), "NHWC", "float32", (0.0, 1.0), "sigmoid-disparity"),
    Variant("bytes", (96, 96), "NHWC", "uint8", (0.0, 255.0), "depth"),
    Variant("signed-floats", (32, 128), "NCHW", "float32", (-1.0, 1.0), "metric-depth", metric=True),
    Variant("planar-bytes", (64, 64), "NCHW", "uint8", (0.0, 255.0), "affine-invariant-disparity"),
    Variant("planar-floats", (48, 80), "NCHW", "float32", (0.0, 1.0), "sigmoid-disparity", metric=True),
    Variant(
        *("signed-bytes", (64, 160), "NHWC", "int8", (0.0, 1.0), "sigmoid-disparity"),
        given=SIGNED,
        made=("int8", SIGNED),
    ),
    Variant(
        *("planar-signed-bytes", (48, 80), "NCHW", "int8", (0.0, 1.0), "sigmoid-disparity"),
        given=SIGNED,
        made=("uint8", UNSIGNED),
    ),
    Variant(
        *("clipped-bytes", (96, 64), "NHWC", "uint8", (-2.118, 2.64), "metric-depth"),
        metric=True,
        given=CLIPPED,
        made=("uint8", TensorQuantization(0.3, 2)),
    ),
)
REFUSED = (
    Variant("signed-bytes-without-scale", (64, 160), "NHWC", "int8", (-128.0, 127.0), "sigmoid-disparity"),
    Variant("unit-bytes", (64, 160), "NHWC", "uint8", (0.0, 1.0), "sigmoid-disparity"),
)
"""What the Python runtime does not feed either."""


def entry_of(base: FileEntry, variant: Variant) -> FileEntry:
    """A manifest's entry for a graph with that interface."""
    height, width = variant.size
    planar = variant.layout == "NCHW"
    shape = (1, 3, height, width) if planar else (1, height, width, 3)
    out_shape = (1, 1, height, width) if planar else (1, height, width, 1)
    spec = replace(base.input.tensor, shape=shape, layout=variant.layout, dtype=variant.dtype)
    spec = replace(spec, quantization=variant.given)
    dtype, scale = variant.made or ("float32", None)
    out = replace(base.output.tensor, shape=out_shape, layout=variant.layout, dtype=dtype, quantization=scale)
    constants = base.output.constants if variant.meaning == "sigmoid-disparity" else {}
    return replace(
        base,
        path=f"{variant.name}.tflite",
        size=variant.size,
        input=replace(base.input, tensor=spec, value_range=variant.values),
        output=replace(
            base.output, tensor=out, meaning=variant.meaning, metric=variant.metric, constants=dict(constants)
        ),
        parity={},
    )


def picture(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A rendered street, or noise: every second one of black and white only, which LANCZOS overshoots most."""
    if min(size) >= LEAST_RENDERED and size[0] * size[1] <= LARGEST_RENDERED:
        return street_frames(number, 1, *size)[0].image
    noise = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
    return np.where(noise < 128, 0, 255).astype(np.uint8) if number % 2 else noise


def is_same_everywhere(size: tuple[int, int], graph: tuple[int, int]) -> bool:
    """Whether this Pillow resizes as Pillow 13, which takes columns before rows where that is faster."""
    less = (size[0] - graph[0], size[1] - graph[1])
    return int(PIL.__version__.split(".")[0]) >= 13 or less[0] <= max(0, 2 * less[1])


def raw_output(number: int, entry: FileEntry) -> NDArray[Any]:
    """Noise in the range of the graph's output, with the values that decoding must survive."""
    rng = np.random.default_rng([number, *entry.size])
    if entry.output.tensor.quantization is not None:
        low, high = BYTES[entry.output.tensor.dtype]
        integers = rng.integers(low, high + 1, entry.size, dtype=entry.output.tensor.dtype)
        return np.full_like(integers, integers[0, 0]) if number % 4 == 3 else integers
    values = rng.random(entry.size, dtype=np.float32)
    if entry.output.meaning != "sigmoid-disparity":
        values = np.float32(0.1) + np.float32(79.9) * values
    if number % 4 == 3:
        values[:] = values[0, 0]  # flat
    if number % 4 == 2:
        values[::5, ::7] = (0.0, -1.0, np.inf, np.nan)[number // 4 % 4]
    return values


def write_vectors(folder: Path, artifacts: Path) -> None:
    """Pictures, and for each graph its input, its output and the decoded map."""
    manifest = open_artifact(artifacts / "flex-nano").manifest
    if manifest is None:
        raise AssertionError("an exported folder has a manifest")
    base = manifest.files[0]
    entries = tuple(entry_of(base, variant) for variant in VARIANTS)
    refused = tuple(entry_of(base, variant) for variant in REFUSED)
    for entry in refused:
        try:
            to_batch([picture(0, (2, 3))], entry.input)
        except InputError:
            continue
        raise AssertionError(f"{entry.path} is not refused")
    (folder / "manifest.json").write_bytes(encode(replace(manifest, files=entries)))
    (folder / "refused.json").write_bytes(encode(replace(manifest, files=refused)))
    colour_table().tofile(folder / "colours.bin")
    cases = [case(folder, number, size, entries) for number, size in enumerate(SIZES)]
    (folder / "cases.json").write_text(json.dumps(cases))


def case(folder: Path, number: int, size: tuple[int, int], entries: tuple[FileEntry, ...]) -> dict[str, Any]:
    """One picture through all graphs' contracts."""
    pixels = picture(number, size)
    pixels.tofile(folder / f"{number}.rgb")
    shown = size if size[0] * size[1] <= LARGEST_DECODED else (size[0] // 4 + 1, size[1] // 4 + 1)
    graphs = []
    for entry in entries:
        if not is_same_everywhere(size, entry.size):
            continue
        stem = f"{number}-{Path(entry.path).stem}"
        to_batch([pixels], entry.input).tofile(folder / f"{stem}.input")
        output = raw_output(number, entry)
        output.tofile(folder / f"{stem}.output")
        depth = decode(dequantized(output, entry.output.tensor), entry.output, shown)
        depth.values.tofile(folder / f"{stem}.depth")
        depth.closeness.tofile(folder / f"{stem}.closeness")
        colourize(depth.closeness).tofile(folder / f"{stem}.colours")
        graphs.append({"file": entry.path, "stem": stem, "range": robust_range(depth.closeness)})
    return {"picture": f"{number}.rgb", "size": size, "shown": shown, "graphs": graphs}


def write_inferences(folder: Path, artifacts: Path) -> None:
    """What Python's LiteRT gives for one picture, per graph that was exported."""
    pixels = street_frames(7, 1, 121, 333)[0].image
    pixels.tofile(folder / "street.rgb")
    runs = []
    for name in (*EXPORTS, TWO_OUTPUTS):
        for entry in open_artifact(artifacts / name).files:
            predictor = open_predictor(artifacts / name, precision=entry.precision)
            predictor.session.maps(predictor.prepare([pixels])).tofile(folder / f"{name}-{entry.precision}.output")
            predictor(pixels).values.tofile(folder / f"{name}-{entry.precision}.depth")
            runs.append({"artifact": name, "precision": entry.precision, "stem": f"{name}-{entry.precision}"})
    (folder / "runs.json").write_text(json.dumps({"picture": "street.rgb", "size": pixels.shape[:2], "runs": runs}))


def sources() -> str:
    """Identity of the code that exports and runs."""
    package = Path(edgedepth.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for room in SOURCES for path in (package / room).rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + path.read_bytes())
    return digest.hexdigest()


def make(folder: Path, identity: str, write: Callable[[Path], object]) -> None:
    """A folder, whole or not at all, unless it is there and was made from the same."""
    stamp = folder.with_name(f"{folder.name}.made")
    if folder.is_dir() and stamp.is_file() and stamp.read_text() == identity:
        return
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    write(unfinished)
    unfinished.rename(folder)
    stamp.write_text(identity)


def export(options: tuple[str, ...], folder: Path) -> None:
    """One artifact, with the command that users have."""
    command = [sys.executable, "-c", "from edgedepth.cli import main; main()", "export", "flex-nano", "-f", "tflite"]
    subprocess.run([*command, *options, "--force", "-o", str(folder)], check=True, stdout=subprocess.DEVNULL)


def write_two_outputs(folder: Path, source: Path) -> None:
    """An artifact whose graph gives more than depth, as that of a network that a refiner belongs to."""
    shutil.copytree(source, folder, dirs_exist_ok=True)
    artifact = open_artifact(folder)
    (entry,) = artifact.files
    if artifact.manifest is None:
        raise AssertionError("an exported folder has a manifest")
    model = unpack(artifact.path(entry).read_bytes())
    (graph,) = model.subgraphs
    floats = (one.outputs[0] for one in graph.operators if graph.tensors[one.outputs[0]].type == 0)
    feature = next(islice(floats, 20, None))
    graph.tensors[feature].name = "a_feature"
    graph.outputs = [feature, *graph.outputs]
    named = schema.TensorMapT()
    named.name, named.tensorIndex = "a_feature", feature
    (signature,) = model.signatureDefs
    signature.outputs = [named, *signature.outputs]
    content = pack(model, entry.bytes)
    artifact.path(entry).write_bytes(content)
    changed = replace(entry, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    manifest = replace(artifact.manifest, name=TWO_OUTPUTS, files=(changed,))
    (folder / FILE_NAME).write_bytes(encode(manifest, indent=1))


def main(folder: Path) -> None:
    """Make what is missing or old."""
    code, artifacts = sources(), folder / "artifacts"
    for name, options in EXPORTS.items():
        make(artifacts / name, f"{code} {options}", partial(export, options))
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    make(artifacts / TWO_OUTPUTS, f"{code} {own}", partial(write_two_outputs, source=artifacts / "flex-nano-bytes"))
    make(folder / "vectors", f"{code} {own}", partial(write_vectors, artifacts=artifacts))
    make(folder / "inferences", f"{code} {own}", partial(write_inferences, artifacts=artifacts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
