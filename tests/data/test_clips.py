"""Folders of clips: what is taken for clips, which frames are taken, what is refused."""

from __future__ import annotations

import builtins
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clip_files import (
    cut_video,
    moving,
    write_animation,
    write_clip,
    write_folder,
    write_frames,
    write_sound,
    write_video,
)
from PIL import Image

from automl_sem import UserError
from automl_sem.api import dry_run
from automl_sem.data import clip_folders, examples, load_dataset, picks
from automl_sem.data import clips as module
from automl_sem.data.builtin import SHAPES, draw_shapes
from automl_sem.data.clip_overview import frames_lines
from automl_sem.data.dataset import Dataset
from automl_sem.data.frames import EndsEarly, frames
from automl_sem.data.motion import MOTIONS, draw_clips
from automl_sem.data.overview import describe
from automl_sem.data.pixels import resize
from automl_sem.data.sampling import Probe, Sampling

FORMS = ("frames", ".gif", ".webp", ".png", ".mp4", ".avi", ".webm", ".mov")
EXACT = ("frames", ".gif", ".webp", ".png", ".avi")
SPACE = 'KIND = "clips"\n\n\ndef build(hp, data):\n    pass\n'


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def decoded(monkeypatch):
    """The clips that were decoded, in order."""
    paths = []

    def counted(path):
        paths.append(path)
        return frames(path)

    monkeypatch.setattr(module, "frames", counted)
    return paths


def load(folder, **options):
    """Load clips, said to be some where it is a folder."""
    if Path(folder).is_dir():
        options = {"kind": "clips", **options}
    return load_dataset(str(folder), **options)


def seed_of(name):
    """Return the seed of a clip that `write_folder` wrote."""
    label, file = name.split("/")
    return 100 * (label == "right") + int(file.split("_")[1].split(".")[0])


def clip_of(dataset, name):
    return dataset.train.x[dataset.train.names.index(name)]


# What is read, and how


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_frames_that_were_saved_in_their_order(tmp_path, form):
    write_folder(tmp_path / "data", form)
    dataset = load(tmp_path / "data")
    assert dataset.info.kind == "clips"
    assert dataset.train.x.dtype == np.uint8
    assert dataset.info.input_shape == (6, 12, 16, 1)
    assert dataset.class_names == ("left", "right")
    assert (len(dataset.train.y), len(dataset.test.y)) == (10, 2)
    for name, clip in zip(dataset.train.names, dataset.train.x, strict=True):
        saved = moving(seed=seed_of(name))[..., :1]
        assert np.abs(clip.astype(int) - saved).mean() < (1 if form in EXACT else 4)


def held(folder):
    """Return the kind of data that nobody said a folder holds, and the notes."""
    dataset = load_dataset(str(folder))
    return dataset.info.kind, "; ".join(dataset.notes)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_plainly_a_clip_is_read_as_one_and_that_is_said(tmp_path, form):
    write_folder(tmp_path / "data", form)
    kind, notes = held(tmp_path / "data")
    assert kind == "clips"
    assert "read as clips: everything in the class folders is a video" in notes
    video = form in (".mp4", ".avi", ".webm", ".mov")
    assert ("--kind images reads each file as an image" in notes) is not video
    assert ("images that follow one another differ" in notes) is (form == "frames")


def test_colour_stays_and_one_coloured_clip_is_enough(tmp_path):
    write_folder(tmp_path / "data", ".avi", colour=True)
    assert load(tmp_path / "data").info.input_shape == (6, 12, 16, 3)
    write_folder(tmp_path / "grey", ".avi")
    for name in ("left/w0_0", "right/w0_0", "left/w0_1", "right/w0_1"):
        write_video(tmp_path / "grey" / f"{name}.avi", moving(seed=3, colour=True))
    dataset = load(tmp_path / "grey")
    assert dataset.info.input_shape == (6, 12, 16, 3)
    name = next(name for name in dataset.train.names if "w0" not in name)
    np.testing.assert_array_equal(clip_of(dataset, name), moving(seed=seed_of(name)))


def test_frames_are_taken_evenly_from_the_first_to_the_last(tmp_path):
    write_folder(tmp_path / "data", ".avi", frames=21)
    dataset = load(tmp_path / "data", frames=5)
    seed = seed_of(dataset.train.names[0])
    np.testing.assert_array_equal(
        dataset.train.x[0], moving(frames=21, seed=seed)[[0, 5, 10, 15, 20], ..., :1]
    )
    assert dataset.options == {"frames": 5, "kind": "clips"}
    assert "5 frames of each clip, evenly from its first to its last" in dataset.notes


