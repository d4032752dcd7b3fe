"""Video in and out through PyAV, on short videos made here."""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np
import pytest

from edgedepth.errors import InputError, MissingDependencyError, OutputError
from edgedepth.runtime import video

av = pytest.importorskip("av")
RATE = Fraction(30000, 1001)


def frames(count, height=48, width=64):
    """Smooth frames whose brightness tells their number."""
    ramp = np.linspace(0, 60, width)[None, :, None] + np.linspace(0, 40, height)[:, None, None]
    return [np.repeat(ramp + 12 * number, 3, axis=2).astype(np.uint8) for number in range(count)]


def write(path, pictures, rate=RATE, encoder=None):
    with video.video_writer(path, encoder or video.pick_encoder(), rate, pictures[0].shape[:2]) as writer:
        for picture in pictures:
            writer.write(picture)


@pytest.mark.parametrize("encoder", video.ENCODERS)
def test_round_trip(tmp_path, encoder):
    try:
        av.codec.Codec(encoder, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"this PyAV has no {encoder}")
    path = tmp_path / "a.mp4"
    write(path, frames(12), encoder=encoder)
    assert video.probe(path) == video.VideoFacts(RATE, 12)
    read = list(video.read_frames(path))
    assert len(read) == 12
    for was, now in zip(frames(12), read, strict=True):
        assert now.shape == (48, 64, 3)
        assert np.abs(was.astype(int) - now).mean() < 6


@pytest.mark.parametrize("size", [(48, 64), (720, 1280)])
def test_colours_survive_and_their_matrix_is_stated(tmp_path, size):
    path = tmp_path / "a.mp4"
    write(path, [np.full((*size, 3), (220, 60, 40), np.uint8)])
    assert np.abs(next(video.read_frames(path)).astype(int) - (220, 60, 40)).max() <= 4
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).colorspace == video.BT709


def test_odd_sizes_grow_by_a_repeated_edge(tmp_path):
    path = tmp_path / "a.mp4"
    write(path, frames(3, 47, 63))
    read = next(iter(video.read_frames(path)))
    assert read.shape == (48, 64, 3)
    assert np.abs(read[46, :60].astype(int) - read[47, :60]).max() < 12


def test_a_rate_of_many_digits_is_rounded(tmp_path):
    path = tmp_path / "a.mp4"
    write(path, frames(5), rate=Fraction(1234567, 98765))
    assert float(video.probe(path).rate) == pytest.approx(12.5, rel=1e-3)


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (-90, -1), (180, 2)])
def test_a_camera_held_sideways_is_turned_upright(tmp_path, degrees, turns):
    path, upright = tmp_path / "a.mp4", frames(1)[0]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write rotated video")
        stored = np.ascontiguousarray(np.rot90(upright, -turns))
        stream.height, stream.width, stream.pix_fmt = *stored.shape[:2], "yuv420p"
        stream.set_display_rotation(degrees)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format="rgb24")))
        container.mux(stream.encode(None))
    read = next(iter(video.read_frames(path)))
    assert read.shape == upright.shape
    assert np.abs(read.astype(int) - upright).mean() < 8


@pytest.mark.parametrize("content", [b"", b"this is text" * 50])
def test_what_is_not_a_video(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a video"):
        video.probe(path)
    with pytest.raises(InputError, match="is not a video"):
        next(video.read_frames(path))


def test_a_truncated_video_is_an_input_error(tmp_path):
    path = tmp_path / "a.mp4"
    write(path, frames(20))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"a\.mp4 is (damaged|not a video)"):
        list(video.read_frames(path))


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="holds no picture"):
        video.probe(path)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_video_leaves_nothing(tmp_path, error):
    picture = frames(1)[0]

    def write_half():
        with video.video_writer(tmp_path / "a.mp4", video.pick_encoder(), RATE, picture.shape[:2]) as writer:
            writer.write(picture)
            raise error

    with pytest.raises(error):
        write_half()
    assert not list(tmp_path.iterdir())


def test_a_video_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write(tmp_path / "file" / "a.mp4", frames(2))


def test_without_pyav_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "a.mp4").touch()
    with pytest.raises(MissingDependencyError) as caught:
        video.probe(tmp_path / "a.mp4")
    assert "edgedepth[video]" in caught.value.remedy


def test_without_any_encoder_it_says_which_were_sought(monkeypatch):
    monkeypatch.setattr(video, "ENCODERS", ("no-such-encoder",))
    with pytest.raises(MissingDependencyError, match="no-such-encoder"):
        video.pick_encoder()
