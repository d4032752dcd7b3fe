"""`edgedepth bundle`: which files reach the app, what it refuses, and that nothing is ever half there."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from edgedepth.artifact import open_artifact, verify_hashes
from edgedepth.artifact.manifest import (
    BYTES,
    FILE_NAME,
    SCHEMA_VERSION,
    FileEntry,
    InputContract,
    Manifest,
    ModelFacts,
    OutputContract,
    Reference,
    RefinerEntry,
    Source,
    TensorQuantization,
    TensorSpec,
    encode,
)
from edgedepth.bundle import PRECISIONS, bundle, plans
from edgedepth.errors import EdgedepthError, InputError, UsageError

DEMO = Path(__file__).parents[2] / "android_demo"
SIZES = ((96, 160), (192, 640))
FILES = (("tflite", "fp32"), ("tflite", "fp16"), ("tflite", "w8a8"), ("onnx", "fp32"))


def entry(file_format: str, precision: str, size: tuple[int, int], content: bytes) -> FileEntry:
    height, width = size
    made = TensorSpec("y", (1, height, width, 1), "NHWC", "float32")
    return FileEntry(
        path=f"net-{height}x{width}-{precision}.{file_format}",
        format=file_format,
        precision=precision,
        size=size,
        sha256=sha256(content).hexdigest(),
        bytes=len(content),
        input=InputContract(
            TensorSpec("x", (1, height, width, 3), "NHWC", "float32"), "RGB", (0.0, 1.0), "lanczos", "none"
        ),
        output=OutputContract(made, "depth", "output", {}, metric=False, value_range=(0.1, 100.0)),
        operators={},
        lowering=(),
        parity={},
        opset=None,
    )


def artifact(folder: Path, files=FILES, sizes=SIZES, *, name: str = "net", salt: str = "", change=None) -> Path:
    """A folder whose graphs are a few bytes: bundling never looks into them."""
    (folder / "reference").mkdir(parents=True)
    entries = []
    for file_format, precision in files:
        for size in sizes:
            content = f"{file_format} {precision} {size} {salt}".encode()
            made = entry(file_format, precision, size, content)
            (folder / made.path).write_bytes(content)
            entries.append(change(made) if change else made)
    references = []
    for height, width in sizes:
        path = f"reference/street-{height}x{width}.npz"
        (folder / path).write_bytes(b"reference")
        digest = sha256(b"reference").hexdigest()
        references.append(Reference("street", path, (height, width), digest, "a street"))
    facts = ModelFacts(name, "family", "A network", {}, 1, {}, "none")
    source = Source("random", "random weights", {}, 0, {})
    manifest = Manifest(SCHEMA_VERSION, name, facts, source, tuple(entries), tuple(references), {"tool": "1"})
    (folder / FILE_NAME).write_bytes(encode(manifest))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """As much of the demo as bundling looks at."""
    place = tmp_path / "android_demo"
    (place / "app/src/main").mkdir(parents=True)
    (place / "app/src/main/AndroidManifest.xml").write_text("<manifest/>")
    return place


def models(project: Path) -> Path:
    return project / "app/src/main/assets/models"


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_most_exact_and_the_smallest_are_bundled(edgedepth, tmp_path, project):
    source = artifact(tmp_path / "net")
    result = edgedepth("bundle", source, "--android", project)
    assert result.code == 0, result.err
    assert "package grows by about" in result.out
    made = open_artifact(models(project) / "net")
    verify_hashes(made)
    assert {(e.format, e.precision) for e in made.files} == {("tflite", p) for p in PRECISIONS}
    assert {e.size for e in made.files} == set(SIZES)
    for one in made.files:
        assert made.path(one).read_bytes() == (source / one.path).read_bytes()


def test_json_counts_what_the_package_grows_by(edgedepth, tmp_path, project):
    result = edgedepth("bundle", artifact(tmp_path / "net"), "--android", project, "--size", "96x160", "--json")
    said = json.loads(result.out)
    (one,) = said["bundled"]
    stored = sum(file["bytes"] for file in one["files"])
    assert stored == sum((models(project) / "net" / file["path"]).stat().st_size for file in one["files"])
    assert stored < one["apk_bytes"] == said["apk_bytes"] < stored + 3000
    assert one["changed"]


def test_the_same_again_changes_nothing(tmp_path, project):
    (plan,) = plans([artifact(tmp_path / "net")], (), ())
    first = bundle(plan, project, force=False)
    before = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    again = bundle(plan, project, force=False)
    assert (first.changed, again.changed) == (True, False)
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == before


@pytest.mark.parametrize("damage", [FILE_NAME, "net-96x160-fp32.tflite", "reference/street-96x160.npz"])
def test_a_damaged_bundle_is_replaced_with_force_only(tmp_path, project, damage):
    (plan,) = plans([artifact(tmp_path / "net")], (), ())
    made = bundle(plan, project, force=False).folder
    whole = content_of(made)
    (made / damage).write_bytes((made / damage).read_bytes()[:-1])
    with pytest.raises(UsageError, match="bundled already"):
        bundle(plan, project, force=False)
    assert bundle(plan, project, force=True).changed
    assert content_of(made) == whole


def test_what_is_no_bundle_is_never_replaced(tmp_path, project):
    (plan,) = plans([artifact(tmp_path / "net")], (), ())
    (models(project) / "net").mkdir(parents=True)
    (models(project) / "net" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError):
        bundle(plan, project, force=True)
    assert content_of(models(project)) == {"net/mine.txt": b"mine"}


def test_two_of_one_name(tmp_path):
    one, same = artifact(tmp_path / "one"), artifact(tmp_path / "same")
    assert len(plans([one, same, one], (), ())) == 1
    other = artifact(tmp_path / "other", salt="other")
    with pytest.raises(UsageError, match="Two artifacts are named net"):
        plans([one, other], (), ())


def unfit(**tensor):
    def change(made: FileEntry) -> FileEntry:
        return replace(made, input=replace(made.input, tensor=replace(made.input.tensor, **tensor)))

    return change


def made_of(dtype: str, scale: TensorQuantization | None = None):
    def change(made: FileEntry) -> FileEntry:
        tensor = replace(made.output.tensor, dtype=dtype, quantization=scale)
        return replace(made, output=replace(made.output, tensor=tensor))

    return change


@pytest.mark.parametrize("dtype", BYTES)
def test_integers_with_a_scale_are_bundled(tmp_path, project, dtype):
    scale = TensorQuantization(1 / 255, BYTES[dtype][0])
    for name, change in (("given", unfit(dtype=dtype, quantization=scale)), ("made", made_of(dtype, scale))):
        (plan,) = plans([artifact(tmp_path / name, name=name, change=change)], (), ())
        made = open_artifact(bundle(plan, project, force=False).folder).files[0]
        assert scale in (made.input.tensor.quantization, made.output.tensor.quantization)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"files": (("onnx", "fp32"),)}, "no .tflite file, and the app runs nothing else"),
        ({"files": (("tflite", "fp16"),)}, "no .tflite file of fp32 or w8a8"),
        ({"name": "_hidden"}, "a name that an app's assets cannot have"),
        ({"change": unfit(shape=(6, 96, 160, 3))}, "6 pictures at a time"),
        ({"change": unfit(dtype="int8")}, "It takes int8"),
        ({"change": made_of("float16")}, "It gives float16"),
        ({"change": lambda made: replace(made, sha256="0" * 64)}, "not the file that was exported"),
    ],
)
def test_what_the_app_cannot_use_is_refused(edgedepth, tmp_path, project, options, says):
    result = edgedepth("bundle", artifact(tmp_path / "net", **options), "--android", project)
    assert result.code == 2
    assert says in result.err
    assert not models(project).exists()


@pytest.mark.parametrize(
    ("asked", "says"), [(("-p", "w8"), "no .tflite file of w8"), (("-s", "1x1"), "no .tflite file of 1x1")]
)
def test_what_is_not_there_is_named(edgedepth, tmp_path, project, asked, says):
    result = edgedepth("bundle", artifact(tmp_path / "net"), "--android", project, *asked)
    assert (result.code, says in result.err) == (2, True)


def test_of_a_pair_the_coarse_model_is_bundled(edgedepth, tmp_path, project):
    """The app sees a picture as a whole; a refiner's graph would lie in the package unused."""
    source = artifact(tmp_path / "pair", (("tflite", "fp32"),), SIZES[:1], name="pair")
    whole = open_artifact(source).manifest
    (coarse,) = whole.files
    graph = replace(coarse, path="pair-refine-96x160-fp32.tflite", sha256=sha256(b"refiner").hexdigest(), bytes=7)
    (source / graph.path).write_bytes(b"refiner")
    relative = replace(coarse.input.tensor, name="relative")
    refiner = RefinerEntry(graph, coarse.path, (4, 4), relative, (), (), 1, 1, {})
    (source / FILE_NAME).write_bytes(encode(replace(whole, refiners=(refiner,))))
    result = edgedepth("bundle", source, "--android", project)
    assert result.code == 0, result.err
    assert "pair: the app runs its coarse model and no refiner" in result.out
    made = open_artifact(models(project) / "pair")
    verify_hashes(made)
    assert made.manifest.refiners == ()
    assert [one.path for one in made.files] == [coarse.path]
    assert not (made.folder / graph.path).exists()
    (source / graph.path).write_bytes(b"another")
    result = edgedepth("bundle", source, "--android", project)
    assert (result.code, "not the file that was exported" in result.err) == (2, True)