def test_there_are_sixteen_frames_or_as_many_as_most_clips_have(tmp_path):
    write_folder(tmp_path / "long", "frames", frames=20)
    assert load(tmp_path / "long").info.input_shape[0] == 16
    write_folder(tmp_path / "short", "frames", frames=7)
    shutil.rmtree(tmp_path / "short" / "left" / "w0_0")
    write_frames(tmp_path / "short" / "left" / "w0_0", moving(frames=3))
    dataset = load(tmp_path / "short", seed=1)
    assert dataset.info.input_shape[0] == 7
    assert any("repeated in shorter ones (1 of 12)" in note for note in dataset.notes)
    wanted = moving(frames=3)[[0, 0, 1, 1, 1, 2, 2], ..., :1]
    both = {**dict(zip(dataset.train.names, dataset.train.x, strict=True))}
    both |= dict(zip(dataset.test.names, dataset.test.x, strict=True))
    np.testing.assert_array_equal(both["left/w0_0"], wanted)


def test_a_rate_takes_frames_by_when_they_are_shown_from_the_middle(tmp_path):
    write_folder(tmp_path / "data", ".avi", frames=24)  # 2.4 seconds
    dataset = load(tmp_path / "data", frames=4, rate=5.0)  # of 0.8 s, 0.8 s from the beginning
    seed = seed_of(dataset.train.names[0])
    np.testing.assert_array_equal(
        dataset.train.x[0], moving(frames=24, seed=seed)[[8, 10, 12, 14], ..., :1]
    )
    again = load(tmp_path / "data", rate=5.0)
    assert again.info.input_shape[0] == 12
    assert any("5 a second, from its middle" in note for note in again.notes)


def test_an_animation_shows_each_frame_as_long_as_it_says(tmp_path):
    write_folder(tmp_path / "data", ".gif", frames=4)
    clip = moving(frames=4, seed=50)
    for label in ("left", "right"):
        for path in (tmp_path / "data" / label).iterdir():
            write_animation(path, clip, [100, 300, 100, 100])
            clip = clip ^ 1
    dataset = load(tmp_path / "data", frames=6, rate=10.0)
    for x in dataset.train.x:
        assert (x[1] == x[2]).all()
        assert (x[2] == x[3]).all()
        assert (x[0] != x[1]).any()
        assert (x[3] != x[4]).any()


def test_a_rate_needs_times(tmp_path):
    write_folder(tmp_path / "data", "frames")
    with pytest.raises(UserError, match="nothing says when its frames are shown"):
        load(tmp_path / "data", rate=5.0)


def test_a_video_is_turned_as_the_camera_noted(tmp_path):
    clip = np.zeros((4, 16, 32, 3), np.uint8)
    clip[:, :8, :16] = 250  # above, to the left
    write_video(tmp_path / "a.mp4", clip)
    content = (tmp_path / "a.mp4").read_bytes()
    upright = struct.pack(">9i", 2**16, 0, 0, 0, 2**16, 0, 0, 0, 2**30)
    clockwise = struct.pack(">9i", 0, 2**16, 0, -(2**16), 0, 0, 0, 0, 2**30)
    at = content.index(upright, content.index(b"tkhd"))
    (tmp_path / "a.mp4").write_bytes(content[:at] + clockwise + content[at + len(upright) :])
    (pixels, *_) = [frame.pixels() for frame in frames(tmp_path / "a.mp4")]
    assert pixels.shape == (32, 16, 3)
    assert pixels[:14, 10:].min() > 200  # above, to the right
    assert pixels[:, :6].max() < 50


def test_size_and_length_are_chosen_by_the_training_part_alone(tmp_path):
    write_folder(tmp_path / "data" / "train", "frames")
    write_folder(tmp_path / "data" / "test", ".gif", frames=30, side=(40, 40), colour=True)
    dataset = load(tmp_path / "data")
    assert dataset.info.input_shape == (6, 12, 16, 1)
    assert dataset.test.x.shape == (12, 6, 12, 16, 1)
    assert any("test clips are in colour" in note for note in dataset.notes)


def test_frames_are_resized_or_padded_as_images_are(tmp_path):
    write_folder(tmp_path / "data", "frames")
    assert load(tmp_path / "data", image_size=20).info.input_shape == (6, 20, 20, 1)
    padded = load(tmp_path / "data", image_size=16, pad=True)
    assert padded.pad == 20
    assert (padded.train.x[:, :, :2] == 20).all()


# Kept in the cache


