import numpy as np
import pytest
import tensorflow as tf

from automl_sem import DiffAugment
from automl_sem.gans.differentiable import change, draw

FILL = 0.25


def some(n=6, side=9, channels=1):
    rng = np.random.default_rng(0)
    return rng.uniform(0.3, 1.0, (n, side, side, channels)).astype(np.float32)


def draws(n, **chosen):
    """Draws in 0..1: light in the middle, no shift, no matter where the square is."""
    found = np.full((n, 6), 0.5, np.float32)
    columns = {"brightness": 0, "contrast": 1, "down": 2, "right": 3, "row": 4, "column": 5}
    for name, values in chosen.items():
        found[:, columns[name]] = values
    return found


def changed(images, drawn, **augment):
    return change(tf.constant(images), tf.constant(drawn), DiffAugment(**augment), FILL).numpy()


def test_draws_in_the_middle_leave_light_and_place_as_they_are():
    images = some()
    same = changed(images, draws(6), translation=0.3, brightness=0.4, contrast=0.9)
    np.testing.assert_allclose(same, images, atol=1e-6)


def test_images_move_by_whole_pixels_and_the_background_comes_into_view():
    images = some(5)
    moved = changed(images, draws(5, down=[0, 0.25, 0.5, 0.7, 0.999]), translation=2 / 9)
    for image, shifted, by in zip(images, moved, (-2, -1, 0, 1, 2), strict=True):
        expected = np.full_like(image, FILL)
        source, target = slice(max(0, -by), 9 - max(0, by)), slice(max(0, by), 9 + min(0, by))
        expected[target] = image[source]
        np.testing.assert_array_equal(shifted, expected)
    sideways = changed(images, draws(5, right=0.999), translation=2 / 9)
    np.testing.assert_array_equal(sideways[:, :, 2:], images[:, :, :-2])
    np.testing.assert_array_equal(sideways[:, :, :2], np.full((5, 9, 2, 1), FILL, np.float32))


@pytest.mark.parametrize(("share", "length"), [(2 / 9, 2), (3 / 9, 3)])
def test_a_square_gets_the_background_value(share, length):
    images = some()
    cut = changed(images, draws(6, row=0.5, column=0.2), cutout=share)
    gone = (cut != images)[..., 0]
    rows, columns = gone.any(axis=2), gone.any(axis=1)
    assert (rows.sum(axis=1) == length).all()
    assert (columns.sum(axis=1) == length).all()
    assert (gone.sum(axis=(1, 2)) == length**2).all()
    np.testing.assert_array_equal(cut[..., 0][gone], FILL)


def test_at_the_edge_part_of_the_square_lies_outside():
    gone = (changed(some(1), draws(1, row=0.0, column=0.999), cutout=3 / 9) != some(1))[0, ..., 0]
    assert np.argwhere(gone).tolist() == [[0, 7], [0, 8], [1, 7], [1, 8]]


def test_brightness_adds_and_contrast_stretches_around_the_mean():
    images = some(2)
    brighter = changed(images, draws(2, brightness=[0.0, 1.0]), brightness=0.2)
    shift = np.array([-0.2, 0.2])[:, None, None, None]
    np.testing.assert_allclose(brighter, images + shift, atol=1e-6)
    stronger = changed(images, draws(2, contrast=[0.0, 1.0]), contrast=0.5)
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    factor = np.array([0.5, 1.5])[:, None, None, None]
    np.testing.assert_allclose(stronger, mean + factor * (images - mean), atol=1e-6)


def test_the_gradient_of_what_is_seen_reaches_the_images():
    images = tf.constant(some(40))
    augment = DiffAugment(translation=0.125, cutout=0.25, brightness=0.1)
    with tf.GradientTape() as tape:
        tape.watch(images)
        seen = change(images, draw(40, [1, 2]), augment, FILL)
        total = tf.reduce_sum(seen * tf.constant(some(40)))
    gradient = tape.gradient(total, images).numpy()
    share = (gradient != 0).mean()
    assert 0.7 < share < 1, "all but what is cut out or moved out of view"


def test_equal_seeds_give_equal_draws_and_all_of_the_range():
    first, again, other = draw(500, [1, 2]), draw(500, [1, 2]), draw(500, [1, 3])
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.numpy().min() < 0.02
    assert first.numpy().max() > 0.98
