"""Clips and series through all of an augmentation, and through its layers as part of a model."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import EVERYTHING

from automl_sem.augmentation import (
    RandomAffine,
    RandomCutout,
    RandomDrop,
    RandomElastic,
    RandomLight,
    RandomMute,
    RandomNoise,
    RandomStroke,
    RandomTime,
)
from automl_sem.augmentation.marks import marked
from automl_sem.augmentation.mixup import draw_weights
from automl_sem.augmentation.pipeline import Augmentation, layers_of
from automl_sem.augmentation.unseen import RandomBlur, RandomPerspective
from automl_sem.types import Augment

pytestmark = pytest.mark.usefixtures("reproducible")

SEED = np.array([3, 4], np.int32)
TARGETS = tf.one_hot([0, 1, 2, 0, 1, 2], 3)
IN_TIME = {"speed": 0.5, "start": 0.2, "warp": 0.1, "crop": 0.3, "drop": 0.5}
OF_CLIPS = dataclasses.replace(EVERYTHING, **IN_TIME)
OF_SERIES = Augment(**IN_TIME, channels=0.6, noise=0.2, mixup=0.5)
SHARES = [slice(0, 6), slice(0, 4), slice(4, 6), slice(2, 3)]
FRAMEWISE = [
    RandomAffine(rotation=180, scale=0.5, shift=0.2, flip=True),
    RandomElastic(0.3),
    RandomStroke(2.0),
    RandomCutout(0.8),
    RandomPerspective(0.3),
    RandomBlur(1.0),
]


@pytest.fixture
def clips():
    """Six clips of seven frames, with values between 20 and 235."""
    return np.random.default_rng(0).uniform(20, 235, (6, 7, 12, 10, 2)).astype(np.float32)


@pytest.fixture
def series():
    """Six series of 1 to 30 steps."""
    values = np.random.default_rng(0).normal(size=(6, 30, 3)).astype(np.float32)
    for row, length in zip(values, (1, 30, 12, 2, 25, 18), strict=True):
        row[length:] = np.nan
    return values


def test_each_kind_of_data_has_its_layers():
    def names(augment, kind):
        return [type(layer).__name__.removeprefix("Random") for layer in layers_of(augment, kind)]

    pictures = ["Affine", "Elastic", "Stroke", "Cutout", "Light", "Noise"]
    assert names(OF_CLIPS, "clips") == ["Time", *pictures, "Drop"]
    assert names(OF_SERIES, "series") == ["Time", "Noise", "Mute", "Drop"]
    for field in ("speed", "start", "warp", "crop"):
        assert names(Augment(**{field: 0.1}), "clips") == ["Time"]


@pytest.mark.parametrize("layer", FRAMEWISE, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("fill", [0.0, 255.0])
def test_each_frame_of_a_clip_changes_as_an_image_by_the_draws_of_the_clip(layer, clips, fill):
    draws = layer.draw(6, clips.shape[1:], SEED)
    ours = layer.change(clips, draws, fill).numpy()
    assert np.abs(ours - clips).max() > 20
    for number in range(7):
        frame = layer.change(clips[:, number], draws, fill)
        np.testing.assert_allclose(ours[:, number], frame, atol=1e-3)


def test_a_clip_has_one_light(clips):
    clips[:, 3] /= 2  # a frame that is darker stays so
    layer = RandomLight(brightness=0.1, contrast=0.3)
    draws = layer.draw(6, clips.shape[1:], SEED).numpy()
    ours = layer.change(clips, draws, 0.0).numpy()
    for clip, result, (brighter, contrast) in zip(clips, ours, draws, strict=True):
        wanted = clip.mean() + (clip - clip.mean()) * 1.3**contrast + 255 * 0.1 * brighter
        np.testing.assert_allclose(result, np.clip(wanted, 0, 255), atol=0.01)


def test_each_frame_has_its_own_noise():
    grey = np.full((40, 5, 20, 20, 1), 127, np.float32)
    layer = RandomNoise(0.1)
    added = layer.change(grey, layer.draw(40, grey.shape[1:], SEED), 0.0).numpy() - grey
    frames = added.reshape(40, 5, -1)
    alike = [np.corrcoef(clip)[0, 1] for clip in frames]
    assert np.abs(np.mean(alike)) < 0.05
    deviations = frames.std(axis=2)  # one for each clip
    np.testing.assert_allclose(deviations[:, 0], deviations[:, 4], rtol=0.2)


@pytest.mark.parametrize(
    ("kind", "augment"),
    [
        pytest.param("clips", OF_CLIPS, marks=pytest.mark.slow),
        ("clips", dataclasses.replace(OF_CLIPS, mixup=0.0)),
        ("series", OF_SERIES),
        ("series", dataclasses.replace(OF_SERIES, mixup=0.0)),
    ],
)
def test_a_share_of_a_batch_of_sequences_changes_as_in_the_whole(kind, augment, request):
    values = request.getfixturevalue(kind)
    augmentation = Augmentation(augment, kind, values.shape[1:])

    @tf.function(input_signature=[tf.TensorSpec(values.shape), tf.TensorSpec([2], tf.int32)])
    def shares(values, bounds):
        share = slice(bounds[0], bounds[1])
        return augmentation(values, TARGETS, tf.constant(SEED), 0.0, share)

    whole, wanted = augmentation(values, TARGETS, SEED, 0.0)
    assert np.nanmax(np.abs(whole - values)) > 0.3
    for share in SHARES:
        ours, targets = shares(values, [share.start, share.stop])
        np.testing.assert_allclose(ours, whole[share], atol=0.01)
        np.testing.assert_allclose(targets, wanted[share], atol=1e-6)


@pytest.mark.parametrize("mixup", [0.0, 0.5])
def test_more_padding_changes_nothing_but_itself(series, mixup):
    augment = dataclasses.replace(OF_SERIES, mixup=mixup)
    longer = np.pad(series, [(0, 0), (0, 13), (0, 0)], constant_values=np.nan)
    augmentation = Augmentation(augment, "series", series.shape[1:])
    first, targets = augmentation(series, TARGETS, SEED, 0.0)
    second, same = augmentation(longer, TARGETS, SEED, 0.0)
    np.testing.assert_array_equal(second[:, :30], first)
    assert np.isnan(second[:, 30:]).all()
    np.testing.assert_array_equal(targets, same)
    if not mixup:
        np.testing.assert_array_equal(np.isnan(first), np.isnan(series))


def test_the_padding_of_the_shorter_one_is_mixed_in_as_the_mean(series):
    augmentation = Augmentation(Augment(mixup=1.0), "series", series.shape[1:])
    mixed, _ = augmentation(series, TARGETS, SEED, 0.0)
    weights = draw_weights(6, 1.0, SEED).numpy()  # no layer draws before it
    for i, weight in enumerate(weights):
        both = weight * np.nan_to_num(series[i]) + (1 - weight) * np.nan_to_num(series[5 - i])
        both[np.isnan(series[i]) & np.isnan(series[5 - i])] = np.nan
        np.testing.assert_allclose(mixed[i], both, atol=1e-5)


@pytest.mark.parametrize("kind", ["clips", "series"])
def test_changes_of_sequences_are_reproducible_and_new_in_every_step(kind, request):
    values = request.getfixturevalue(kind)
    augmentation = Augmentation(OF_CLIPS if kind == "clips" else OF_SERIES, kind, values.shape[1:])
    first, again, other = (
        augmentation(values, TARGETS, SEED + np.array([0, step], np.int32), 0.0)[0].numpy()
        for step in (0, 0, 7919)
    )
    np.testing.assert_array_equal(first, again)
    assert np.nanmax(np.abs(first - other).reshape(6, -1), axis=1).min() > 0.01


@pytest.mark.parametrize("frames", [7, None])
@pytest.mark.parametrize(
    "layer",
    [
        RandomTime(speed=0.5, start=0.3, warp=0.1, crop=0.3),
        RandomDrop(0.9),
        RandomAffine(shift=0.3),
        RandomNoise(0.3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_in_a_model_of_clips_layers_work_while_training_alone(layer, clips, frames):
    inputs = keras.Input((frames, 12, 10, 2))
    model = keras.Model(inputs, layer(inputs))
    shown = clips / 255
    np.testing.assert_array_equal(model(shown), shown)
    first, second = (np.asarray(model(shown, training=True)) for _ in range(2))
    for one, other in ((first, shown), (second, shown), (first, second)):
        assert np.abs(one - other).max() > 0.02


@pytest.mark.parametrize(
    "layer",
    [RandomTime(speed=0.5, start=0.3), RandomDrop(0.9), RandomMute(0.9), RandomNoise(0.5)],
    ids=lambda layer: type(layer).__name__,
)
def test_in_a_model_of_series_padding_of_zeros_stays(layer, series):
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, layer(inputs))
    shown = np.asarray(marked(series))
    np.testing.assert_array_equal(model(shown), shown)
    changed = np.asarray(model(shown, training=True))
    assert np.abs(changed - shown).max() > 0.1
    np.testing.assert_array_equal((changed == 0).all(axis=-1), np.isnan(series[..., 0]))


@pytest.mark.parametrize(
    "layer",
    [RandomTime(0.5, 0.3, 0.1, 0.2), RandomDrop(0.4), RandomMute(0.6)],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_of_sequences_can_be_kept_and_made_again(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    names = ("speed", "start", "warp", "crop", "drop", "channels")
    kept = [name for name in names if hasattr(layer, name)]
    assert kept
    assert {n: getattr(again, n) for n in kept} == {n: getattr(layer, n) for n in kept}