@pytest.mark.parametrize(
    ("form", "options"),
    [
        *((form, {}) for form in (*FORMS, ".mkv")),
        *((form, {"frames": 4, "rate": 5.0}) for form in (".mp4", ".avi", ".webm", ".mkv")),
    ],
)
def test_a_clip_is_decoded_once(tmp_path, decoded, form, options):
    write_folder(tmp_path / "data", form, frames=20)
    first = load(tmp_path / "data", **options)
    assert len(decoded) == len(set(decoded)) == 12
    second = load(tmp_path / "data", **options)
    assert len(decoded) == 12
    np.testing.assert_array_equal(first.train.x, second.train.x)
    assert first.train.fingerprint() == second.train.fingerprint()
    assert (first.notes, first.options) == (second.notes, second.options)


@pytest.mark.parametrize(
    ("form", "options"),
    [
        (".gif", {}),
        (".gif", {"image_size": 9}),
        (".gif", {"pad": True, "image_size": 18}),
        (".webm", {"image_size": 9, "frames": 13}),
        (".avi", {"rate": 7.0, "frames": 3}),
        (".avi", {"rate": 7.0, "frames": 30}),  # longer than the clips
        (".gif", {"rate": 7.0, "frames": 3}),
    ],
)
def test_what_was_kept_equals_what_is_decoded_again(tmp_path, monkeypatch, form, options):
    write_folder(tmp_path / "data", form)
    write_clip(tmp_path / "data" / "left" / "long", form, moving(9, 55))
    write_clip(tmp_path / "data" / "right" / "red", form, moving(seed=56, colour=True))
    kept = load(tmp_path / "data", **options)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    monkeypatch.setattr(module.Spool, "get", lambda *_: None)
    np.testing.assert_array_equal(kept.train.x, load(tmp_path / "data", **options).train.x)


def test_a_grey_clip_among_coloured_ones_is_decoded_once_as_well(tmp_path, decoded):
    write_folder(tmp_path / "data", ".avi")
    for name in ("left/w0_0", "right/w0_0", "left/w0_1", "right/w0_1"):
        write_video(tmp_path / "data" / f"{name}.avi", moving(seed=3, colour=True))
    assert load(tmp_path / "data").info.input_shape == (6, 12, 16, 3)
    assert len(decoded) == 12


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fill", [None, 99])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize(
    ("form", "sampling"), [(".gif", Sampling(4)), ("frames", Sampling(9)), (".avi", Sampling(4, 5))]
)
def test_a_clip_to_be_predicted_is_decoded_once(
    tmp_path, monkeypatch, decoded, form, sampling, colour, fill, channels
):
    write_clip(tmp_path / "clip", form, moving(colour=colour))
    (path,) = (path for path in tmp_path.iterdir() if path.stem == "clip")
    options = (sampling, sampling.frames, (9, 9), channels, fill)
    once = module.read_clip(path, *options)
    assert decoded == [path]
    assert once.shape == (sampling.frames, 9, 9, channels)
    monkeypatch.setattr(module.Spool, "get", lambda *_: None)
    np.testing.assert_array_equal(once, module.read_clip(path, *options))
    assert len(decoded) == 3


def test_what_a_file_says_wrongly_costs_time_and_nothing_else(tmp_path, monkeypatch, decoded):
    write_folder(tmp_path / "data", ".avi", frames=20)
    right = load(tmp_path / "data", frames=5)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    monkeypatch.setattr(module, "probe", lambda _: Probe(19, (12, 16), 1.9))
    wrong = load(tmp_path / "data", frames=5)
    assert len(decoded) == 36
    np.testing.assert_array_equal(right.train.x, wrong.train.x)


def test_frames_are_resized_some_at_a_time(tmp_path, monkeypatch):
    most = []

    def noted(images, *how):
        most.append(images.nbytes)
        return resize(images, *how)

    monkeypatch.setattr(picks, "RESIZED_AT_ONCE", 5_000)
    monkeypatch.setattr(picks, "resize", noted)
    write_folder(tmp_path / "data", ".avi", frames=30, side=(20, 20))  # 36,000 bytes
    few = load(tmp_path / "data", frames=30, image_size=10)
    assert max(most) == 6_000
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    all_at_once = load(tmp_path / "data", frames=30, image_size=10)
    np.testing.assert_array_equal(few.train.x, all_at_once.train.x)


def test_a_changed_frame_is_seen(tmp_path, decoded):
    write_folder(tmp_path / "data", "frames")
    before = load(tmp_path / "data").train.fingerprint()
    for label in ("left", "right"):
        for i in range(6):
            frame = tmp_path / "data" / label / f"w{i // 2}_{i}" / "0003.png"
            Image.fromarray(moving(seed=7)[0]).save(frame)
    assert load(tmp_path / "data").train.fingerprint() != before
    assert len(decoded) == 24


