"""What every augmentation layer promises."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import automl_sem.augmentation as layers

pytestmark = pytest.mark.usefixtures("reproducible")

STRENGTHS = {
    "RandomAffine": {"rotation": 180, "scale": 0.5, "aspect": 0.4, "shear": 30, "shift": 0.2},
    "RandomElastic": {"elastic": 0.3},
    "RandomStroke": {"stroke": 2.0},
    "RandomCutout": {"cutout": 0.8},
    "RandomLight": {"brightness": 0.3, "contrast": 0.5},
    "RandomNoise": {"noise": 0.2},
}
SEED = np.array([5, 6], np.int32)


@pytest.fixture(params=STRENGTHS)
def make(request):
    """Make a layer, by default of all strengths."""
    name = request.param

    def make(off=False, **options):
        strengths = dict.fromkeys(STRENGTHS[name], 0.0) if off else STRENGTHS[name]
        return getattr(layers, name)(**strengths, **options)

    return make


def test_all_layers_are_offered():
    in_time = {"RandomTime", "RandomDrop", "RandomMute"}  # they do not change an image
    assert set(layers.__all__) == set(STRENGTHS) | in_time
    with pytest.raises(AttributeError, match="RandomNothing"):
        layers.RandomNothing  # noqa: B018


@pytest.mark.parametrize("fill", [0.0, 255.0])
def test_a_strength_of_0_changes_nothing(make, images, fill):
    layer = make(off=True)
    draws = layer.draw(len(images), images.shape[1:], SEED)
    np.testing.assert_allclose(layer.change(images, draws, fill), images, atol=1e-3)


@pytest.mark.parametrize("fill", [0.0, 255.0])
def test_a_part_of_a_batch_changes_as_in_the_whole(make, images, fill):
    layer = make()
    draws = layer.draw(len(images), images.shape[1:], SEED)
    whole = layer.change(images, draws, fill).numpy()
    assert np.abs(whole - images).max() > 20
    assert whole.min() >= -1e-3
    assert whole.max() <= 255 + 1e-3
    part = layer.change(images[2:4], draws[2:4], fill)
    np.testing.assert_allclose(part, whole[2:4], atol=1e-3)


@pytest.mark.parametrize(
    "make", ["RandomAffine", "RandomElastic", "RandomStroke", "RandomCutout"], indirect=True
)
@pytest.mark.parametrize("fill", [0.0, 255.0])
def test_an_empty_image_stays_empty(make, images, fill):
    layer, empty = make(), np.full_like(images, fill)
    draws = layer.draw(len(images), images.shape[1:], SEED)
    np.testing.assert_allclose(layer.change(empty, draws, fill), empty, atol=1e-3)


def test_the_seed_decides_the_draws(make, images):
    first, again, other = (
        make().draw(6, images.shape[1:], np.array(seed, np.int32)).numpy()
        for seed in ([5, 6], [5, 6], [5, 7])
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9
    assert len(np.unique(first.reshape(6, -1), axis=0)) == 6  # each image has its own


def test_a_graph_with_any_batch_size_gives_the_same(make, images):
    layer = make()

    @tf.function(input_signature=[tf.TensorSpec([None, *images.shape[1:]])])
    def graph(images):
        draws = layer.draw(tf.shape(images)[0], images.shape[1:], tf.constant(SEED))
        return layer.change(images, draws, tf.constant(255.0))

    for chosen in (images, images[:1]):
        draws = layer.draw(len(chosen), images.shape[1:], SEED)
        expected = layer.change(chosen, draws, np.float32(255))
        np.testing.assert_allclose(graph(chosen), expected, atol=1e-3)


def test_in_a_model_it_works_while_training_alone(make, images):
    inputs = keras.Input(images.shape[1:])
    model = keras.Model(inputs, make(fill=1.0, seed=3)(inputs))
    shown = images / 255
    for prediction in (model(shown), model(shown, training=False)):
        np.testing.assert_array_equal(prediction, shown)
    first, second = (np.asarray(model(shown, training=True)) for _ in range(2))
    assert np.abs(first - shown).max() > 0.02
    assert np.abs(first - second).max() > 0.02
    assert first.max() <= 1 + 1e-4


def test_images_may_have_any_range_of_values(make, images):
    usual = make(fill=1.0, seed=3)(images / 255, training=True)
    bytes_ = make(fill=255, value_range=(0, 255), seed=3)(images, training=True)
    signed = make(fill=1, value_range=(-1, 1), seed=3)(images / 127.5 - 1, training=True)
    np.testing.assert_allclose(bytes_, np.asarray(usual) * 255, atol=0.01)
    np.testing.assert_allclose(signed, np.asarray(usual) * 2 - 1, atol=1e-4)


def test_it_can_be_kept_and_made_again(make):
    layer = make(fill=0.5, value_range=(-1.0, 1.0), seed=3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    kept = ("fill", "value_range", *STRENGTHS[type(layer).__name__])
    assert {n: getattr(again, n) for n in kept} == {n: getattr(layer, n) for n in kept}