def test_one_file_is_not_enough(tmp_path):
    folder = artifact(tmp_path / "net")
    with pytest.raises(UsageError, match="is one file"):
        plans([folder / "net-96x160-fp32.tflite"], (), ())


def test_only_the_demo_is_written_to(tmp_path):
    (plan,) = plans([artifact(tmp_path / "net")], (), ())
    with pytest.raises(InputError, match="is not the Android demo"):
        bundle(plan, tmp_path, force=True)
    assert (DEMO / "app/src/main/AndroidManifest.xml").is_file()


def test_nothing_is_left_where_copying_fails(tmp_path, project, monkeypatch):
    (plan,) = plans([artifact(tmp_path / "net")], (), ())
    monkeypatch.setattr("shutil.copyfile", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(EdgedepthError, match="nothing was left behind"):
        bundle(plan, project, force=False)
    assert content_of(models(project)) == {}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.sets(st.sampled_from(FILES), min_size=1),
    precisions=st.sets(st.sampled_from(("fp32", "fp16", "w8a8"))),
    sizes=st.sets(st.sampled_from(SIZES)),
)
def test_exactly_what_was_asked_for(tmp_path_factory, files, precisions, sizes):
    place = tmp_path_factory.mktemp("bundle")
    (place / "app/src/main").mkdir(parents=True)
    (place / "app/src/main/AndroidManifest.xml").write_text("<manifest/>")
    source = artifact(place / "net", sorted(files))
    there = {precision for file_format, precision in files if file_format == "tflite"}
    wanted = {(p, s) for p in there & (precisions or set(PRECISIONS)) for s in sizes or SIZES}
    if not wanted or not precisions <= there:
        with pytest.raises(EdgedepthError):
            plans([source], sorted(precisions), sorted(sizes))
        return
    (plan,) = plans([source], sorted(precisions), sorted(sizes))
    made = open_artifact(bundle(plan, place, force=False).folder)
    verify_hashes(made)
    assert {(e.precision, e.size) for e in made.files} == wanted
    assert made.manifest is not None
    assert {one.size for one in made.manifest.references} == {size for _, size in wanted}
    assert set(content_of(made.folder)) == {
        FILE_NAME,
        *(e.path for e in made.files),
        *(one.path for one in made.manifest.references),
    }