def test_they_are_memory_mapped_and_large_ones_spoken_of(tmp_path, monkeypatch):
    write_folder(tmp_path / "data", "frames")
    small = load(tmp_path / "data")
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    large = load(tmp_path / "data")
    for found, spoken_of in ((small, False), (large, True)):
        assert isinstance(found.train.x, np.memmap)
        assert any("GiB, kept in" in note for note in found.notes) is spoken_of
    np.testing.assert_array_equal(small.train.x, large.train.x)


def test_small_ones_do_without_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    write_folder(tmp_path / "data", "frames")
    assert len(load(tmp_path / "data").train.x) == 10


@pytest.mark.slow
def test_clips_that_are_large_together_are_never_in_memory_together(tmp_path):
    for label in ("a", "b"):
        for i in range(60):
            path = tmp_path / "data" / label / f"{i}.avi"
            if i < 4:
                write_video(path, moving(64, i, (96, 96), True))
            else:
                os.link(path.with_stem(str(i % 4)), path)
    code = (
        "import av, resource, sys; from automl_sem.data import load_dataset, examples\n"
        "examples.SHARE_OF_MEMORY = 0.0\n"
        "most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10\n"
        "before = most(); d = load_dataset(sys.argv[1], frames=64, image_size=96)\n"
        "assert d.train.x.shape[1:] == (64, 96, 96, 3), d.train.x.shape\n"
        "print(d.train.x.nbytes / 2**20, most() - before)\n"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "data")]
    found = subprocess.run(run, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    size, grown = map(float, found.stdout.split())
    assert grown < size / 2


def test_the_kind_is_kept_in_arrays(tmp_path):
    dataset = load_dataset("motion", size=16)
    again = Dataset.from_saved_arrays("motion", dataset.to_arrays())
    assert again.info == dataset.info
    assert again.train.fingerprint() == dataset.train.fingerprint()
    images = load_dataset("shapes")
    assert Dataset.from_saved_arrays("s", images.to_arrays()).info == images.info


# Clips or images


def test_numbered_drawings_with_gaps_stay_images(tmp_path):
    write_folder(tmp_path / "data", "frames")
    for clip in ("w1_3", "w2_4"):
        (tmp_path / "data" / "left" / clip / "0003.png").unlink()
    kind, notes = held(tmp_path / "data")
    assert kind == "images"
    assert "read as images: left/w2_4 is no clip" in notes
    assert "--kind clips says that it is one" in notes
    clips = load(tmp_path / "data", kind="clips")
    assert clips.info.kind == "clips"
    assert clips.options == {"kind": "clips"}


@pytest.mark.parametrize("trouble", ["gap", "size", "name", "loose", "first", "nested"])
def test_a_folder_that_is_no_clip_among_clips_is_a_mistake(call, tmp_path, trouble):
    write_folder(tmp_path / "data", "frames")
    inner = tmp_path / "data" / "right" / "w2_5"
    if trouble == "gap":
        (inner / "0003.png").unlink()
    elif trouble == "size":
        Image.fromarray(moving(side=(30, 30))[0]).save(inner / "0006.png")
    elif trouble == "name":
        (inner / "0002.png").rename(inner / "holiday.png")
    elif trouble == "nested":
        write_frames(inner / "more", moving())
    elif trouble == "loose":
        Image.fromarray(moving()[0]).save(inner.parent / "z.png")
    else:
        shutil.rmtree(inner)
        write_frames(inner, moving(), "IMG_{}.png", first=2817)
    if trouble == "loose":
        kind, notes = held(tmp_path / "data")
        assert (kind, "right/z.png is no clip" in notes) == ("images", True)
        return
    code, out, err = call("search", tmp_path / "data")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "right/w2_5: this is no clip, though 11 others are: " in err
    assert "--kind images" in err
    assert load(tmp_path / "data", kind="images").info.kind == "images"


def test_numbered_images_in_folders_below_their_class_are_read_as_ever(tmp_path):
    for label in "ab":  # one folder each
        write_frames(tmp_path / "data" / label / "images", moving(seed=ord(label)), first=0)
    dataset = load_dataset(str(tmp_path / "data"), groups=r"^([ab]/images/\d)")
    assert dataset.info.kind == "images"
    assert len(dataset.train.y) + len(dataset.test.y) == 12
    assert dataset.options.get("kind") is None
    assert any("no class has two such folders" in note for note in dataset.notes)


@pytest.mark.parametrize("part", ["", "train"])
def test_numbered_drawings_in_a_folder_for_each_person_are_images(tmp_path, part):
    x, y, _ = draw_shapes("train", 180)
    for label, name in enumerate(SHAPES):
        drawings = x[y == label, ..., 0]
        for person in range(5):
            own = np.clip(drawings[person::5].astype(int) - 20 * person, 0, 255)  # their paper
            write_frames(tmp_path / "data" / part / name / f"person{person}", own.astype(np.uint8))
    dataset = load_dataset(str(tmp_path / "data"), groups=r"/(person\d)/")
    assert dataset.info.kind == "images"
    assert len(dataset.train.y) + len(dataset.test.y) == 180
    (note,) = (note for note in dataset.notes if note.startswith("read as images, each file"))
    assert re.search(r"differ (9\d|1\d\d)% as much as those further apart in a folder", note)
    assert "--kind clips reads each folder as a clip" in note
    assert "--groups" in note
    clips = load_dataset(str(tmp_path / "data"), kind="clips")
    assert len(clips.train.y) + len(clips.test.y) == 15


def test_frames_of_noisy_motion_are_clips(tmp_path):
    x, y, _ = draw_clips("train", 64)
    for row, clip in enumerate(x[..., 0]):
        write_frames(tmp_path / "data" / MOTIONS[y[row]] / f"{row}", clip, "{:d}.png", first=0)
    kind, notes = held(tmp_path / "data")
    assert kind == "clips"
    assert re.search(r"differ [5-8]\d% as much as those further apart in a folder", notes)


def test_frames_without_motion_are_clips_if_folders_differ(tmp_path):
    rng = np.random.default_rng(0)
    for row in range(12):
        scene = np.kron(rng.integers(0, 200, (4, 4)), np.ones((4, 4), int))
        flicker = rng.integers(0, 9, (5, 16, 16))
        folder = tmp_path / "data" / "ab"[row % 2] / f"{row}"
        write_frames(folder, (scene + flicker).astype(np.uint8))
    kind, notes = held(tmp_path / "data")
    assert kind == "clips"
    assert re.search(r"differ [1-4]% as much as images of different folders", notes)


def test_two_images_in_each_folder_are_images(tmp_path):
    rng = np.random.default_rng(0)
    for row in range(12):
        pixels = rng.integers(0, 256, (2, 16, 16), np.uint8)
        write_frames(tmp_path / "data" / "ab"[row % 2] / f"{row}", pixels)
    kind, notes = held(tmp_path / "data")
    assert kind == "images"
    assert "as much as images of different folders (frames of clips do by less than 5%)" in notes


def test_nested_still_images_and_ordinary_folders_stay_images(tmp_path):
    for i in range(12):
        path = tmp_path / "data" / "ab"[i % 2] / "2019" / f"IMG_{i + 40}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(moving(seed=i)[0]).save(path)
    kind, notes = held(tmp_path / "data")
    assert kind == "images"
    assert "clip" not in notes


@pytest.mark.parametrize("form", [".gif", ".webp", ".avi", "frames"])
@pytest.mark.parametrize("place", ["left/z.gif", "left/a.webp", "left/more/a.gif"])
def test_an_animation_of_one_frame_among_clips_is_a_bad_clip(call, tmp_path, form, place):
    folder = write_folder(tmp_path / "data", form)
    if "more" in place:
        write_animation(folder / "left" / "more" / "b.gif", moving(seed=7))
    Image.fromarray(moving()[0]).save(folder / place)
    for kind in ((), ("--kind", "clips")):
        code, out, err = call("search", folder, *kind)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert f"{place}: a clip of one frame, which shows no motion" in err
    dataset = load(folder, skip_bad=True)
    assert dataset.info.kind == "clips"
    assert len(dataset.train.y) + len(dataset.test.y) == 12 + ("more" in place)
    assert any(f"1 unreadable clip left out: {place}" in note for note in dataset.notes)


@pytest.mark.parametrize("moving_ones", [0, 1])
def test_gifs_that_hardly_ever_move_are_images(tmp_path, moving_ones):
    for i in range(12):
        path = tmp_path / "data" / "ab"[i % 2] / f"{i}.gif"
        write_animation(path, moving(seed=i)[: 2 if i < moving_ones else 1])
    kind, notes = held(tmp_path / "data")
    assert kind == "images"
    assert ("of 12 files hardly any moves, a/10.gif does not" in notes) == bool(moving_ones)


def test_many_still_webps_are_not_all_looked_into(tmp_path, monkeypatch):
    monkeypatch.setattr(clip_folders, "MANY", 4)
    looked = []
    monkeypatch.setattr(clip_folders, "animated", lambda path: bool(looked.append(path)))
    for i in range(12):
        path = tmp_path / "data" / "ab"[i % 2] / f"{i}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert clip_folders.holds_clips(tmp_path / "data") == (False, "")
    assert len(looked) == 4


def test_videos_beside_photos_are_left_out_as_ever(tmp_path):
    for i in range(12):
        path = tmp_path / "data" / "ab"[i % 2] / f"IMG_{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(moving(seed=i)[0]).save(path)
        path.with_suffix(".mov").write_bytes(b"live")
    kind, notes = held(tmp_path / "data")
    assert kind == "images"
    assert "12 files ignored: not an image in a class folder" in notes


def test_a_person_may_say_that_clips_are_images(tmp_path):
    write_folder(tmp_path / "data", ".gif")
    dataset = load(tmp_path / "data", kind="images")
    assert dataset.info.input_shape == (12, 16, 1)
    assert dataset.options == {"kind": "images"}
    assert load(tmp_path / "data", **dataset.options).info == dataset.info


# Groups, copies, what cannot be read


def test_groups_are_found_in_the_names_of_clips(tmp_path):
    write_folder(tmp_path / "data", "frames")
    dataset = load(tmp_path / "data", groups="^(w[0-9]+)_")
    group = dict(zip(dataset.train.names, dataset.train.groups, strict=True))
    assert len(set(group.values())) >= 2
    assert all((group[a] == group[b]) == (a[-4:-2] == b[-4:-2]) for a in group for b in group)
    by_path = load(tmp_path / "data", groups="^(left|right)/")
    assert any("too few groups to split one off" in note for note in by_path.notes)


def test_a_group_that_holds_a_whole_class_is_noted(tmp_path):
    write_folder(tmp_path / "data", "frames")
    notes = describe(str(tmp_path / "data"), groups="^(left|right)/").notes
    assert any("all training examples of class 'left' are of one group" in note for note in notes)


def test_the_same_frames_in_train_and_test_are_found_whatever_the_form(tmp_path):
    write_folder(tmp_path / "data" / "train", "frames")
    write_folder(tmp_path / "data" / "test", "frames", each=2, frames=8)
    write_animation(tmp_path / "data" / "test" / "left" / "x.png", moving(seed=3))
    write_frames(tmp_path / "data" / "train" / "right" / "y", moving(seed=104))
    dataset = load(tmp_path / "data")
    assert dataset.inspection.copies.leaks == (("test/left/x.png", "train/left/w1_3"),)
    assert dataset.inspection.copies.repeated == 1
    assert any(note.startswith("leakage: 1 test clip is in the training") for note in dataset.notes)
    assert "1 training clip repeats an earlier one: copies stay in one fold" in dataset.notes


def test_played_backwards_is_another_clip(tmp_path):
    write_folder(tmp_path / "data", "frames")
    write_frames(tmp_path / "data" / "left" / "back", moving(seed=3)[::-1])
    assert load(tmp_path / "data").inspection.copies.repeated == 0


@pytest.mark.parametrize(
    ("form", "keep"), [(".mp4", 0.6), (".avi", 0.6), (".webm", 0.6), (".gif", 0.7)]
)
def test_a_clip_that_ends_early_is_used_as_far_as_it_goes(tmp_path, form, keep):
    rng = np.random.default_rng(0)
    write_folder(tmp_path / "data", form, frames=20)
    broken = tmp_path / "data" / "left" / f"w0_0{form}"
    noise = np.repeat(rng.integers(0, 256, (20, 12, 16, 1), np.uint8), 3, axis=-1)
    if form == ".gif":
        write_animation(broken, noise)
    else:
        write_video(broken, noise, options={"movflags": "faststart"})
    content = broken.read_bytes()
    broken.write_bytes(content[: int(len(content) * keep)])
    dataset = load(tmp_path / "data", seed=1)
    assert any(
        note == f"1 clip ends early and is used as far as it goes, such as left/w0_0{form}"
        for note in dataset.notes
    )
    assert 2 <= dataset.inspection.frames.min() < 20


def test_a_video_that_was_cut_without_encoding_it_again_ends_in_time(tmp_path):
    write_folder(tmp_path / "data", ".mp4", frames=20)
    for path in (tmp_path / "data").rglob("*.mp4"):
        cut_video(path, 0.5)
    dataset = load(tmp_path / "data", frames=15)
    assert dataset.inspection.frames.tolist() == [15] * 12
    assert not any("early" in note for note in dataset.notes)
    saved = moving(frames=20, seed=seed_of(dataset.train.names[0]))[5:, ..., :1]
    assert np.abs(dataset.train.x[0].astype(int) - saved).mean() < 4


@pytest.mark.parametrize("start", [0.5, -2.0])
def test_a_video_that_was_cut_and_breaks_off_ends_early(tmp_path, start):
    path = tmp_path / "a.mp4"
    noise = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
    write_video(path, noise)
    cut_video(path, start, {"movflags": "faststart"})
    whole = [(frame.start, frame.end) for frame in frames(path)]
    assert whole[0][0] == pytest.approx(max(0.0, -start))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.7)])
    with pytest.raises(EndsEarly):
        list(frames(path))


