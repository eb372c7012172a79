"""Pictures show an example as a person would look at it: a clip plays, a series is a curve."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from made_runs import Page, make_clips, make_dataset, make_series
from PIL import Image

from automl_sem.data.series_overview import COLOURS
from automl_sem.reports.pictures import (
    BELOW,
    COLUMNS,
    HEIGHT,
    LARGEST,
    LEFT,
    PLAYED,
    RIGHT,
    WIDTH,
    pictures_of,
)


def images_of(markup):
    """Return the images of a picture by class: content, and what stands for it in words."""
    found = {}
    for image in Page(str(markup)).find("img"):
        content = base64.b64decode(image["src"].partition(",")[2])
        found[image["class"]] = (content, image["alt"])
    return found


def frames_of(content):
    image = Image.open(io.BytesIO(content))
    frames = []
    for number in range(image.n_frames):
        image.seek(number)
        frames.append(np.array(image.convert("RGB")))
    return frames


def lines_of(markup):
    """Return the points of each line, (n, 2): pixels to the right and down."""
    paths = re.findall(r'<path stroke="([^"]+)" d="M([^"]*)"', str(markup))
    return [
        np.array([[float(v) for v in p.split()] for p in d.removesuffix("h0").split("L")])
        for _, d in paths
    ]


def test_an_image_is_one_picture_with_words():
    dataset = make_dataset()
    ((content, alt),) = images_of(pictures_of(dataset).draw(dataset.train.x[0], "a <b>")).values()
    assert alt == "a <b>"
    large = np.array(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(large[::14, ::14], dataset.train.x[0, ..., 0])
    assert pictures_of(dataset).legend() == ""


@pytest.mark.parametrize("channels", [1, 3])
def test_a_clip_plays_all_its_frames_for_ever(channels):
    dataset = make_clips(frames=8, channels=channels)
    clip = dataset.train.x[3]
    content, alt = images_of(pictures_of(dataset).draw(clip, "clip 3"))["moving"]
    assert alt == "clip 3, playing"
    played = frames_of(content)
    assert len(played) == 8
    for frame, shown in zip(clip, played, strict=True):
        np.testing.assert_array_equal(shown, np.broadcast_to(frame, shown.shape))
    assert Image.open(io.BytesIO(content)).info["loop"] == 0


def test_a_clip_has_frames_from_first_to_last_for_paper():
    dataset = make_clips(frames=8, side=12)
    clip = dataset.train.x[3]
    content, alt = images_of(pictures_of(dataset).draw(clip, "clip 3"))["frames"]
    assert alt == "clip 3, 6 frames from first to last"
    (sheet,) = frames_of(content)
    assert sheet.shape[:2] == (2 * 12 + 2, 3 * 12 + 4)
    np.testing.assert_array_equal(sheet[:12, :12, 0], clip[0, ..., 0])
    np.testing.assert_array_equal(sheet[-12:, -12:, 0], clip[-1, ..., 0])


@pytest.mark.parametrize("frames", [1, 2])
def test_a_clip_of_few_frames_is_drawn(frames):
    dataset = make_clips(frames=frames, side=12)
    found = images_of(pictures_of(dataset).draw(dataset.train.x[0], "clip"))
    assert len(frames_of(found["moving"][0])) == frames
    (sheet,) = frames_of(found["frames"][0])
    assert sheet.shape[:2] == (12, 14 * min(frames, COLUMNS) - 2)


def test_large_noisy_clips_stay_small_files():
    dataset = make_clips(n=3, frames=4, channels=3)
    noise = np.random.default_rng(0).integers(0, 256, (60, 200, 150, 3)).astype(np.uint8)
    found = images_of(pictures_of(dataset).draw(noise, "noise"))
    assert len(frames_of(found["moving"][0])) <= PLAYED
    assert all(len(content) <= LARGEST for content, _ in found.values())


def test_a_series_is_a_line_for_each_channel_on_one_scale():
    dataset = make_series(channels=("x", "y"))
    pictures = pictures_of(dataset)
    x = dataset.train.x[0].copy()
    mean, sd = (f(dataset.train.x, axis=(0, 1)) for f in (np.nanmean, np.nanstd))
    x[:, 1] = (x[:, 0] - mean[0]) / sd[0] * sd[1] + mean[1]  # ten times as large
    first, second = lines_of(pictures.draw(x, "series"))
    np.testing.assert_allclose(first, second, atol=0.11)
    assert len(first) == 30
    assert first[:, 1].min() >= 0
    assert first[:, 1].max() <= HEIGHT - BELOW


def test_a_line_ends_where_its_series_does():
    dataset = make_series(steps=30)
    pictures = pictures_of(dataset)
    whole, short = (lines_of(pictures.draw(dataset.train.x[i], "s"))[0] for i in (0, 1))
    assert whole[-1, 0] == pytest.approx(WIDTH - LEFT - RIGHT, abs=0.1)
    assert len(short) == 20
    assert short[-1, 0] == pytest.approx(19 / 29 * (WIDTH - LEFT - RIGHT), abs=0.1)
    text = str(pictures.draw(dataset.train.x[1], "a <b>"))
    assert 'aria-label="a &lt;b&gt;, curves of 20 steps"' in text
    assert "NaN" not in text
    assert "nan" not in text


def test_peaks_of_long_series_are_kept():
    dataset = make_series(steps=3000, channels=("x",))
    x = dataset.train.x[0].copy()
    x[1234] = x.min() - 1
    x[2345] = x.max() + 1
    (line,) = lines_of(pictures_of(dataset).draw(x, "s"))
    assert len(line) <= 202
    at = line[:, 0] / (WIDTH - LEFT - RIGHT) * 2999
    assert at[line[:, 1].argmax()] == pytest.approx(1234, abs=2)
    assert at[line[:, 1].argmin()] == pytest.approx(2345, abs=2)
    assert line[0, 0] == 0
    assert at[-1] == pytest.approx(2999, abs=2)


def test_the_names_of_the_channels_stand_in_the_legend_and_those_too_many_are_counted():
    names = ("<b>x</b>", *(f"sensor {i}" for i in range(1, 10)))
    dataset = make_series(channels=names)
    pictures = pictures_of(dataset)
    legend = Page(str(pictures.legend()))
    assert not legend.find("b")
    shown = len(COLOURS)
    assert all(name in legend.texts for name in names[:shown])
    assert names[shown] not in legend.texts
    assert f"and {10 - shown} more, not drawn" in legend.texts
    assert len(lines_of(pictures.draw(dataset.train.x[0], "s"))) == shown


def test_channels_without_names_are_numbered():
    dataset = replace(make_series(), inspection=None)
    assert {"channel 1", "channel 2"} <= set(Page(str(pictures_of(dataset).legend())).texts)


def test_a_constant_channel_and_a_series_of_one_step_are_drawn():
    dataset = make_series(channels=("x",))
    x = np.full_like(dataset.train.x, np.nan)
    x[:, 0] = 7.0
    same = replace(dataset, train=replace(dataset.train, x=x))
    (line,) = lines_of(pictures_of(same).draw(x[0], "s"))
    assert line.shape == (1, 2)
    assert 0 < line[0, 1] < HEIGHT - BELOW
