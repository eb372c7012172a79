"""Recipes and augmentations: what they refuse, how they are kept and shown."""

import dataclasses

import pytest

from automl_sem.augment import AUGMENT_KINDS, AUGMENT_LIMITS, MILD, check_augment
from automl_sem.errors import UserError
from automl_sem.types import Augment, Recipe


def test_a_recipe_comes_back_from_its_record():
    recipe = Recipe(steps=600, augment=Augment(rotation=90, flip=True), label_smoothing=0.1)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert Recipe.from_dict({"augment": True}).augment == MILD
    assert not Recipe.from_dict({}).augment


def test_augmentation_is_on_if_anything_of_it_is():
    assert not Augment()
    for field in dataclasses.fields(Augment):
        assert Augment(**{field.name: 0.1 if field.name != "flip" else True})


@pytest.mark.parametrize("name", AUGMENT_LIMITS)
@pytest.mark.parametrize("value", [-0.1, float("nan"), 181.0])
def test_a_strength_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"Augment\.{name} must be from 0 to .* Received"):
        Augment(**{name: value})


def test_each_change_is_for_some_kinds_of_data():
    assert set(AUGMENT_KINDS) == {field.name for field in dataclasses.fields(Augment)}
    for name, kinds in AUGMENT_KINDS.items():
        augment = Augment(**{name: 0.1 if name != "flip" else True})
        for kind in ("images", "clips", "series"):
            if kind in kinds:
                check_augment(augment, kind)
                continue
            with pytest.raises(UserError) as error:
                check_augment(augment, kind)
            said = f"Recipe.augment: {name} is for {' and '.join(kinds)}, but the data are {kind}."
            assert str(error.value).startswith(said)
    with pytest.raises(UserError, match="For series there are channels, crop, drop, mixup, noise"):
        check_augment(MILD, "series")


@pytest.mark.parametrize(
    ("name", "value"),
    [("label_smoothing", 1.0), ("views", "mirror"), ("class_weight", "some"), ("steps", 0),
     ("augment", "much")],
)  # fmt: skip
def test_a_recipe_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"Recipe\.{name} must be .* Received: {value!r}"):
        Recipe(**{name: value})


def test_people_are_shown_what_counts():
    shown = Recipe(steps=600, augment=Augment(rotation=90, flip=True)).shown()
    assert shown["augment"] == "rotation 90, flip"
    assert shown["steps"] == 600
    assert "epochs" not in shown
    assert Recipe().shown()["augment"] == "none"
    assert Recipe(epochs=5).shown()["epochs"] == 5