def one_frame(folder):
    shutil.rmtree(folder / "left" / "w0_0")
    write_frames(folder / "left" / "w0_0", moving()[:1])
    return "left/w0_0: a clip of one frame, which shows no motion"


def other_size(folder):
    Image.fromarray(moving(side=(30, 30))[0]).save(folder / "left" / "w0_0" / "0003.png")
    return "left/w0_0: its frames differ in size: 12x16 and 30x30"


def empty_folder(folder):
    shutil.rmtree(folder / "left" / "w0_0")
    (folder / "left" / "w0_0").mkdir()
    return "left/w0_0: this clip folder holds no frames"


def broken_frame(folder):
    (folder / "left" / "w0_0" / "0003.png").write_text("nothing")
    return "left/w0_0/0003.png: cannot be read as an image"


def cut_to_nothing(folder):
    write_video(folder / "left" / "z.mp4", moving())
    content = (folder / "left" / "z.mp4").read_bytes()
    (folder / "left" / "z.mp4").write_bytes(content[:200])
    return "left/z.mp4: cannot be read as a video: invalid data"


def no_pictures(folder):
    write_sound(folder / "left" / "z.mp4")
    return "left/z.mp4: there are no pictures in this file: no video stream"


def no_video(folder):
    (folder / "left" / "z.mp4").write_bytes(b"")
    return "left/z.mp4: cannot be read as a video: the file is empty"


def no_animation(folder):
    (folder / "left" / "z.gif").write_bytes(b"GIF")
    return "left/z.gif: cannot be read as an animation"


@pytest.mark.parametrize(
    "spoil",
    [
        one_frame,
        other_size,
        empty_folder,
        broken_frame,
        cut_to_nothing,
        no_pictures,
        no_video,
        no_animation,
    ],
)
def test_a_bad_clip_is_one_clear_line_and_can_be_skipped(call, tmp_path, spoil):
    folder = write_folder(tmp_path / "data", "frames")
    message = spoil(folder)
    code, out, err = call("search", folder, "--kind", "clips")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert message in err
    assert "--skip-bad" in err
    dataset = load(folder, skip_bad=True)
    assert dataset.info.kind == "clips"
    assert any("1 unreadable clip left out: left/" in note for note in dataset.notes)


def loose_image(folder):
    Image.fromarray(moving()[0]).save(folder / "left" / "z.png")
    return "left/z.png: a single image lies among the clips"


def image_beside_video(folder):
    write_video(folder / "left" / "w0_0" / "z.avi", moving())
    return "left/w0_0: single images lie beside 'z.avi' in this folder"


def no_classes(folder):
    shutil.rmtree(folder / "left")
    shutil.rmtree(folder / "right")
    write_video(folder / "z.avi", moving())
    return "clips lie directly in this folder, without a folder per class"


def empty_class(folder):
    (folder / "up").mkdir()
    return "up: this class folder holds no video (MP4"


def table(folder):
    (folder / "metadata.csv").write_text("file_name,label\na.mp4,left\n")
    return "this holds images, no clips"


@pytest.mark.parametrize("spoil", [loose_image, image_beside_video, no_classes, empty_class, table])
def test_a_folder_that_is_no_folder_of_clips_is_one_clear_line(call, tmp_path, spoil):
    folder = write_folder(tmp_path / "data", "frames")
    message = spoil(folder)
    code, out, err = call("data", folder, "--kind", "clips")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shapes", "--frames", "8"), "the option frames does not apply to 'shapes'"),
        (("motion", "--rate", "8"), "the option rate does not apply to 'motion'"),
        (("motion", "--rate", "8"), "Only clips of your own have frames to choose"),
        (("motion", "--pad"), "Only images and clips of your own are resized"),
        (("motion", "--kind", "images"), "motion: this holds clips, no images"),
        (("motion", "--frames", "1"), "--frames: it must be at least 2"),
        (("motion", "--kind", "films"), "--kind: it must be 'images', 'clips' or 'series'"),
        (("motion", "--kind", "series"), "motion: this holds clips, no series"),
        (("motion", "--size", "4"), "motion needs a size of at least 16"),
    ],
)
def test_wrong_options_are_one_clear_line(call, arguments, message):
    code, out, err = call("data", *arguments)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert message in err


def test_a_folder_of_clips_holds_no_series(tmp_path):
    write_folder(tmp_path / "data", ".avi", each=2)
    with pytest.raises(UserError, match="this holds clips, no series"):
        load(tmp_path / "data", kind="series")


@pytest.mark.parametrize(("shape", "held"), [((12, 9, 2), "series"), ((12, 9, 9, 1), "images")])
def test_an_npz_file_holds_no_clips(tmp_path, shape, held):
    np.savez(tmp_path / "a.npz", x_train=np.zeros(shape), y_train=np.arange(12) % 2)
    with pytest.raises(UserError, match=f"this holds {held}, no clips"):
        load(tmp_path / "a.npz", kind="clips")


def test_a_table_of_series_holds_no_clips(tmp_path):
    (tmp_path / "a.csv").write_text("id,time,label,x\n1,0,a,2\n")
    with pytest.raises(UserError, match="this holds series, no clips"):
        load(tmp_path / "a.csv", kind="clips")


def test_arrays_from_python_are_no_clips():
    with pytest.raises(UserError, match="arrays hold images or series, no clips"):
        dry_run((np.zeros((12, 4, 9, 9, 1)), np.arange(12) % 2), kind="clips")
    with pytest.raises(UserError, match="frames does not go with arrays"):
        dry_run((np.zeros((12, 9, 9, 1)), np.arange(12) % 2), frames=4)


def test_a_single_clip_is_no_dataset(call, tmp_path):
    write_video(tmp_path / "z.mp4", moving())
    write_animation(tmp_path / "z.gif", moving())
    for file, what in (("z.mp4", "video"), ("z.gif", "animation")):
        code, _, err = call("data", tmp_path / file)
        assert code == 2
        assert f"this is a single {what}" in err
        assert f"DIR/CLASS/*.{file[2:]}" in err


def test_frames_a_second_that_look_alike_are_one_number(tmp_path):
    write_folder(tmp_path / "data", ".gif", each=3)
    inspection = load(tmp_path / "data", kind="clips").inspection
    inspection = replace(inspection, frames=np.array([10, 10]), seconds=np.array([0.6, 0.60001]))
    assert frames_lines(inspection) == ["frames      10, 16.7 a second"]


def test_videos_without_their_reader_say_how_to_get_it(tmp_path, monkeypatch):
    write_folder(tmp_path / "data", ".mp4", each=2)
    usual = builtins.__import__

    def missing(name, *rest):
        if name == "av":
            raise ImportError(name)
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError) as raised:
        load(tmp_path / "data", skip_bad=True)
    assert "pip install 'automl-sem[video]'" in str(raised.value)


def test_a_search_reads_numbered_frames_as_images_if_told_to(call, tmp_path):
    folder = write_folder(tmp_path / "data", "frames")
    code, out, err = call("search", folder, "--kind", "images", "--dry-run")
    assert (code, err) == (0, "")
    assert "2 classes, 12x16x1" in out


# The command `data`


def test_the_command_says_what_was_understood(call, tmp_path):
    folder = write_folder(tmp_path / "data", ".gif", each=5)
    write_animation(folder / "left" / "a.gif", moving(9, 77, (20, 24)), 50)
    (folder / "left" / "z.gif").write_bytes(b"GIF")
    code, out, err = call("data", folder, "--kind", "clips", "--frames", 4)
    assert code == 0, err
    lines = out.splitlines()
    assert "clips       9 to train, 2 held out for the test" in lines
    assert "as trained  4 frames of 12x16, grey" in lines
    assert "frames      6 to 9 (median 6), 10 to 20 (median 10) a second" in lines
    assert "unreadable  1" in lines
    assert err.splitlines()[-1] == (
        f"next: automl-sem search {folder} --kind clips --frames 4 --skip-bad"
    )
    code, out, _ = call("data", folder, "--kind", "clips", "--json", "--force")
    found = json.loads(out)
    assert found["kind"] == "clips"
    assert found["saved_frames"] == {"smallest": 6, "median": 6, "largest": 9}
    assert found["saved_seconds"]["largest"] == 0.6


def test_the_sheet_shows_frames_of_a_clip_in_a_row(call):
    assert call("data", "motion", "--sheet", "m.png")[0] == 0
    sheet = np.asarray(Image.open(call.directory / "m.png").convert("L"))
    clip = load_dataset("motion").train.x[0, ..., 0]
    tops = set()
    for frame in (clip[0], clip[-1]):
        large = np.kron(frame, np.ones((3, 3), np.uint8))
        windows = np.lib.stride_tricks.sliding_window_view(sheet, large.shape)
        corners = np.argwhere((windows[..., ::3, 0] == large[::3, 0]).all(axis=-1))
        (at,) = [(y, x) for y, x in corners if (windows[y, x] == large).all()]
        tops.add(at[0])
    assert len(tops) == 1
